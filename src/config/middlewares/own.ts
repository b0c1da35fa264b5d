// Settings of `own`: a middleware that somebody wrote in TypeScript.

import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import * as z from "zod";
import { checkOwn, type OwnChecked } from "../../own/check.ts";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import { resolveDocument } from "../document-settings.ts";
import { moduleWish } from "../documents.ts";
import { ownLimits, ownThreadLimits as threads } from "../middleware-limits.ts";
import type { Path } from "../problem.ts";
import { durationKey, filePath, flag, integer, key, mapping, mustBe, sizeKey } from "../scalar.ts";
import { define, places } from "./definition.ts";
import type { OwnThreadBounds, OwnUse } from "./uses/own.ts";

const bounds = mapping({
  memory: sizeKey(
    "Its heap, and as much again for buffers; when it grows larger it is ended and begun again.",
    threads.memory,
    threads.leastMemory,
  ),
  busy: durationKey(
    "Longest time that it may compute without a pause; then it is ended and begun again.",
    threads.busy,
    threads.leastBusy,
  ),
});

const thread = z.union([flag(), bounds], {
  error: mustBe({ what: "true, false or { memory, busy }" }),
});

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
  thread: key(thread, "Runs it in a thread of its own, beside the worker.", false),
});

type Written = z.output<typeof written>;

const settings = z.union([filePath().transform((file): Written => ({ file })), written], {
  error: mustBe({ what: "a path or { file, settings, onFailure, failures, timeout, thread }" }),
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
  const bounds = boundsOf(said);
  const isThreaded = bounds !== undefined;
  if (!isGood(context, { path, settings: given, isThreaded }, places)) return undefined;
  const documents = [moduleWish(path, given, isThreaded)];
  return {
    kind: "own",
    path,
    settings: given,
    onFailure,
    failures,
    timeout,
    ...(bounds === undefined ? {} : { thread: bounds }),
    documents,
  };
}

function boundsOf({ thread }: Written): OwnThreadBounds | undefined {
  if (thread === undefined || thread === false) return undefined;
  const { memory = threads.memory, busy = threads.busy } = thread === true ? {} : thread;
  return { memory, busy };
}

function isGood(context: Context, checked: OwnChecked, places: Places): boolean {
  const { fault, issues } = checkOwn(checked);
  if (fault !== undefined) {
    report(context, places.file, {
      message: `${checked.path} cannot be used: ${fault}`,
      at: "key",
    });
    return false;
  }
  for (const issue of issues) {
    report(context, [...places.settings, ...issue.path], { message: issue.message });
  }
  return issues.length === 0;
}
