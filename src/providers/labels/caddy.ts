// Labels of caddy-docker-proxy, the part of them that most people use. Each directive that answers
// (`reverse_proxy`, `redir`, `respond`) becomes a route of its own, with the matchers of the blocks around it.
//
// A Caddyfile is a program: what is unknown may be what keeps strangers out. So only directives that are known
// to be harmless are passed over; any other closes the block it stands in.

import type { Note } from "../../config/finding.ts";
import { changeOf, changes, redirectOf, responseOf } from "./caddy-changes.ts";
import { caddyHstsOf, isHstsAlone } from "./caddy-hsts.ts";
import { isPassword, listedOf, listsOf, takenOutBy, takenOutText } from "./caddy-lists.ts";
import { matcherOf } from "./caddy-matcher.ts";
import { readProxy } from "./caddy-proxy.ts";
import { certificateOf, readSites } from "./caddy-site.ts";
import { sitesOf } from "./caddy-tree.ts";
import type { Directive } from "./caddy-tree.ts";
import { closed } from "./closed.ts";
import { plainService } from "./default-host.ts";
import { fault, hint, shown, warning } from "./note.ts";
import { both } from "./rule-text.ts";
import type { Wish, WishReader } from "./wish.ts";

export const caddyWishes: WishReader = ({ labels }) => {
  const notes: Note[] = [];
  const wishes: Wish[] = [];
  for (const site of sitesOf(labels)) {
    for (const { name, rule, isPlain } of readSites(site, notes)) {
      const tls = isPlain ? undefined : certificateOf(site, rule);
      const route = tls === undefined ? {} : { tls };
      const block: Block = {
        name,
        rule,
        isPlain,
        named: new Map(),
        route,
        lists: [],
        shut: undefined,
      };
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
  /** Middlewares of every answer in it. */
  readonly lists: readonly Readonly<Record<string, unknown>>[];
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
/** One of our middlewares, in the forms that are understood. */
const listed = new Set(["encode", "header", "request_header", "basic_auth", "basicauth"]);
const blocks = new Set(["handle", "handle_path", "route"]);
const answers = new Set(["reverse_proxy", "redir", "respond", "abort", "error"]);

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
  const lists = [...outer.lists, ...listsOf(directives)];
  const block = { ...inner, route, lists, shut };
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
    if (!isGuard) return undefined;
    const found = below.map((each) => guardOf(each, block, { notes, wishes: [] }));
    const why = found.find((each) => each !== undefined);
    const password = why === undefined ? below.find(isPassword) : undefined;
    if (password === undefined) return why;
    const goesOn = `${password.name} stands in a block that goes on behind it`;
    notes.push(fault(password.label, `${goesOn}, so its block is closed`));
    return goesOn;
  }
  const matched = answers.has(name) ? matcherOf(args[0], block.named) : undefined;
  if (matched?.kind === "unknown" && name !== "reverse_proxy") {
    notes.push(fault(label, `${matched.why}, so its block is closed`));
    return matched.why;
  }
  if (answers.has(name)) return undefined;
  const isMutual = name === "tls" && below.some((each) => each.name === "client_auth");
  if (name === "tls" && args[0] === "internal" && !isMutual) return undefined;
  if (isHstsAlone(directive) || listedOf(directive) !== undefined) {
    const names = takenOutBy(directive);
    if (names.length > 0) notes.push(warning(label, takenOutText(names)));
    return undefined;
  }
  const what = listed.has(name) ? `this form of ${name}` : name;
  if (!isMutual && (harmless.has(name) || name === "tls")) {
    if (elsewhere.has(name)) notes.push(hint(label, `${name} is said in the configuration file`));
    else notes.push(warning(label, `${what} is not understood, and changes nothing`));
    return undefined;
  }
  const why = `${isMutual ? "tls.client_auth" : what} is not understood`;
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
    out.wishes.push({ ...wish, route: { rule, ...listsIn(block), ...route }, service: undefined });
  if (block.shut !== undefined) {
    out.wishes.push({ ...wish, route: { rule, ...closed(block.shut) }, service: undefined });
  } else if (name === "redir") {
    redirect(rest, block, { add, label, notes: out.notes });
  } else if (name === "reverse_proxy") {
    const read = readProxy(directive, rest, out.notes);
    if (read === undefined) return;
    const { scheme, port, settings } = read;
    const all = new Map([...labels, ...read.labels]);
    const service = { ...plainService, name: unique, scheme, port, settings };
    out.wishes.push({
      ...wish,
      labels: all,
      route: { rule, ...listsIn({ lists: [...block.lists, ...read.lists] }), ...block.route },
      service,
    });
  } else {
    add({ respond: responseOf(directive, rest) });
  }
}

interface Redirecting {
  add(route: Readonly<Record<string, unknown>>): void;
  readonly label: string;
  readonly notes: Note[];
}

function listsIn({ lists }: Pick<Block, "lists">): Readonly<Record<string, unknown>> {
  return lists.length === 0 ? {} : { middlewares: lists };
}

function redirect(words: readonly string[], block: Block, out: Redirecting): void {
  const [to = ""] = words;
  if (block.isPlain && to.startsWith("https://")) {
    const message = "redirects of http to https belong to TLS, which the listener decides";
    out.notes.push(hint(out.label, message, "use the label tidegate.forceHttps=true"));
    return;
  }
  const made = redirectOf(words);
  if (made === undefined) {
    const message = `redir ${shown(words.join(" "))} is not understood, and answers 503`;
    out.notes.push(fault(out.label, message));
  }
  out.add(made ?? { respond: { status: 503, body: "" } });
}

/** What is done to requests on their way. */
function change(
  directive: Directive,
  route: Readonly<Record<string, unknown>>,
  { notes }: Out,
): Readonly<Record<string, unknown>> {
  const made = changeOf(directive);
  if (made !== undefined) return { ...route, ...made };
  const message = `this form of ${directive.name} is not understood, and changes nothing`;
  notes.push(warning(directive.label, message));
  return route;
}

function uniqueName(wanted: string, wishes: readonly Wish[]): string {
  const isTaken = (name: string) => wishes.some((each) => each.name === name);
  let name = wanted;
  for (let count = 2; isTaken(name); count += 1) name = `${wanted}-${count}`;
  return name;
}
