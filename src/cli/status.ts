// `tidegate status`: what the running program is and does, on one screen.

import { readStatus } from "../admin/answers.ts";
import type { Status } from "../admin/operations.ts";
import { formatProblem } from "../config/problem.ts";
import { type Colour, paint } from "./paint.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { counted, shortSize, shortTime } from "./units.ts";

/** Returns the exit code. */
export async function status(options: CommandOptions): Promise<number> {
  const answer = await ask(placeOf(options), { route: "/v1/status", timeoutMs: 10_000 });
  const now = understood(answer, readStatus);
  if (options.json) printJson(answer.body);
  else process.stdout.write(`${linesOf(now).join("\n")}\n`);
  return 0;
}

const colours: Readonly<Record<Status["state"], Colour>> = {
  serving: "green",
  draining: "yellow",
  stopping: "yellow",
  orphaned: "red",
};

const meanings: Readonly<Record<Status["state"], string>> = {
  serving: "",
  draining: " (accepts no more connections; `tidegate resume` lets it)",
  stopping: " (finishes what runs, then ends)",
  orphaned: " (lost its main process, and waits for a successor)",
};

function linesOf(now: Status): string[] {
  const out = process.stdout;
  const { workers, counts, snapshot } = now;
  const leaving = workers.leaving === 0 ? "" : `, ${workers.leaving} leaving`;
  const processes = now.pid === now.mainPid ? `${now.pid}` : `${now.mainPid}, primary ${now.pid}`;
  return [
    `${paint(out, "bold", `Tidegate ${now.version}`)}  ${paint(out, colours[now.state], now.state)}${meanings[now.state]}`,
    `process        ${processes}, for ${shortTime(now.uptime)}, on Node.js ${now.node}`,
    `configuration  ${now.config ?? "none: embedded defaults"}`,
    `               version ${snapshot.version} of ${snapshot.since}, ${counted(snapshot.routes, "route")}`,
    ...now.problems.map((each) =>
      paint(out, "red", `               not live: ${formatProblem(each)}`),
    ),
    ...now.listeners.flatMap(({ name, addresses }) =>
      addresses.map((each) => `listening      ${name}  ${formatAddress(each)}`),
    ),
    workers.wanted === 0
      ? "workers        none: a single process serves"
      : `workers        ${workers.live} of ${workers.wanted} live${leaving}`,
    `open           ${counted(counts.connections, "connection")}, ${counted(counts.exchanges, "request")}, ${counted(counts.tunnels, "tunnel")}`,
    `answered       ${counted(counts.answered, "request")}`,
    `memory         ${shortSize(now.memory)}`,
  ];
}

function formatAddress({ host, port }: { host: string; port: number }): string {
  if (port === 0) return host;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
