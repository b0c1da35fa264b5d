// `files` of a service as the file says it → as the Snapshot holds it.

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { defaultHidden, defaultShown, hiddenBesideProgram, hiddenWithoutPhp } from "./files.ts";
import type { FilesService, Scripts, TryStep } from "./files.ts";
import type { FilesInput } from "./files-schema.ts";
import type { Path } from "./problem.ts";
import { checkServiceName } from "./resolve-group.ts";
import { rootOf } from "./resolve-gateway.ts";
import { warnOfGuestPath } from "./resolve-premises.ts";
import { dataAt } from "./source.ts";
import { ownScripts } from "./try-step.ts";

export interface FilesWish {
  readonly input: FilesInput;
  /** Whose they are; undefined = this machine's. */
  readonly guest: string | undefined;
  readonly root: string;
  /** Its program; undefined = it has none. */
  readonly scripts: Scripts | undefined;
  /** All paths are the program's that are no files. */
  readonly isForAll: boolean;
}

type Own = Omit<FilesService, "kind" | "name" | "origin" | "maintenance">;

/** @param path of the service */
export function resolveFiles(
  context: Context,
  { input, guest, root, scripts, isForAll }: FilesWish,
  path: Path,
): Own {
  const isPhp = scripts?.extensions.includes(".php") === true;
  return {
    guest,
    root,
    index: input.index ?? (isPhp ? ["index.php", "index.html"] : ["index.html"]),
    try: tryOf(context, input, { scripts, isForAll }, [...path, "files"]),
    listing: input.listing ?? false,
    precompressed: [...new Set(input.precompressed)],
    hidden: input.hidden ?? usuallyHidden({ scripts, isForAll }, isPhp),
    shown: input.shown ?? defaultShown,
    cacheControl: Object.entries(input.cacheControl ?? {}).map(([pattern, value]) => {
      return { pattern, value };
    }),
    types: Object.fromEntries(
      Object.entries(input.types ?? {}).map(([ending, type]) => {
        return [ending.replace(/^\./, "").toLowerCase(), type];
      }),
    ),
    charset: input.charset ?? "utf-8",
    scripts,
  };
}

function usuallyHidden(
  { scripts, isForAll }: Pick<FilesWish, "scripts" | "isForAll">,
  isPhp: boolean,
): readonly string[] {
  if (isForAll) return hiddenBeside(scripts);
  return isPhp ? defaultHidden : hiddenWithoutPhp;
}

/** A script that answers everything is asked for by its own name, too. */
function hiddenBeside(scripts: Scripts | undefined): readonly string[] {
  const own = scripts?.extensions.map((each) => `*${each}`) ?? [];
  return hiddenBesideProgram.filter((each) => !own.includes(each));
}

/** Where `files.root` is written: in short, in a mapping, or not at all but by a preset. */
function rootPath(context: Context, path: Path): Path {
  const place = [...path, "files"];
  const written = dataAt(context.source, place);
  if (written === undefined) return [...path, "preset"];
  if (typeof written === "string") return place;
  return dataAt(context.source, [...place, "root"]) === undefined ? place : [...place, "root"];
}

/** @param path of the service */
export function filesRootOf(
  context: Context,
  { root }: FilesInput,
  isGuests: boolean,
  path: Path,
): string {
  const place = rootPath(context, path);
  if (root === undefined) {
    const remedy = "add root: /var/www";
    report(context, place, { message: "nothing says where the files are", remedy, at: "key" });
    return "/";
  }
  // The path of a container: what is there is known when somebody asks for it.
  if (isGuests) return rootOf(context, root, place) ?? "/";
  const folder = resolve(context.baseFolder, root);
  warnOfGuestPath(context, place, folder, "files: ");
  if (folder === "/") {
    const message = "would give away every file of this machine";
    report(context, place, { message, remedy: "write the folder that is meant" });
  }
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    const remedy = "make it, or for a folder of a container add container: PROVIDER/NAME";
    report(context, place, { message: `${folder} is not a folder`, remedy });
  }
  return folder;
}

const plainSteps: readonly TryStep[] = [pathStep("$path"), pathStep("$path/")];

function pathStep(path: string): TryStep {
  return { kind: "path", path, query: undefined };
}

function tryOf(
  context: Context,
  input: FilesInput,
  { scripts, isForAll }: Pick<FilesWish, "scripts" | "isForAll">,
  path: Path,
): readonly TryStep[] {
  if (input.spa === true) {
    if (input.try === undefined) return [...plainSteps, pathStep("/index.html")];
    const message = "says what is looked for, and so does try";
    report(context, [...path, "spa"], { message, remedy: "leave out one of them", at: "key" });
  }
  if (input.try === undefined) {
    // All that is no file is the program's, whose paths look like anything.
    return isForAll && scripts !== undefined
      ? [pathStep("$path"), { kind: "service", service: scripts.service }]
      : plainSteps;
  }
  const isList = Array.isArray(dataAt(context.source, [...path, "try"]));
  const last = input.try.length - 1;
  return input.try.map((step, index) => {
    const place = isList ? [...path, "try", index] : [...path, "try"];
    return checkedStep(context, step, { scripts, isLast: index === last }, place);
  });
}

interface StepPlace {
  readonly scripts: Scripts | undefined;
  readonly isLast: boolean;
}

function checkedStep(
  context: Context,
  step: TryStep,
  { scripts, isLast }: StepPlace,
  path: Path,
): TryStep {
  if (step.kind === "path") {
    checkPathStep(context, step, scripts, path);
    return step;
  }
  const shown = step.kind === "service" ? `@${step.service}` : `=${step.status}`;
  if (!isLast) {
    const message = `${shown} always answers, so nothing after it is looked for`;
    report(context, path, { message, remedy: "put it last" });
  }
  if (step.kind === "status") return step;
  if (step.service === ownScripts) {
    if (scripts !== undefined) return { kind: "service", service: scripts.service };
    if (!context.serviceNames.has(ownScripts)) {
      const message = "@scripts is the program of this service, and it has none";
      report(context, path, { message, remedy: "add fastcgi, scgi or uwsgi beside files" });
    }
    return step;
  }
  if (context.guest !== undefined) {
    const message = "a label may not lead to anybody else";
    report(context, path, { message, remedy: 'write "@scripts", or leave it out' });
  } else if (checkServiceName(context, step.service, path)) {
    if (context.addressedNames.has(step.service)) {
      const message = `${step.service} is found by the requested host, so it cannot be led to from here`;
      report(context, path, {
        message,
        remedy: "lead to a container's own service, NAME@PROVIDER",
      });
    }
  }
  return step;
}

function checkPathStep(
  context: Context,
  { path: wanted, query }: Extract<TryStep, { kind: "path" }>,
  scripts: Scripts | undefined,
  path: Path,
): void {
  const extensions = scripts?.extensions ?? [];
  const isScript = extensions.some((each) => wanted.toLowerCase().endsWith(each));
  if (isScript) return;
  if (wanted.toLowerCase().endsWith(".php")) {
    const message = `${wanted} would be given away as it stands: nothing here runs it`;
    const remedy =
      scripts === undefined
        ? "add fastcgi: unix:/run/php/php-fpm.sock beside files"
        : "add .php to extensions";
    report(context, path, { message, remedy });
  } else if (query !== undefined) {
    const message = `?${query} says nothing: ${wanted} is a file, which nobody asks anything`;
    report(context, path, { message, remedy: `write ${wanted}` });
  }
}
