// One site of a Caddyfile as routes. In a site Caddy sorts directives by its own order, and in each kind those with longer
// paths go first; in `route` they stay as written. Where conditions other than the path decide, routes get priorities.
//
// A Caddyfile is a program: what is unknown may be what keeps strangers out, so it closes the block it stands in.

import { closed } from "../../providers/labels/closed.ts";
import { isHstsAlone } from "../../providers/labels/caddy-hsts.ts";
import { changeOf, changes, redirectOf, responseOf } from "../../providers/labels/caddy-changes.ts";
import {
  isPassword,
  listedOf,
  listsOf,
  takenOutBy,
  takenOutText,
} from "../../providers/labels/caddy-lists.ts";
import { matcherOf } from "../../providers/labels/caddy-matcher.ts";
import type { Directive } from "../../providers/labels/caddy-tree.ts";
import { both, call, either } from "../../providers/labels/rule-text.ts";
import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import { answers, compare, needsRanks, rankOf } from "./order.ts";
import type { Found } from "./order.ts";
import { hstsOf } from "./hsts.ts";
import type { SiteTls } from "./site-tls.ts";
import { proxyOf } from "./proxy.ts";
import { type Grounds, groundsOf, noGrounds, servedOf } from "./served.ts";

export interface SiteRule {
  readonly name: string;
  readonly rule: string;
  /** Beside that; "" = none. */
  readonly condition: string;
  readonly hosts: readonly string[];
  readonly tls: SiteTls;
}

interface Block {
  readonly rule: string;
  readonly path: string;
  readonly named: ReadonlyMap<string, readonly Directive[]>;
  readonly route: Settings;
  /** Of every answer in it. */
  readonly hsts: Settings;
  /** Middlewares of every answer in it. */
  readonly lists: readonly Settings[];
  readonly shut: string | undefined;
  /** Where it stands among the others; the smaller goes first. */
  readonly rank: readonly number[];
  readonly isOrdered: boolean;
  readonly grounds: Grounds;
}

const blocks = new Set(["handle", "handle_path", "route"]);
const harmless = new Map([
  ["encode", "this form of it is not carried over: answers are not compressed"],
  ["header", "this form of it is not carried over, and these fields stay as they are"],
  ["request_header", "this form of it is not carried over, and these fields stay as they are"],
  ["log", "every request is logged to stdout; see accessLog"],
  ["handle_errors", "error pages are files of a folder; see errorPages"],
  ["templates", "what is in answers is not changed"],
  ["try_files", "is only read beside file_server"],
]);
const silent = new Set([
  "root",
  // They are matters of listeners, and of `tls`.
  "bind",
  "tls",
  "vars",
  "map",
  "push",
  "metrics",
  "tracing",
  "fs",
  "log_skip",
]);

export class SiteConversion {
  readonly #outline: Outline;
  readonly #found: Found[] = [];
  #hasPhp = false;

  constructor(outline: Outline) {
    this.#outline = outline;
  }

