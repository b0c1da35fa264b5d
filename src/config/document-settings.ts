// How settings name a document, and what becomes of that: bricks for schemas, and the wish that the snapshot holds.

import { openSync, closeSync, constants, fstatSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { documentFault } from "./document-checks.ts";
import { documentLimits as limits } from "./document-limits.ts";
import { type DocumentForm, type DocumentWish, fileWish, urlWish } from "./documents.ts";
import type { Path } from "./problem.ts";
import { durationKey, filePath, key, mapping, parsed } from "./scalar.ts";
import { formatSize } from "../lib/size.ts";

/** An http(s) URL without user and password. */
export function documentUrl(remedy = "write https://example.com/list.txt") {
  return parsed({ what: "a URL", remedy }, (value, refuse) => {
    const url = URL.parse(value);
    const isHttp =
      url !== null && ["http:", "https:"].includes(url.protocol) && url.hostname !== "";
    // What is no URL is looked at, too: the message would repeat it.
    const mayHavePassword = isHttp ? url.username + url.password !== "" : value.includes("@");
    if (mayHavePassword)
      return refuse("a URL with a password would be in logs", "leave out user and password");
    if (!isHttp) return refuse(`${JSON.stringify(value)} is not an http or https URL`, remedy);
    url.hash = "";
    return url.href;
  }).meta({ title: "url" });
}

/** Keys of a mapping that names one, beside others of its own. */
const documentKeys = {
  file: key(filePath(), "A file. Read again when it changes."),
  url: key(documentUrl(), "Where it is asked for, again and again."),
  every: durationKey("How often the URL is asked.", limits.every, limits.leastEvery),
};

export const documentMapping = mapping(documentKeys);

export interface DocumentInput {
  readonly file?: string | undefined;
  readonly url?: string | undefined;
  readonly every?: number | undefined;
}

/**
 * What is to be looked after; undefined = it cannot be, and that has been reported. A file that cannot be read, or is no such
 * thing, is a fault of the configuration: there would be nothing to fall back on.
 */
export function resolveDocument(
  context: Context,
  { file, url, every }: DocumentInput,
  form: DocumentForm,
  path: Path,
): DocumentWish | undefined {
  if ((file === undefined) === (url === undefined)) {
    const message = file === undefined ? "names neither a file nor a URL" : "names both";
    report(context, path, { message, remedy: "write file: PATH or url: https://…", at: "key" });
    return undefined;
  }
  if (url !== undefined) return urlWish(form, url, every ?? limits.every);
  if (every !== undefined) {
    const message = "is for a URL; a file is read when it changes";
    report(context, [...path, "every"], { message, remedy: "leave it out", at: "key" });
  }
  const wish = fileWish(form, resolve(context.baseFolder, file ?? ""));
  const why = faultOf(wish.path, form);
  if (why === undefined) return wish;
  report(context, [...path, "file"], { message: `${wish.path} ${why}` });
  return undefined;
}

function faultOf(path: string, form: DocumentForm): string | undefined {
  let file: number | undefined;
  try {
    // A pipe that nobody writes to would be waited for.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = fstatSync(file);
    if (!found.isFile()) return "is not a file";
    if (found.size > limits.bytes) return `is larger than ${formatSize(limits.bytes)}`;
    return documentFault({ form, from: "file" }, readFileSync(file, "utf8"));
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
