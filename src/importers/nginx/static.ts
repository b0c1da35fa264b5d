// `root`, `alias`, `try_files`, `index` and what belongs to them, as a service that answers with files; with the program that nginx
// goes on to from them, where there is one.

import { existsSync } from "node:fs";
import { literal } from "../../providers/labels/rule-text.ts";
import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import { isShut } from "./boundaries.ts";
import { accessOf, barrierOf } from "./guards.ts";
import { endingOf, endingsOf, locate, patternFits } from "./locate.ts";
import type { Location } from "./locations.ts";
import type { OwnPath } from "../own-path.ts";
import { containerKey, ownPath } from "../own-path.ts";
import type { Program } from "./programs.ts";
import { passes, programKeys, programOf } from "./programs.ts";
import { foldersOf } from "./scripts-of-folders.ts";
import type { Directive, Scope } from "./tree.ts";
import type { Upstreams } from "./upstreams.ts";
import { pathRewrite, timeOf } from "./values.ts";

export interface Site {
  readonly outline: Outline;
  readonly upstreams: Upstreams;
  /** Of its server, in nginx's order. */
  readonly list: readonly Location[];
  /** Conditions that are carried over. */
  readonly kept: readonly Directive[];
  /** Its first name; "" = it has none. */
  readonly serverName: string;
}

export interface Static {
  /** As a service says it. */
  readonly service: Settings;
  /** Keys of the route that change the path. */
  readonly change: Settings;
}

export interface Folder extends OwnPath {
  readonly directive: Directive;
  readonly change: Settings;
}

/** `root` or `alias`, the innermost; undefined = neither, or one that is not understood, which is said. */
export function folderOf(
  location: Pick<Location, "kind" | "text" | "inside">,
  scope: Scope,
  outline: Outline,
): Folder | "none" | "unknown" {
  const directive = scope.nearest("root", "alias").at(-1);
  if (directive === undefined) return "none";
  const [text = ""] = directive.args;
  const isAlias = directive.name === "alias";
  const found = isAlias ? aliased(location, scope, text) : rooted(text);
  if (found === undefined) {
    outline.note(
      `${directive.name} ${shown(text)}: which folder it is depends on variables, or on what is not understood`,
      directive,
    );
    return "unknown";
  }
  const own = ownPath(found.folder);
  if (own.container === undefined && !existsSync(own.path)) {
    outline.note(
      `${directive.name} ${shown(own.path)}: there is no such folder on this machine`,
      directive,
    );
  }
  return { ...own, directive, change: found.change };
}

interface Placed {
  readonly folder: string;
  readonly change: Settings;
}

function rooted(text: string): Placed | undefined {
  return text.startsWith("/") && !/[$\p{Cc}]/u.test(text)
    ? { folder: text, change: {} }
    : undefined;
}

/** nginx puts it in the place of what the location says. */
function aliased(
  { kind, text, inside }: Pick<Location, "kind" | "text" | "inside">,
  scope: Scope,
  alias: string,
): Placed | undefined {
  if (!alias.startsWith("/") || /\p{Cc}/u.test(alias)) return undefined;
  const isOwn = scope.own("alias").length > 0;
  if (kind === "pattern" && isOwn) return ofGroups(text, alias);
  if (alias.includes("$")) return undefined;
  if (kind === "exact" && isOwn) {
    const cut = alias.lastIndexOf("/");
    if (alias.endsWith("/")) return undefined;
    const replacement = alias.slice(cut).replaceAll("$", "$$$$");
    return {
      folder: alias.slice(0, cut) || "/",
      change: { replacePath: { pattern: `^${literal(text)}$`, replacement } },
    };
  }
  const prefix = isOwn ? text : inside;
  if (prefix === "/" || prefix === "") return { folder: alias, change: {} };
  // `/x/` with `/a`: nginx puts both together without a slash.
  if (prefix.endsWith("/") && !alias.endsWith("/")) return undefined;
  return { folder: alias, change: { stripPrefix: prefix.replace(/\/$/, "") } };
}

