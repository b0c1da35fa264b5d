// Settings of `own`: a middleware that somebody wrote in TypeScript.

import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import * as z from "zod";
import { checkOwn } from "../../own/check.ts";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import { resolveDocument } from "../document-settings.ts";
import { moduleWish } from "../documents.ts";
import { ownLimits } from "../middleware-limits.ts";
import type { Path } from "../problem.ts";
import { durationKey, filePath, integer, key, mapping, mustBe } from "../scalar.ts";
import { define, places } from "./definition.ts";
import type { OwnUse } from "./uses/own.ts";

const written = mapping({
  file: filePath().meta({
    description:
      "A file of TypeScript or JavaScript with a default export made by `defineMiddleware`.",
  }),
  settings: key(z.unknown(), "What it is given; its file says what may stand here."),
  onFailure: key(
    z.enum(["refuse", "pass"], { error: mustBe({ what: "refuse or pass" }) }),
    "What becomes of requests when it throws or takes too long, and while it is switched off: they are answered 500 or 503, or go on without it.",
    "refuse",
  ),
  failures: key(
    integer(0, 1_000_000),
    "So many failures within a minute switch it off for a minute; 0 = never.",
    ownLimits.failures,
  ),
  timeout: durationKey("Longest wait for what it promises.", ownLimits.timeout, 1),
});

type Written = z.output<typeof written>;

const settings = z.union([filePath().transform((file): Written => ({ file })), written], {
  error: mustBe({ what: "a path or { file, settings, onFailure, failures, timeout }" }),
});

export const own = define({
  kind: "own",
  summary: "Runs a middleware that you write in TypeScript.",
  settings,
  place: places.rewrite,
  guarded: [[]],
  resolve(said: Written, context: Context, path: Path): OwnUse | undefined {
    return resolved(context, said, { file: [...path, "file"], settings: [...path, "settings"] });
  },
});

/** Settings of one that is named by its file. */
export function resolveNamedOwn(
  context: Context,
  file: string,
  given: unknown,
  path: Path,
): OwnUse | undefined {
  return resolved(context, { file, settings: given }, { file: path, settings: path });
}

/** Code of the program that embeds this one. */
export function inlineUse(path: string, given: unknown): OwnUse {
  const { failures, timeout } = ownLimits;
  return {
    kind: "own",
    path,
    settings: given,
    onFailure: "refuse",
    failures,
    timeout,
    documents: [],
  };
}

const extensions = [".ts", ".js", ".mts", ".mjs"];

/** The file of one that is named in a list; undefined = there is none. */
export function ownFileOf(folder: string, name: string): string | undefined {
  if (!/^[a-z][\w-]*$/i.test(name)) return undefined;
  return extensions.map((each) => join(folder, `${name}${each}`)).find((each) => existsSync(each));
}

/** Names of those in the folder. */
export function ownNamesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).flatMap((name) => {
      const extension = extensions.find((each) => name.endsWith(each));
      const isTest = /\.(test|d)\.[cm]?ts$/.test(name);
      return extension === undefined || isTest ? [] : [name.slice(0, -extension.length)];
    });
  } catch {
    return [];
  }
}

interface Places {
  readonly file: Path;
  readonly settings: Path;
}

function resolved(context: Context, said: Written, places: Places): OwnUse | undefined {
  const { file, onFailure = "refuse" } = said;
  const { failures = ownLimits.failures, timeout = ownLimits.timeout } = said;
  if (resolveDocument(context, { file }, "module", places.file) === undefined) return undefined;
  const path = resolve(context.baseFolder, file);
  const { settings: given } = said;
  if (!isGood(context, path, given, places)) return undefined;
  const documents = [moduleWish(path, given)];
  return { kind: "own", path, settings: given, onFailure, failures, timeout, documents };
}

function isGood(context: Context, file: string, given: unknown, places: Places): boolean {
  const { fault, issues } = checkOwn(file, given);
  if (fault !== undefined) {
    report(context, places.file, { message: `${file} cannot be used: ${fault}`, at: "key" });
    return false;
  }
  for (const issue of issues) {
    report(context, [...places.settings, ...issue.path], { message: issue.message });
  }
  return issues.length === 0;
}
