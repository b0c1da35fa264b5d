// `tidegate services`: services and their backends as they are now; of one service also what it is made of.

import type { ServiceRow } from "../admin/operations.ts";
import { askServices, findService } from "./find-service.ts";
import { paint } from "./paint.ts";
import { plain } from "./plain.ts";
import { type CommandOptions, placeOf, printJson } from "./running.ts";
import { backendLines, linesOf, partsOf, serviceTable, stateColours } from "./service-table.ts";
import { timeSince } from "./units.ts";

/** Returns the exit code. */
export async function services(name: string | undefined, options: CommandOptions): Promise<number> {
  const { rows, answer } = await askServices(placeOf(options));
  const one = name === undefined ? undefined : findService(rows, name);
  if (options.json) {
    // As it came, with what this version does not know.
    const { body } = answer;
    printJson(one !== undefined && Array.isArray(body) ? body[rows.indexOf(one)] : body);
    return 0;
  }
  const lines = one === undefined ? linesOfAll(rows) : linesOfOne(one, rows);
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

function linesOfAll(rows: readonly ServiceRow[]): readonly string[] {
  if (rows.length === 0) return ["none: no service is configured"];
  return serviceTable(rows.flatMap(linesOf), true);
}

/** With the services it consists of. */
function linesOfOne(row: ServiceRow, rows: readonly ServiceRow[]): readonly string[] {
  const involved = withParts(row, rows);
  const isAlone = involved.length === 1;
  const lines = involved.flatMap((each) =>
    each === row && (isAlone || row.backends.length === 0) ? backendLines(each) : linesOf(each),
  );
  return [...headOf(row), ...(lines.length === 0 ? [] : ["", ...serviceTable(lines, !isAlone)])];
}

function headOf(row: ServiceRow): readonly string[] {
  const state = paint(process.stdout, stateColours[row.state], row.state);
  const since = timeSince(row.since);
  const details = [
    ["balance", row.kind === "backends" ? row.balance : ""],
    [row.kind === "backends" ? "parts" : row.kind, partsOf(row)],
    ["waiting", row.held === 0 ? "" : String(row.held)],
    ["breaker", row.breaker ?? ""],
  ];
  return [
    `${paint(process.stdout, "bold", plain(row.name))}  ${state}${since === "" ? "" : ` for ${since}`}`,
    ...details
      .filter(([, text]) => text !== "")
      .map(([what = "", text = ""]) => `${what.padEnd(9)} ${plain(text)}`),
  ];
}

/** Each once, also when two parts share one. */
function withParts(row: ServiceRow, rows: readonly ServiceRow[]): readonly ServiceRow[] {
  const found = new Set([row]);
  for (const each of found) {
    for (const { service } of each.parts) {
      const part = rows.find(({ name }) => name === service);
      if (part !== undefined) found.add(part);
    }
  }
  return [...found];
}
