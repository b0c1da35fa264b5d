// `tidegate set`, `unset`, `rollback` and `restore`: changes of the store of the running program.

import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { text as textOf } from "node:stream/consumers";
import { readDone, readExport } from "../admin/configuration-answer.ts";
import { isUrlLike } from "../config/backend-url.ts";
import { type ItemSection, itemSections, storeSource } from "../config/item.ts";
import { nearest } from "../lib/nearest.ts";
import { paint } from "./paint.ts";
import { plain, plainLines } from "./plain.ts";
import { rehearse } from "./traffic-rehearsal.ts";
import { ask, type CommandOptions, NoAnswer, placeOf, printJson, refusedCode } from "./running.ts";
import { understood } from "./running.ts";
import { readRevision, refusedBy, symbolOf } from "./store-refusal.ts";

export interface ChangeCommandOptions extends CommandOptions {
  readonly dryRun: boolean;
  readonly note: string | undefined;
  /** Takes it back when requests fail within this time, ms. */
  readonly watchFor?: number | undefined;
  /** Says what it would do to the latest requests, and changes nothing. */
  readonly rehearse?: boolean;
}

export async function set(
  { section, name, value }: { section: string; name: string; value: string },
  options: ChangeCommandOptions,
): Promise<number> {
  return put({ section, name, value: await readValue(value) }, options);
}

/** @param value as it is to be kept */
export async function put(
  { section, name, value }: { section: string; name: string; value: unknown },
  options: ChangeCommandOptions,
): Promise<number> {
  const change = { ...readPlace(section, name), value };
  if (options.rehearse === true) return rehearse([change], options);
  return send("change", { changes: [change] }, options);
}

export async function unset(
  { section, name }: { section: string; name: string },
  options: ChangeCommandOptions,
): Promise<number> {
  const change = readPlace(section, name);
  if (options.rehearse === true) return rehearse([change], options);
  return send("change", { changes: [change] }, options);
}

export async function rollback(to: string, options: ChangeCommandOptions): Promise<number> {
  return send("rollback", { to: readRevision(to) }, options);
}

export async function restore(file: string, options: ChangeCommandOptions): Promise<number> {
  const name = file === "-" ? "standard input" : file;
  const remedy =
    "Give what `tidegate export` writes; a copy made by `tidegate backup` is put in the place of tidegate.db while the program is stopped";
  const all = readExport(parsed(await read(file), name, remedy));
  if (all !== undefined) return send("import", { all }, options);
  throw new NoAnswer(`${name} is not what \`tidegate export\` writes. ${remedy}`, refusedCode);
}

async function send(
  what: "change" | "rollback" | "import",
  request: Readonly<Record<string, unknown>>,
  { dryRun, note, watchFor, ...options }: ChangeCommandOptions,
): Promise<number> {
  const body = { ...request, by: whoAsks(), note, dryRun, watchFor };
  const question = { route: `/v1/store/${what}`, method: "POST", body } as const;
  const answer = await ask(placeOf(options), question);
  if (options.json) {
    printJson(answer.body);
    return answer.status === 200 ? 0 : refusedCode;
  }
  if (answer.status !== 200) return refusedBy(answer);
  const { changed, revision, version, notes } = understood(answer, readDone);
  const out = process.stdout;
  for (const each of changed) {
    const { symbol, colour } = symbolOf(each);
    out.write(`${paint(out, colour, symbol)} ${each.section} ${plain(each.name)}\n`);
  }
  for (const each of notes) process.stderr.write(`note: ${plainLines(each)}\n`);
  if (dryRun) out.write("nothing was changed: this was a dry run\n");
  else if (changed.length === 0) out.write("it is so already\n");
  else out.write(`revision ${revision} is live, as version ${version ?? "?"}\n`);
  return 0;
}

/** For the history. */
function whoAsks(): string {
  try {
    return `${userInfo().username} (command line)`;
  } catch {
    return `user ${process.getuid?.() ?? "?"} (command line)`; // one without a name, as in a container
  }
}

/** Items are shown as `NAME@store`, and an overlay is called as its route is. */
function readPlace(text: string, name: string): { section: ItemSection; name: string } {
  const section = readSection(text);
  const isOwn = section !== "overlays" && name.endsWith(`@${storeSource}`);
  return { section, name: isOwn ? name.slice(0, -1 - storeSource.length) : name };
}

function readSection(text: string): ItemSection {
  const section = itemSections.find((each) => each === text);
  if (section !== undefined) return section;
  const near = nearest(text, itemSections);
  const remedy = near === undefined ? `there are ${itemSections.join(", ")}` : `write ${near}`;
  throw new NoAnswer(`there is no section ${JSON.stringify(text)}: ${remedy}`, refusedCode);
}

/** JSON; a URL need not be in quotes. */
async function readValue(value: string): Promise<unknown> {
  if (value === "-") return parsed(await read("-"), "standard input", itemRemedy);
  const isUrl = isUrlLike(value) && !/^\s*["[{]/.test(value);
  return isUrl ? value : parsed(value, "the value", itemRemedy);
}

async function read(file: string): Promise<string> {
  try {
    return file === "-" ? await textOf(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new NoAnswer(`${file} cannot be read: ${cause}`, refusedCode);
  }
}

const itemRemedy = "Write what stands under the name in the configuration file, as JSON, or a URL";

function parsed(text: string, what: string, remedy: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new NoAnswer(`${what} is not JSON: ${cause}. ${remedy}`, refusedCode);
  }
}