function ofGroups(pattern: string, alias: string): Placed | undefined {
  const fixed = alias.split("$", 1)[0] ?? "";
  const cut = fixed.lastIndexOf("/");
  const made = pathRewrite(pattern, alias.slice(cut));
  return made === undefined
    ? undefined
    : { folder: alias.slice(0, cut) || "/", change: { replacePath: made } };
}

export interface StaticOptions {
  readonly site: Site;
  readonly location: Location;
  /** Ends with where it stands. */
  readonly scope: Scope;
  /** Name of a service for what is not there; undefined = nobody else is asked. */
  readonly fallback?: string | undefined;
  /** What answers scripts here, where the location is theirs. */
  readonly program?: Program | undefined;
}

export function staticOf(folder: Folder, options: StaticOptions): Static {
  const { location, scope, site } = options;
  const [tries] = scope.own("try_files");
  const written = scope.one("index")?.args ?? ["index.html"];
  const targets = [
    ...written.map((name) => urlBelow(location, name)),
    ...(tries?.args ?? []).map((each) =>
      each.startsWith("/") ? (each.split("?", 1)[0] ?? "") : "",
    ),
  ];
  const program = options.program ?? programBehind(targets, folder, options);
  const isRun = (path: string) => {
    const ending = endingOf(path);
    return ending !== undefined && program?.extensions.includes(ending) === true;
  };
  const wild = program === undefined || isOpenBelow(location, program, site);
  const index = written.filter(
    (name) => isPlainName(name) && (endingOf(name) === undefined || (wild && isRun(name))),
  );
  tellIndex(written, index, scope, site.outline);
  const steps = tries === undefined ? undefined : stepsOf(tries, { ...options, isRun });
  const isUsual = steps === undefined || steps.join(" ") === "$path $path/";
  const usualIndex =
    program?.extensions.includes(".php") === true ? ["index.php", "index.html"] : ["index.html"];
  const settings = {
    root: folder.path,
    ...(index.join(" ") === usualIndex.join(" ") ? {} : { index }),
    ...(isUsual ? {} : { try: steps.length === 1 ? steps[0] : steps }),
    ...(scope.one("autoindex")?.args[0] === "on" ? { listing: true } : {}),
    ...(program === undefined && mayHaveScripts(location, site)
      ? { hidden: [".*", "*.php*", "*.PHP*"] }
      : {}),
    ...formsOf(scope, site.outline),
  };
  site.outline.note(hides, folder.directive);
  const keys = Object.keys(settings);
  const service = {
    ...containerKey(folder.container ?? program?.container),
    files: keys.length === 1 ? folder.path : settings,
    ...(program === undefined ? {} : programKeys(program, folder.path)),
  };
  return { service, change: folder.change };
}

const hides =
  "files: names that begin with a dot are not served (but .well-known), nor is PHP that nothing runs; hidden of the service says which";

function urlBelow({ kind, text, inside }: Location, name: string): string {
  const base = kind === "pattern" || kind === "exact" ? inside : text;
  return `${base.replace(/\/$/, "")}/${name}`;
}

function isPlainName(name: string): boolean {
  return /^[^$/\p{Cc}]+$/u.test(name);
}

function tellIndex(
  written: readonly string[],
  kept: readonly string[],
  scope: Scope,
  outline: Outline,
): void {
  const left = written.filter((name) => !kept.includes(name));
  const directive = scope.one("index");
  if (left.length === 0 || directive === undefined) return;
  outline.note(
    `index ${left.join(" ")}: is not carried over here: it is no plain name, or no program answers it in each of the folders`,
    directive,
  );
}

/** nginx has a program for scripts that lie here, which is not ours: they must not be read as files. */
function mayHaveScripts(location: Location, { list }: Site): boolean {
  const endings = [
    ".php",
    ...list.flatMap(({ kind, text }) => (kind === "pattern" ? endingsOf(text) : [])),
  ];
  return endings.some((ending) => {
    const takers = [`index${ending}`, `x-sample/x-sample${ending}`].map((each) =>
      locate(urlBelow(location, each), list),
    );
    return takers.some((taker) => taker !== undefined && taker.scope.own(...passes).length > 0);
  });
}

