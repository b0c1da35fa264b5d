// `tidegate discover`: what the running program found on its own, what it became, and what was not
// understood and why. Names and labels are foreign text: whoever starts a container chose them.

import { readDiscovery } from "../admin/discovery-answer.ts";
import type { DiscoveryRows, ProviderRow, Refusal } from "../admin/operations.ts";
import { sourceKinds } from "../config/source-settings.ts";
import { discoveryTable, shortText } from "./discovery-table.ts";
import { type Colour, paint } from "./paint.ts";
import { plain } from "./plain.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { counted, timeSince } from "./units.ts";

const out = process.stdout;

/** Each is in the log too; what matters is that there are any. */
const mostRefusals = 50;

/** Returns the exit code. */
export async function discover(options: CommandOptions): Promise<number> {
  const answer = await ask(placeOf(options), { route: "/v1/discovery", timeoutMs: 10_000 });
  const rows = understood(answer, readDiscovery);
  if (options.json) printJson(answer.body);
  else process.stdout.write(`${linesOf(rows).join("\n")}\n`);
  return 0;
}

const nothingOn = `nothing is switched on: say in the configuration what to look at, for example

providers:
  docker: {}
  lxc: {}

There are docker, podman, lxc, incus, lxd and libvirt; and redis, hipache, etcd and http, where routes are kept.`;

function linesOf(rows: DiscoveryRows): readonly string[] {
  const { providers, findings, refusals } = rows;
  if (providers.length === 0) return [nothingOn];
  const sections = [
    providers.flatMap(providerLines),
    findings.length === 0 ? [] : discoveryTable(rows),
    refusalLines(refusals),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .flatMap((lines, at) => (at === 0 ? lines : ["", ...lines]));
}

const stateColours: Readonly<Record<ProviderRow["state"], Colour>> = {
  ok: "green",
  failing: "red",
  starting: "yellow",
};

/** Of one that works and found something the table says enough; of items it has only those that are bad. */
function providerLines(provider: ProviderRow): readonly string[] {
  const { name, kind, state, trouble, since, found } = provider;
  const isSource = sourceKinds.some((each) => each === kind);
  if (state === "ok" && found > 0 && trouble === undefined && !isSource) return [];
  const word = paint(out, stateColours[state], state);
  const title = `${paint(out, "bold", plain(name))}${name === kind ? "" : ` (${plain(kind)})`}`;
  const time = timeSince(since);
  const rest: Readonly<Record<ProviderRow["state"], string>> = {
    ok: found === 0 ? ", and nothing is there" : `, with ${counted(found, "item")}`,
    failing: found === 0 ? "" : "; what it said last stays",
    starting: ", and has said nothing yet",
  };
  return [
    `${title}  ${word}${time === "" ? "" : ` for ${time}`}${rest[state]}`,
    ...(trouble === undefined ? [] : [`  ${shortText(trouble)}`]),
  ];
}

function refusalLines(refusals: readonly Refusal[]): readonly string[] {
  if (refusals.length === 0) return [];
  const hidden = refusals.length - mostRefusals;
  return [
    paint(out, "bold", "REFUSED"),
    ...refusals
      .slice(0, mostRefusals)
      .map(({ place, message }) => `${shortText(place)}: ${shortText(message)}`),
    ...(hidden > 0 ? [paint(out, "grey", `and ${hidden} more; --json has all`)] : []),
  ];
}
