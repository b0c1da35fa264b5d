// `tidegate dump`, `export` and `backup`: what is served as one file, what is in the store, and the store itself.

import { resolve } from "node:path";
import { readDump, readExport } from "../admin/configuration-answer.ts";
import { plainLines } from "./plain.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { refusedBy } from "./store-refusal.ts";

export async function dump(options: CommandOptions): Promise<number> {
  const answer = await ask(placeOf(options), { route: "/v1/store/dump", timeoutMs: 60_000 });
  const text = understood(answer, readDump);
  if (options.json) printJson(answer.body);
  else process.stdout.write(plainLines(text));
  return 0;
}

export async function exportAll({
  keys,
  ...options
}: CommandOptions & { readonly keys: boolean }): Promise<number> {
  const route = `/v1/store/export${keys ? "?keys=true" : ""}`;
  const answer = await ask(placeOf(options), { route, timeoutMs: 60_000 });
  printJson(understood(answer, readExport));
  return 0;
}

/** The program writes it: it knows the store, and it may not be who asks. */
export async function backup(file: string, options: CommandOptions): Promise<number> {
  const question = {
    route: "/v1/store/backup",
    method: "POST",
    body: { path: resolve(file) },
  } as const;
  const answer = await ask(placeOf(options), question);
  if (options.json) printJson(answer.body);
  if (answer.status !== 200) return refusedBy(answer);
  if (!options.json) process.stdout.write(`${plainLines(resolve(file))} is a copy of the store\n`);
  return 0;
}