// --- the program behind it -----------------------------------------------------------------------

function programBehind(
  targets: readonly string[],
  folder: Folder,
  { site, location, scope }: StaticOptions,
): Program | undefined {
  for (const target of targets.filter((each) => endingOf(each) !== undefined)) {
    const behind = locate(target, site.list);
    const [pass] = behind?.scope.own(...passes) ?? [];
    if (behind === undefined || pass === undefined || behind === location) continue;
    if (behind.scope.own("return").length > 0 || isGuarded(behind.scope, scope, site)) continue;
    const program = programOf(pass, behind, behind.scope, site);
    if (program === undefined || program.extensions.length === 0) continue;
    const its = folderOf(behind, behind.scope, site.outline);
    const isSame =
      typeof its === "object" && its.path === folder.path && its.container === folder.container;
    if (isSame && fits(program, folder)) return program;
    site.outline.note(
      `${pass.name}: its scripts are elsewhere than the files of ${shown(location.text)}, which therefore do not lead to it`,
      pass,
    );
  }
  return undefined;
}

/** Whoever may ask for the files may not ask for the program. */
function isGuarded(program: Scope, files: Scope, { outline, kept }: Site): boolean {
  if (barrierOf(program, outline, kept) !== undefined) return true;
  const { allowed } = accessOf(program, outline);
  return allowed !== undefined && allowed !== accessOf(files, outline).allowed;
}

/** A service is about one container, or about this machine. */
export function fits({ container, isRemote }: Program, folder: OwnPath): boolean {
  return isRemote || container === folder.container;
}

/** An index of any folder below would come to that program in nginx as well: no other location takes some of them. */
function isOpenBelow(location: Location, { extensions }: Program, { list }: Site): boolean {
  const [ending = ".php"] = extensions;
  const sample = urlBelow(location, `x-sample/x-sample${ending}`);
  const taker = locate(sample, list);
  if (taker === undefined || taker.scope.own(...passes).length === 0)
    return location.kind === "exact";
  return !list
    .slice(0, list.indexOf(taker))
    .some(
      (each) =>
        mayTakeScripts(each, ending) && !(isShut(each) && foldersOf(each.text) !== undefined),
    );
}

function mayTakeScripts({ kind, text, scope }: Location, ending: string): boolean {
  const [pass] = scope.own(...passes);
  return (
    kind === "pattern" &&
    pass === undefined &&
    (endingsOf(text).includes(ending) || patternFits(text, `/x/index${ending}`))
  );
}

// --- try_files -----------------------------------------------------------------------------------

interface Trying extends StaticOptions {
  isRun(path: string): boolean;
}

function stepsOf(directive: Directive, { site, location, fallback, isRun }: Trying): string[] {
  const steps: string[] = [];
  for (const [index, text] of directive.args.entries()) {
    const isLast = index === directive.args.length - 1;
    if (isLast && /^=\d{3}$/.test(text)) steps.push(text);
    else if (isLast && text.startsWith("@") && fallback !== undefined) steps.push(`@${fallback}`);
    else {
      const step = stepOf(text);
      const isSource = endingOf(text.split("?", 1)[0] ?? "") !== undefined;
      const isOther = isLast && !isSource && leadsElsewhere(text, location, site);
      if (step === undefined || isOther || (isSource && !isRun(text.split("?", 1)[0] ?? ""))) {
        site.outline.note(`try_files ${shown(text)}: is not carried over`, directive);
        if (isLast) steps.push("=404");
      } else steps.push(step);
    }
  }
  return steps.length === 0 ? ["=404"] : steps;
}

const variables = new Map([
  ...["uri", "document_uri", "fastcgi_script_name"].map((name) => [name, "$path"] as const),
  ...["args", "query_string"].map((name) => [name, "$query"] as const),
]);

