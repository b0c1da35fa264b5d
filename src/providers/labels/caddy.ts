// Labels of caddy-docker-proxy, the part of them that most people use. Each directive that answers
// (`reverse_proxy`, `redir`, `respond`) becomes a route of its own, with the matchers of the blocks around it.
//
// A Caddyfile is a program: what is unknown may be what keeps strangers out. So only directives that are known
// to be harmless are passed over; any other closes the block it stands in.

import type { Note } from "../../config/finding.ts";
import { caddyHstsOf, isHstsAlone } from "./caddy-hsts.ts";
import { matcherOf } from "./caddy-matcher.ts";
import { readProxy } from "./caddy-proxy.ts";
import { certificateOf, readSites } from "./caddy-site.ts";
import { sitesOf } from "./caddy-tree.ts";
import type { Directive } from "./caddy-tree.ts";
import { closed } from "./closed.ts";
import { plainService } from "./default-host.ts";
import { fault, hint, warning } from "./note.ts";
import { both, literal } from "./rule-text.ts";
import type { Wish, WishReader } from "./wish.ts";

export const caddyWishes: WishReader = ({ labels }) => {
  const notes: Note[] = [];
  const wishes: Wish[] = [];
  for (const site of sitesOf(labels)) {
    for (const { name, rule, isPlain } of readSites(site, notes)) {
      const tls = isPlain ? undefined : certificateOf(site, rule);
      const route = tls === undefined ? {} : { tls };
      const block: Block = { name, rule, isPlain, named: new Map(), route, shut: undefined };
      walk(site.below, block, { notes, wishes });
    }
  }
  return { wishes, notes, isRefused: false };
};

interface Block {
  /** Of the routes in it. */
  readonly name: string;
  readonly rule: string;
  /** For http:// alone. */
  readonly isPlain: boolean;
  readonly named: ReadonlyMap<string, readonly Directive[]>;
  /** What is done to all requests: rewrites, limits. */
  readonly route: Readonly<Record<string, unknown>>;
  /** Why nobody gets through; undefined = it is open. */
  readonly shut: string | undefined;
}

interface Out {
  readonly notes: Note[];
  readonly wishes: Wish[];
}

const harmless = new Set([
  ...["encode", "log", "log_skip", "skip_log", "log_append", "log_name", "tracing", "metrics"],
  ...["header", "request_header", "handle_errors", "templates", "push", "vars", "map", "bind"],
  ...[
    "root",
    "file_server",
    "php_fastcgi",
    "try_files",
    "acme_server",
    "intercept",
    "method",
    "fs",
  ],
]);
const elsewhere = new Set(["log", "log_skip", "skip_log", "log_append", "log_name", "tls", "bind"]);
const blocks = new Set(["handle", "handle_path", "route"]);
const answers = new Set(["reverse_proxy", "redir", "respond", "abort", "error"]);
const changes = new Set(["uri", "rewrite", "request_body"]);

function walk(directives: readonly Directive[], outer: Block, out: Out): void {
  const named = new Map(outer.named);
  for (const each of directives) {
    if (each.name.startsWith("@")) named.set(each.name, [...(named.get(each.name) ?? []), each]);
  }
  const inner = { ...outer, named };
  let shut = outer.shut;
  for (const each of directives) shut = guardOf(each, inner, out) ?? shut;
  let route = outer.route;
  for (const each of directives) if (changes.has(each.name)) route = change(each, route, out);
  const said = caddyHstsOf(directives, out.notes);
  if (said !== undefined) route = { ...route, hsts: said.hsts };
  const block = { ...inner, route, shut };
  for (const each of directives) {
    if (blocks.has(each.name)) enter(each, block, out);
    else if (answers.has(each.name)) answer(each, block, out);
  }
}

/** Why this directive closes its block; undefined = it does not. */
function guardOf(directive: Directive, block: Block, { notes }: Out): string | undefined {
  const { name, label, args, below } = directive;
  if (name.startsWith("@") || changes.has(name)) return undefined;
  if (blocks.has(name)) {
    // Where nothing in it answers all that comes there, what it does is done to those that follow.
    const isGuard = !below.some((each) => {
      const isForAll = !/^[/@]/.test(each.args[0] ?? "");
      return isForAll && (answers.has(each.name) || blocks.has(each.name));
    });
    const found = isGuard ? below.map((each) => guardOf(each, block, { notes, wishes: [] })) : [];
    return found.find((why) => why !== undefined);
  }
  const matched = answers.has(name) ? matcherOf(args[0], block.named) : undefined;
  if (matched?.kind === "unknown" && name !== "reverse_proxy") {
    notes.push(fault(label, `${matched.why}, so its block is closed`));
    return matched.why;
  }
  if (answers.has(name)) return undefined;
  const isMutual = name === "tls" && below.some((each) => each.name === "client_auth");
  if (name === "tls" && args[0] === "internal" && !isMutual) return undefined;
  if (isHstsAlone(directive)) return undefined;
  if (!isMutual && (harmless.has(name) || name === "tls")) {
    if (elsewhere.has(name)) notes.push(hint(label, `${name} is said in the configuration file`));
    else notes.push(warning(label, `${name} is not there yet, and changes nothing`));
    return undefined;
  }
  const why = `${isMutual ? "tls.client_auth" : name} is not understood`;
  const remedy = "leave it out, or use the labels of tidegate";
  notes.push(fault(label, `${why}; it may keep strangers out, so its block is closed`, remedy));
  return why;
}

