// Directives of a Caddyfile, in labels or in a file, that are one of our middlewares: passwords, header fields, compression.

import { definitionOf, isKind } from "../../config/middlewares/list.ts";
import type { Directive } from "./caddy-tree.ts";

/** As they stand in a route's list. undefined = this form of it is none of ours. */
export function listedOf(directive: Directive): readonly Settings[] | undefined {
  const made = madeOf(directive);
  const isFine = (entry: Settings) =>
    Object.entries(entry).every(
      ([kind, settings]) => isKind(kind) && definitionOf(kind).settings.safeParse(settings).success,
    );
  return made === undefined || made.every(isFine) ? made : undefined;
}

type Settings = Readonly<Record<string, unknown>>;

/** Of a block, the one that asks who it is before those that look at answers. */
export function listsOf(directives: readonly Directive[]): readonly Settings[] {
  const all = directives.flatMap((each) => listedOf(each) ?? []);
  const isGuard = (entry: Settings) => "basicAuth" in entry;
  return [...all.filter(isGuard), ...all.filter((each) => !isGuard(each))];
}

/** It asks who somebody is. */
export function isPassword({ name }: Directive): boolean {
  return name === "basic_auth" || name === "basicauth";
}

function madeOf(directive: Directive): readonly Settings[] | undefined {
  switch (directive.name) {
    case "basic_auth":
    case "basicauth":
      return passwords(directive);
    case "encode":
      return compression(directive);
    case "header":
      return fields(directive, "response");
    case "request_header":
      return fields(directive, "request");
    default:
      return undefined;
  }
}

function passwords({ args, below }: Directive): readonly Settings[] | undefined {
  const [algorithm = "bcrypt", realm = "restricted"] = args;
  const isPlain = below.every((each) => each.args.length === 1);
  if (algorithm !== "bcrypt" || below.length === 0 || !isPlain) return undefined;
  return [
    { basicAuth: { users: below.map(({ name, args: [hash] }) => `${name}:${hash}`), realm } },
  ];
}

const encodings = ["zstd", "br", "gzip"];

function compression({ args, below }: Directive): readonly Settings[] | undefined {
  const told = [...(args[0] === "*" ? args.slice(1) : args), ...below.map(({ name }) => name)];
  if (told.length === 0) return [{ compress: true }];
  return told.every((each) => encodings.includes(each))
    ? [{ compress: { encodings: told } }]
    : undefined;
}

const hsts = /^[>+]?strict-transport-security$/i;

type Lines = readonly (readonly string[])[];

/** undefined = it is for some requests alone, or no such directive. */
function linesOf({ args, below }: Pick<Directive, "args" | "below">): Lines | undefined {
  const own = args[0] === "*" ? args.slice(1) : args;
  if (below.length === 0) return [own];
  return own.length > 0 ? undefined : below.map((each) => [each.name, ...each.args]);
}

/**
 * Fields of requests with a value that depends on what is not known here: who has logged in, say. Of one that `listedOf` takes.
 * The backend believes what stands there, so a client's own is taken out.
 */
export function takenOutBy(directive: Directive): readonly string[] {
  if (directive.name !== "request_header") return [];
  const lines = linesOf(directive) ?? [];
  return lines.flatMap(([name = "", value = ""]) => (/[{}]/.test(value) ? [name] : []));
}

export function takenOutText(names: readonly string[]): string {
  const fields = names.length === 1 ? "a field with" : "fields with";
  return `${names.join(", ")}: ${fields} placeholders cannot be set, and a client's own is taken out`;
}

function fields(
  { args, below }: Directive,
  side: "request" | "response",
): readonly Settings[] | undefined {
  const lines = linesOf({ args, below });
  if (lines === undefined) return undefined;
  const edits = {
    set: new Map<string, string>(),
    add: new Map<string, string>(),
    remove: new Set<string>(),
  };
  for (const [name = "", value, ...more] of lines) {
    // It is a key of routes.
    if (side === "response" && hsts.test(name)) continue;
    const [, how = "", bare = ""] = /^([-+>]?)([A-Za-z][\w-]*\*?)$/.exec(name) ?? [];
    if (bare === "" || more.length > 0) return undefined;
    if (/[{}]/.test(value ?? "")) {
      if (side === "response" || how !== "" || bare.endsWith("*")) return undefined;
      edits.remove.add(bare);
    } else if (how === "-") edits.remove.add(bare);
    else if (value === undefined || bare.endsWith("*")) return undefined;
    else edits[how === "+" ? "add" : "set"].set(bare, value);
  }
  const said = {
    ...(edits.set.size === 0 ? {} : { set: Object.fromEntries(edits.set) }),
    ...(edits.add.size === 0 ? {} : { add: Object.fromEntries(edits.add) }),
    ...(edits.remove.size === 0 ? {} : { remove: [...edits.remove] }),
  };
  return Object.keys(said).length === 0 ? [] : [{ headers: { [side]: said } }];
}