/** undefined = it has variables that we do not have. */
function stepOf(text: string): string | undefined {
  let isKnown = !/[\s\p{Cc}]/u.test(text);
  const made = text
    .replaceAll("$is_args$args", "?$args")
    .replaceAll("$is_args$query_string", "?$args")
    .replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => {
      const ours = variables.get(name);
      if (ours === undefined) isKnown = false;
      return ours ?? "";
    });
  const [path = "", query] = made.split(/\?(.*)/s);
  const isPath = path.startsWith("/") || path.startsWith("$path");
  if (!isKnown || !isPath || path.includes("$query")) return undefined;
  if (query === undefined || query === "") return path;
  // Programs see the path in REQUEST_URI.
  return query.includes("$path") ? `${path}?$query` : made;
}

/** The last of them is looked up among the locations again. */
function leadsElsewhere(text: string, location: Location, { list }: Site): boolean {
  if (!text.startsWith("/")) return false;
  const other = locate(text.split("?", 1)[0] ?? "", list);
  return (
    other !== undefined &&
    other !== location &&
    other.scope.own("proxy_pass", "grpc_pass", "return", "rewrite", ...passes).length > 0
  );
}

// --- how files are sent --------------------------------------------------------------------------

function formsOf(scope: Scope, outline: Outline): Settings {
  const charset = scope.one("charset")?.args[0];
  const forms = [
    ...(isOn(scope, "brotli_static") ? ["br"] : []),
    ...(isOn(scope, "zstd_static") ? ["zstd"] : []),
    ...(isOn(scope, "gzip_static") ? ["gzip"] : []),
  ];
  const cache = cacheOf(scope, outline);
  const types = typesOf(scope);
  return {
    // nginx says none unless it is told to; a page may say its own.
    ...(charset === undefined || charset === "off"
      ? { charset: "" }
      : charset.toLowerCase() === "utf-8"
        ? {}
        : { charset }),
    ...(forms.length === 0 ? {} : { precompressed: forms }),
    ...(cache === "" ? {} : { cacheControl: cache }),
    ...(Object.keys(types).length === 0 ? {} : { types }),
  };
}

function isOn(scope: Scope, name: string): boolean {
  return ["on", "always"].includes(scope.one(name)?.args[0] ?? "");
}

/** `expires` and `add_header Cache-Control` as one field. */
function cacheOf(scope: Scope, outline: Outline): string {
  const expires = scope.one("expires");
  const [first = "off", second] = expires?.args ?? [];
  const added = scope
    .all("add_header")
    .filter(({ args }) => /^cache-control$/i.test(args[0] ?? ""));
  const words = added.map(({ args }) => args[1] ?? "").filter((each) => /^[\w\s=,"-]+$/.test(each));
  if (first === "epoch" || first.startsWith("-")) return ["no-cache", ...words].join(", ");
  if (first === "max") return ["max-age=315360000", ...words].join(", ");
  const seconds = first === "off" ? undefined : secondsOf(first);
  if (expires !== undefined && first !== "off" && (seconds === undefined || second !== undefined)) {
    outline.note(
      `expires ${expires.args.join(" ")}: is not carried over; see cacheControl of files`,
      expires,
    );
    return words.join(", ");
  }
  return [...(seconds === undefined ? [] : [`max-age=${seconds}`]), ...words].join(", ");
}

const units = new Map([
  ["s", 1],
  ["m", 60],
  ["h", 3600],
  ["d", 86_400],
  ["w", 604_800],
  ["M", 2_592_000],
  ["y", 31_536_000],
]);

function secondsOf(text: string): number | undefined {
  if (timeOf(text) === undefined) return undefined;
  let sum = 0;
  for (const [, amount, unit = "s"] of text.matchAll(/(\d+)([smhdwMy])?/g))
    sum += Number(amount) * (units.get(unit) ?? 0);
  return sum;
}

/** Those of the place itself: what holds for all is nginx's own list. */
function typesOf(scope: Scope): Record<string, string> {
  const blocks = scope.own("types").flatMap(({ block = [] }) => block);
  return Object.fromEntries(
    blocks.flatMap(({ name, args }) =>
      /^[\w.+-]+\/[\w.+-]+$/.test(name)
        ? args.map((each) => [each.toLowerCase(), name] as const)
        : [],
    ),
  );
}
