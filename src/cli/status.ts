// `tidegate status`: what the running program is and does, on one screen.

import { readServices, readStatus } from "../admin/answers.ts";
import { askControl } from "../admin/control-client.ts";
import type { ProviderRow, ServiceRow, Status } from "../admin/operations.ts";
import { formatProblem } from "../config/problem.ts";
import { type Colour, paint } from "./paint.ts";
import { plain } from "./plain.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { serviceLines } from "./status-services.ts";
import { counted, shortSize, shortTime, timeSince } from "./units.ts";

/** Returns the exit code. */
export async function status(options: CommandOptions): Promise<number> {
  const path = placeOf(options);
  const [answer, services] = await Promise.all([
    ask(path, { route: "/v1/status", timeoutMs: 10_000 }),
    // The workers are asked for it, and a status without them is better than none.
    askControl(path, { route: "/v1/services", timeoutMs: 10_000 }),
  ]);
  const now = understood(answer, readStatus);
  const rows = services.kind === "answer" ? readServices(services.body) : undefined;
  if (options.json) printJson({ ...wholeOf(answer.body), services: rows });
  else process.stdout.write(`${linesOf(now, rows).join("\n")}\n`);
  return 0;
}

/** With what this version does not know. */
function wholeOf(body: unknown): object {
  return typeof body === "object" && body !== null ? body : {};
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

function linesOf(now: Status, services: readonly ServiceRow[] | undefined): string[] {
  const out = process.stdout;
  const { workers, counts, snapshot } = now;
  const leaving = workers.leaving === 0 ? "" : `, ${workers.leaving} leaving`;
  const processes = now.pid === now.mainPid ? `${now.pid}` : `${now.mainPid}, primary ${now.pid}`;
  return [
    `${paint(out, "bold", `Tidegate ${now.version}`)}  ${paint(out, colours[now.state], now.state)}${meanings[now.state]}`,
    `process        ${processes}, for ${shortTime(now.uptime)}, on Node.js ${now.node}`,
    `configuration  ${plain(now.config ?? "none: embedded defaults")}`,
    `               version ${snapshot.version} of ${snapshot.since}, ${counted(snapshot.routes, "route")}`,
    ...now.problems.map((each) =>
      paint(out, "red", `               not live: ${plain(formatProblem(each))}`),
    ),
    ...now.failedTests.map((each) =>
      paint(out, "yellow", `               ${plain(formatProblem(each))}`),
    ),
    ...(now.store === undefined
      ? []
      : [paint(out, "red", `store          cannot be changed: ${plain(now.store)}`)]),
    ...now.silent.map((each) => silentLine(each)),
    ...now.listeners.flatMap(({ name, addresses }) =>
      addresses.map((each) => `listening      ${plain(name)}  ${plain(formatAddress(each))}`),
    ),
    workers.wanted === 0
      ? "workers        none: a single process serves"
      : `workers        ${workers.live} of ${workers.wanted} live${leaving}`,
    ...serviceLines(services),
    `open           ${counted(counts.connections, "connection")}, ${counted(counts.exchanges, "request")}, ${counted(counts.tunnels, "tunnel")}`,
    `answered       ${counted(counts.answered, "request")}`,
    `memory         ${shortSize(now.memory)}`,
  ];
}

/** Why routes may be old, or not there yet. */
function silentLine({ name, state, trouble, since }: ProviderRow): string {
  const why = trouble === undefined ? "has said nothing yet" : plain(trouble);
  const time = timeSince(since);
  const colour = state === "failing" ? "red" : "yellow";
  const text = `provider       ${plain(name)}: ${why}${time === "" ? "" : ` (for ${time})`}`;
  return paint(process.stdout, colour, text);
}

function formatAddress({ host, port }: { host: string; port: number }): string {
  if (port === 0) return host;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
