// `tidegate nodes`: who is in the fleet, as this node knows it, and how it stands with the etcd that they share.

import { readNodes } from "../admin/nodes-answer.ts";
import type { FleetRows, NodeRow } from "../admin/operations.ts";
import { type Colour, paint } from "./paint.ts";
import { plain } from "./plain.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { table } from "./table.ts";
import { timeSince } from "./units.ts";

/** Returns the exit code. */
export async function nodes(options: CommandOptions): Promise<number> {
  const answer = await ask(placeOf(options), { route: "/v1/nodes", timeoutMs: 10_000 });
  const { fleet } = understood(answer, readNodes);
  if (options.json) printJson(answer.body);
  else process.stdout.write(`${(fleet === null ? [none] : linesOf(fleet)).join("\n")}\n`);
  return 0;
}

const none = `this program is in no fleet. To share marks, orders and cookies with others, say in the configuration

fleet:
  etcd: { endpoints: ["http://HOST:2379"] }`;

const words: Readonly<Record<FleetRows["state"], readonly [Colour, string]>> = {
  joined: ["green", "joined"],
  starting: ["yellow", "starting: has not reached etcd yet"],
  away: ["red", "away: etcd does not answer, and this node goes on with what it knows"],
  alone: ["red", "alone"],
};

function linesOf(fleet: FleetRows): readonly string[] {
  const { state, trouble, since, seen, lag, endpoints, prefix } = fleet;
  const [colour, text] = words[state];
  const heard =
    seen === undefined ? "never" : `${timeSince(seen)} ago, within ${Math.ceil(lag)} ms`;
  return [
    `etcd    ${endpoints.map(plain).join(" ")}, keys ${plain(prefix)}`,
    `state   ${paint(process.stdout, colour, text)}, for ${timeSince(since)}; last answer ${heard}`,
    ...(trouble === undefined ? [] : [`        ${plain(trouble)}`]),
    "",
    ...table(heading, fleet.nodes.map(cellsOf)),
  ];
}

const heading = ["NODE", "STATE", "SEEN", "UP FOR", "VERSION", "CONFIG", "PID", "LISTENERS", "API"];

function cellsOf(row: NodeRow): string[] {
  const { name, isSelf, state, seen, since, version, snapshot, pid, listeners, admin } = row;
  const isDate = !Number.isNaN(Date.parse(since));
  return [
    `${name}${isSelf ? " (this)" : ""}`,
    state,
    seen === undefined ? "-" : timeSince(seen),
    isDate && state !== "gone" ? timeSince(since) : "-",
    version,
    String(snapshot),
    String(pid),
    listeners.join(", "),
    admin.join(", ") || "-",
  ];
}