/** A block with a matcher: what is in it holds for requests that match. */
function enter(directive: Directive, block: Block, out: Out): void {
  const { name, args, below, label } = directive;
  const [first] = args;
  const matched = first === undefined ? undefined : matcherOf(first, block.named);
  if (first !== undefined && matched?.kind !== "rule") {
    const why = matched?.why ?? `the matcher ${JSON.stringify(first)} is not understood`;
    out.notes.push(fault(label, `${why}, so its routes are not made`));
    return;
  }
  const rule = matched?.kind === "rule" ? matched.rule : "";
  const prefix = name === "handle_path" ? (first ?? "").replace(/\/?\*$/, "") : "";
  const route = prefix === "" ? block.route : { ...block.route, stripPrefix: prefix };
  const own = first === undefined ? block.name : `${block.name}${first}`;
  walk(below, { ...block, name: own, rule: both(block.rule, rule), route }, out);
}

function answer(directive: Directive, block: Block, out: Out): void {
  const { name, args, label } = directive;
  const [first, second] = args;
  // `redir /new` has a target, and `redir /old /new` a matcher before it.
  const isTarget = name === "redir" && (second === undefined || /^(\d{3}|[a-z]+)$/.test(second));
  const isMatcher = !(isTarget && first?.startsWith("/"));
  const matched = isMatcher ? matcherOf(first, block.named) : undefined;
  if (matched?.kind === "unknown") {
    if (name === "reverse_proxy") out.notes.push(fault(label, `${matched.why}; no route is made`));
    return;
  }
  const rest = matched === undefined ? args : args.slice(1);
  const rule = both(block.rule, matched?.rule);
  const wanted =
    matched === undefined || matched.rule === "" ? block.name : `${block.name}${first}`;
  const unique = uniqueName(wanted, out.wishes);
  const labels = new Map([
    ["route", label],
    ["route.rule", label],
  ]);
  const wish = { dialect: "caddy", kind: "http", name: unique, labels } as const;
  const add = (route: Readonly<Record<string, unknown>>) =>
    out.wishes.push({ ...wish, route: { rule, ...route }, service: undefined });
  if (block.shut !== undefined) {
    add(closed(block.shut));
  } else if (name === "redir") {
    redirect(rest, block, { add, label, notes: out.notes });
  } else if (name === "reverse_proxy") {
    const read = readProxy(directive, rest, out.notes);
    if (read === undefined) return;
    const { scheme, port, settings } = read;
    const all = new Map([...labels, ...read.labels]);
    const service = { ...plainService, name: unique, scheme, port, settings };
    out.wishes.push({ ...wish, labels: all, route: { rule, ...block.route }, service });
  } else {
    add({ respond: responseOf(name, rest) });
  }
}

interface Redirecting {
  add(route: Readonly<Record<string, unknown>>): void;
  readonly label: string;
  readonly notes: Note[];
}

const redirectWords = new Map([
  ["permanent", 301],
  ["temporary", 302],
]);

function redirect(
  [to = "", code = "302"]: readonly string[],
  block: Block,
  out: Redirecting,
): void {
  if (block.isPlain && to.startsWith("https://")) {
    const message = "redirects of http to https belong to TLS, which the listener decides";
    out.notes.push(hint(out.label, message, "use the label tidegate.forceHttps=true"));
    return;
  }
  const target = to.replaceAll(/\{http\.request\.(uri|host|scheme)\}/g, "{$1}");
  out.add({ redirect: { to: target, status: redirectWords.get(code) ?? Number(code) } });
}

/** `respond [BODY] [STATUS]`; `abort` and `error` refuse. */
function responseOf(name: string, args: readonly string[]): Readonly<Record<string, unknown>> {
  const code = args.find((each) => /^[2-5]\d\d$/.test(each));
  const status = Number(code ?? (name === "respond" ? "200" : "403"));
  const body = args.find((each) => each !== code) ?? "";
  return name === "respond" ? { status, body } : { status, body: "" };
}

/** What is done to requests on their way. */
function change(
  { name, args, below, label }: Directive,
  route: Readonly<Record<string, unknown>>,
  { notes }: Out,
): Readonly<Record<string, unknown>> {
  const said = [args, ...below.map((each) => [each.name, ...each.args])];
  for (const [key, value = ""] of said) {
    if (name === "uri" && key === "strip_prefix") return { ...route, stripPrefix: value };
    if (name === "request_body" && key === "max_size") return { ...route, maxBody: value };
    const [, prefix] = /^(\/[^{}]*)\{(?:uri|path|http\.request\.uri)\}$/.exec(value) ?? [];
    if (name === "rewrite" && key === "*" && prefix !== undefined) {
      return { ...route, addPrefix: prefix.replace(/(?<=.)\/$/, "") };
    }
    if (
      name === "rewrite" &&
      key !== undefined &&
      /^\/[^*{}]*$/.test(key) &&
      /^\/[^{}?]*$/.test(value)
    ) {
      const replacement = value.replaceAll("$", "$$$$");
      return { ...route, replacePath: { pattern: `^${literal(key)}$`, replacement } };
    }
  }
  notes.push(warning(label, `this form of ${name} is not understood, and changes nothing`));
  return route;
}

function uniqueName(wanted: string, wishes: readonly Wish[]): string {
  const isTaken = (name: string) => wishes.some((each) => each.name === name);
  let name = wanted;
  for (let count = 2; isTaken(name); count += 1) name = `${wanted}-${count}`;
  return name;
}
