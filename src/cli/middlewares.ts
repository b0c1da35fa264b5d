// `tidegate middlewares`: what may stand in a list of middlewares, and the settings of one with an example.

import { readFileSync } from "node:fs";
import { fileOf, kindsInOrder, settingsOf } from "../config/middlewares/reference.ts";
import { nearest } from "../lib/nearest.ts";
import { printJson } from "./running.ts";
import { table } from "./table.ts";

interface Options {
  readonly json: boolean;
}

/** Returns the exit code. */
export function middlewares(kind: string | undefined, options: Options): number {
  const all = kindsInOrder();
  const isJson = options.json || !process.stdout.isTTY;
  if (kind === undefined) {
    if (isJson) printJson(all.map(({ kind: name, summary }) => ({ kind: name, summary })));
    else {
      const rows = all.map(({ kind: name, summary }) => [name, summary.replaceAll("`", "")]);
      process.stdout.write(`${table(["MIDDLEWARE", "WHAT IT DOES"], rows).join("\n")}\n`);
    }
    return 0;
  }
  const found = all.find((each) => each.kind.toLowerCase() === kind.toLowerCase());
  if (found === undefined) return unknown(kind);
  const { schema, value, rows } = settingsOf(found.kind);
  const example = exampleOf(found.kind);
  if (isJson) {
    printJson({ kind: found.kind, summary: found.summary, settings: schema, example });
    return 0;
  }
  const lines = [
    `${found.kind}: ${found.summary.replaceAll("`", "")}`,
    "",
    `Value: ${value.replaceAll("`", "")}`,
    ...(rows.length === 0 ? [] : ["", ...table(["SETTING", "VALUE", "DEFAULT", "MEANING"], rows)]),
    ...(example === undefined ? [] : ["", "Example:", "", indented(example)]),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

function unknown(kind: string): number {
  const near = nearest(
    kind,
    kindsInOrder().map((each) => each.kind),
  );
  const remedy = near === undefined ? "`tidegate middlewares` lists them" : `did you mean ${near}?`;
  process.stderr.write(`tidegate: there is no middleware ${JSON.stringify(kind)}; ${remedy}\n`);
  return 2;
}

/** The first of its page; undefined where the pages are not installed. */
function exampleOf(kind: string): string | undefined {
  const page = new URL(`../../docs/middlewares/${fileOf(kind)}`, import.meta.url);
  try {
    return /^```yaml\n([^]*?)^```$/m.exec(readFileSync(page, "utf8"))?.[1]?.trimEnd();
  } catch {
    return undefined;
  }
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