  run(site: SiteRule, directives: readonly Directive[], otherHosts: readonly string[]): void {
    const { shut } = site.tls;
    const block = { rule: "", path: "", named: new Map(), route: {}, hsts: {}, lists: [], shut };
    this.#hasPhp = hasPhp(directives);
    this.#walk(directives, { ...block, rank: [], isOrdered: false, grounds: noGrounds });
    const sorted = this.#found.toSorted((one, other) => compare(one.rank, other.rank));
    const isRanked = needsRanks(sorted);
    const isWide = isRanked && site.hosts.some((host) => host.startsWith("*"));
    const except =
      isWide && otherHosts.length > 0
        ? `!${either(otherHosts.map((host) => call("Host", host)))}`
        : "";
    for (const [index, { rule, path, settings }] of sorted.entries()) {
      const priority = isRanked ? { priority: sorted.length - index } : {};
      const more = both(site.condition, except, rule);
      const claim =
        more === "" && site.hosts.length > 0
          ? { host: site.hosts.length === 1 ? site.hosts[0] : site.hosts }
          : { rule: both(site.rule, more) };
      this.#outline.add("routes", `${site.name}${path}`, {
        ...claim,
        ...priority,
        ...withTls(settings, site.tls),
      });
    }
  }

  #walk(directives: readonly Directive[], outer: Block): void {
    const named = new Map(outer.named);
    for (const each of directives) {
      if (each.name.startsWith("@")) named.set(each.name, [...(named.get(each.name) ?? []), each]);
    }
    const grounds = groundsOf(directives, outer.grounds);
    const inner = { ...outer, named, grounds };
    let shut = outer.shut;
    for (const each of directives) shut = this.#guard(each, inner) ?? shut;
    let route = outer.route;
    for (const each of directives) if (changes.has(each.name)) route = this.#change(each, route);
    const hsts = { ...outer.hsts, ...hstsOf(directives, this.#outline) };
    const lists = [...outer.lists, ...listsOf(directives)];
    const block = { ...inner, route, hsts, lists, shut };
    for (const [index, each] of directives.entries()) {
      const rank = [...outer.rank, ...rankOf(each, index, outer.isOrdered)];
      if (blocks.has(each.name)) this.#enter(each, { ...block, rank });
      // PHP and the files beside it are one service.
      else if (each === grounds.files && grounds.php !== undefined) continue;
      else if (answers.includes(each.name)) this.#answer(each, { ...block, rank });
    }
  }

  #note(label: string, text: string): void {
    this.#outline.note(`${label}: ${text}`);
  }

  /** Why this directive closes its block; undefined = it does not. */
  #guard(directive: Directive, block: Block): string | undefined {
    const { name, label, args } = directive;
    if (name.startsWith("@") || changes.has(name)) return undefined;
    if (listedOf(directive) !== undefined) {
      const names = takenOutBy(directive);
      if (names.length > 0) this.#note(label, takenOutText(names));
      return undefined;
    }
    if (answers.includes(name) || blocks.has(name)) {
      const matched = isMatcher(directive) ? matcherOf(args[0], block.named) : undefined;
      const isGuard = sendsAway(directive) || keepsOut(directive.below);
      if (matched?.kind !== "unknown" || !isGuard) return undefined;
      this.#note(label, `${matched.why}, and it may keep strangers out: its block is closed`);
      return matched.why;
    }
    if (name === "try_files" && block.grounds.files !== undefined) return undefined;
    const known = harmless.get(name);
    if (isHarmless(name)) {
      if (known !== undefined && !isHstsAlone(directive)) this.#note(label, `${name}: ${known}`);
      return undefined;
    }
    const why = isPassword(directive)
      ? `this form of ${name} is not carried over`
      : `${name} is not there`;
    this.#note(
      label,
      `${why}, and it may keep strangers out: its block is closed, and answers 503`,
    );
    return why;
  }

  #enter(directive: Directive, block: Block): void {
    const { name, args, below, label } = directive;
    const [first] = args;
    const matched = first === undefined ? undefined : matcherOf(first, block.named);
    if (first !== undefined && matched?.kind !== "rule") {
      const why = matched?.why ?? `the matcher ${shown(first)} is not understood`;
      this.#note(label, `${why}: what is in this block is left out`);
      return;
    }
    const rule = both(block.rule, matched?.kind === "rule" ? matched.rule : "");
    const prefix = name === "handle_path" ? (first ?? "").replace(/\/?\*$/, "") : "";
    const route = prefix === "" ? block.route : { ...block.route, stripPrefix: prefix };
    const path =
      first?.startsWith("/") === true ? first.replace(/\/?\*$/, "") : (first ?? block.path);
    const before = this.#found.length;
    const inner = { ...block, rule, route, path, isOrdered: name === "route" };
    this.#walk(below, inner);
    // Where nothing in it answers, Caddy goes on behind it, and whoever was kept out stays so.
    const isAnswered = this.#found.slice(before).some((each) => each.rule === rule);
    if (isAnswered || !keepsOut(below)) return;
    const why = "what keeps strangers out stands in a block that goes on behind it";
    this.#note(label, `${why}, and is not carried over: the block is closed, and answers 503`);
    const settings = closed(why);
    this.#found.push({
      rank: [...block.rank, Infinity],
      rule,
      path,
      settings,
      isConditional: true,
    });
  }

  #answer(directive: Directive, block: Block): void {
    const { args, label } = directive;
    const matched = isMatcher(directive) ? matcherOf(args[0], block.named) : undefined;
    if (matched?.kind === "unknown") {
      if (block.shut === undefined) this.#note(label, `${matched.why}, and it is left out`);
      return;
    }
    const rest = matched === undefined ? args : args.slice(1);
    const rule = both(block.rule, matched?.rule);
    const own = matched === undefined || matched.rule === "" ? "" : (args[0] ?? "");
    const path = own === "" ? block.path : own.replace(/\/?\*$/, "");
    const settings =
      block.shut === undefined ? this.#settings(directive, rest, block) : closed(block.shut);
    if (settings === undefined) return;
    const { hsts, lists, shut } = block;
    const middlewares = shut === undefined && lists.length > 0 ? { middlewares: lists } : {};
    const told = { ...middlewares, ...settings, ...hsts };
    const isConditional =
      /\b(Method|Header|HeaderRegexp|Query|QueryRegexp|ClientIP|PathRegexp|Host)\(|!|\|\|/.test(
        rule,
      );
    this.#found.push({ rank: block.rank, rule, path, settings: told, isConditional });
  }

  #settings(directive: Directive, rest: readonly string[], block: Block): Settings | undefined {
    const { name, label } = directive;
    switch (name) {
      case "redir":
        return this.#redirect(rest, label);
      case "reverse_proxy": {
        const proxy = proxyOf(directive, rest, this.#outline);
        if (proxy === undefined) return closed("where it leads is not understood.");
        const { service, lists } = proxy;
        const own = lists.length === 0 ? {} : { middlewares: [...block.lists, ...lists] };
        return { ...block.route, service, ...own };
      }
      case "php_fastcgi":
      case "file_server": {
        const { grounds } = block;
        const options = { outline: this.#outline, grounds, hasPhp: this.#hasPhp };
        const service = servedOf(directive, rest, options);
        if (service !== undefined) return { ...block.route, service };
        this.#outline.later(
          `${name} (${label}):`,
          `  ${JSON.stringify({ [name]: rest, ...block.route })}`,
        );
        const body = "This part of the site could not be carried over.\n";
        return { respond: { status: 501, body } };
      }
      default: {
        const respond = responseOf(directive, rest);
        if (/\{[\w.]+\}/.test(JSON.stringify(respond))) {
          this.#note(label, "respond: placeholders in a text stay as they are written");
        }
        return { respond };
      }
    }
  }

  #redirect(words: readonly string[], label: string): Settings {
    const made = redirectOf(words);
    if (made !== undefined) return made;
    this.#note(label, `redir ${shown(words.join(" "))}: is not understood, and answers 503`);
    return { respond: { status: 503, body: "" } };
  }

  /** What is done to requests on their way. */
  #change(directive: Directive, route: Settings): Settings {
    const made = changeOf(directive);
    if (made !== undefined) return { ...route, ...made };
    this.#note(directive.label, `this form of ${directive.name} is not carried over`);
    return route;
  }
}

