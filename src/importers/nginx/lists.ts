// What nginx does beside answering, as the list of middlewares of a route: limits, passwords, compression, header fields, caching.

import { isDeepStrictEqual } from "node:util";
import { definitionOf, isKind } from "../../config/middlewares/list.ts";
import type { Outline, Settings } from "../outline.ts";
import type { Content } from "./content.ts";
import { prefixOf } from "./content.ts";
import { answerFields, requestFields } from "./fields.ts";
import { passwordOf } from "./guards.ts";
import { limitsFor } from "./limits.ts";
import type { Scope } from "./tree.ts";
import { timeOf } from "./values.ts";

/** `scopes`: of a location, and of the one that it sends its requests to. */
export function listOf(scopes: readonly Scope[], content: Content, outline: Outline): Settings {
  const [scope] = scopes;
  const at = scopes.at(-1);
  if (scope === undefined || at === undefined) return {};
  const passwords = scopes.map(passwordOf).filter((each) => each !== undefined);
  const different = passwords.filter(
    (each, index) => !isDeepStrictEqual(each, passwords[index - 1]),
  );
  const isPassed = content.kind === "proxy" || content.kind === "made";
  const protocol = prefixOf(content);
  const all: readonly Settings[] = [
    ...different,
    ...answerFields(at, outline, isPassed ? protocol : undefined, content.kind === "made"),
    // A fixed answer is given before nginx limits anything.
    ...(isPassed
      ? [...limitsFor(scope, outline), ...compressionOf(at), ...cacheOf(at, protocol, outline)]
      : []),
  ];
  const sorted = [
    ...all.toSorted((one, other) => rankOf(one) - rankOf(other)),
    // Behind those that read what clients said: their password, say.
    ...(content.kind === "proxy" ? requestFields(at, outline, protocol) : []),
  ];
  return sorted.length === 0 ? {} : { middlewares: sorted };
}

/** The order that is usually meant, which is nginx's as well. */
function rankOf(entry: Settings): number {
  const [kind = ""] = Object.keys(entry);
  return isKind(kind) ? definitionOf(kind).place : 0;
}

const codings = [
  { module: "gzip", encoding: "gzip", usual: 1 },
  { module: "brotli", encoding: "br", usual: 6 },
  { module: "zstd", encoding: "zstd", usual: 1 },
] as const;

function compressionOf(scope: Scope): Settings[] {
  const on = codings.filter(({ module }) => scope.one(module)?.args[0] === "on");
  const [first] = on;
  if (first === undefined) return [];
  const types = on.flatMap(({ module }) => scope.one(`${module}_types`)?.args ?? []);
  const known = types.filter((each) => /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(each));
  const levels = on.map(({ module, encoding, usual }) => {
    const [text = ""] = scope.one(`${module}_comp_level`)?.args ?? [];
    const most = encoding === "gzip" ? 9 : 11;
    return [encoding, /^\d{1,2}$/.test(text) ? Math.min(Number(text), most) : usual] as const;
  });
  const [least = "20"] = scope.one(`${first.module}_min_length`)?.args ?? [];
  const encodings = on.map(({ encoding }) => encoding).toReversed();
  return [
    {
      compress: {
        ...(encodings.length === codings.length ? {} : { encodings }),
        levels: Object.fromEntries(levels.map(([name, level]) => [name, Math.max(1, level)])),
        ...(/^\d{1,9}$/.test(least) ? { minSize: Number(least) } : {}),
        ...(types.includes("*") ? {} : { types: [...new Set(["text/html", ...known])] }),
      },
    },
  ];
}

/** Directives that make another key of it, or keep some out of it. */
const selective = ["bypass", "key", "methods", "min_uses", "convert_head"];

function cacheOf(scope: Scope, protocol: string, outline: Outline): Settings[] {
  const said = scope.one(`${protocol}_cache`);
  const [zone = "off"] = said?.args ?? [];
  if (said === undefined || zone === "off") return [];
  const more = [
    ...selective.map((each) => `${protocol}_cache_${each}`),
    ...[`${protocol}_no_cache`, `${protocol}_ignore_headers`],
  ].find((name) => scope.one(name) !== undefined);
  if (more !== undefined || zone.includes("$")) {
    const why = more ?? "a zone by variables";
    const text = `${said.name}: with ${why} it is not carried over, and nothing is kept; see the middleware cache`;
    outline.note(text, said);
    return [];
  }
  const settings: Record<string, unknown> = {};
  for (const directive of scope.all(`${protocol}_cache_valid`)) {
    const statuses = directive.args.slice(0, -1);
    const time = timeOf(directive.args.at(-1) ?? "");
    const isOfGood = statuses.length === 0 || statuses.some((each) => /^(any|200)$/.test(each));
    const isOfNone = statuses.some((each) => /^(any|404)$/.test(each));
    // Of several that fit, nginx takes the first.
    if (time !== undefined && isOfGood) settings["ttl"] ??= time;
    if (time !== undefined && isOfNone) settings["negative"] ??= time;
    if (time === undefined || !(isOfGood || isOfNone)) {
      outline.note(`${directive.name} ${directive.args.join(" ")}: is not carried over`, directive);
    }
  }
  const text = `${said.name}: answers are kept in memory; say disk: true to keep them on disk, and purge who may take them out`;
  outline.note(text, said);
  return [{ cache: Object.keys(settings).length === 0 ? true : settings }];
}