function hasPhp(directives: readonly Directive[]): boolean {
  return directives.some(({ name, below }) => name === "php_fastcgi" || hasPhp(below));
}

function withTls(settings: Settings, { route }: SiteTls): Settings {
  if (settings["redirect"] === undefined || route["redirect"] === undefined) {
    return { ...route, ...settings };
  }
  const { redirect: _to, ...others } = route;
  return { ...others, forceHttps: true, ...settings };
}

function isHarmless(name: string): boolean {
  return harmless.has(name) || silent.has(name);
}

/** Somebody in the block asks who it is, or may do so. */
function keepsOut(below: readonly Directive[]): boolean {
  return below.some((each) => {
    const { name } = each;
    if (blocks.has(name)) return keepsOut(each.below);
    if (isPassword(each)) return true;
    const isKnown = answers.includes(name) || changes.has(name) || isHarmless(name);
    return !isKnown && !name.startsWith("@");
  });
}

/** Refuses, or redirects to a page that asks who it is, perhaps; or something in it does. */
function sendsAway({ name, below }: Directive): boolean {
  return ["abort", "error", "respond", "redir"].includes(name) || below.some(sendsAway);
}

/** `redir /new` has a target, and `redir /old /new` a matcher before it. */
function isMatcher({ name, args }: Directive): boolean {
  const [first = "", second] = args;
  const isTarget = name === "redir" && (second === undefined || /^(\d{3}|[a-z]+)$/.test(second));
  return (
    !(isTarget && first.startsWith("/")) &&
    !(name === "respond" && first.startsWith("/") && second === undefined)
  );
}
