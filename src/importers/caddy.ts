// `tidegate import caddy FILE`: the part of the Caddyfile that most people use. Matchers and options of
// `reverse_proxy` are read as in labels of Caddy.

import { isIP } from "node:net";
import type { Note } from "../config/finding.ts";
import { normaliseHostPattern } from "../lib/host.ts";
import { readSites } from "../providers/labels/caddy-site.ts";
import type { Directive } from "../providers/labels/caddy-tree.ts";
import { call, either } from "../providers/labels/rule-text.ts";
import { readCaddyfile } from "./caddy/caddyfile.ts";
import { optionsOf } from "./caddy/options.ts";
import type { CaddyOptions } from "./caddy/options.ts";
import { CaddyTls } from "./caddy/site-tls.ts";
import { SiteConversion } from "./caddy/site.ts";
import type { SiteRule } from "./caddy/site.ts";
import type { Imported } from "./imported.ts";
import { withProviders } from "./containers.ts";
import { NotImported } from "./imported.ts";
import { Outline, shown } from "./outline.ts";
import { readSourceFile } from "./source-file.ts";

export function importCaddy(file: string): Imported {
  if (/^\s*\{\s*"/.test(readSourceFile(file))) {
    throw new NotImported(`${file} is JSON; give the Caddyfile that it was made of`);
  }
  const outline = new Outline();
  const all = readCaddyfile(file, outline);
  const sites = all.filter(({ args }) => args.length > 0);
  if (sites.length === 0) throw new NotImported(`${file} has no site: is it a Caddyfile?`);
  const globals = all.filter(({ args }) => args.length === 0).flatMap(({ below }) => below);
  const tls = new CaddyTls(outline);
  const options = optionsOf(globals, tls.acme, outline);
  const usual = globals.filter(({ name }) => name === "default_bind");
  const binds = bindsOf(sites, usual, outline);
  addListeners(sites, { host: binds.all, options, outline });
  const kept = withoutRedirects(sites, options, outline);
  const rules = kept.map((site) => {
    const condition = binds.inner.has(site) ? ofThisMachine : "";
    return { site, rules: rulesOf(site, { condition, options, tls, outline }) };
  });
  for (const { site, rules: own } of rules) {
    const others = rules.filter((each) => each.site !== site).flatMap(({ rules: found }) => found);
    const otherHosts = [...new Set(others.flatMap(({ hosts }) => hosts))];
    for (const rule of own) new SiteConversion(outline).run(rule, site.below, otherHosts);
  }
  const settings = tls.finish(options);
  if (settings !== undefined) outline.set("tls", settings);
  return withProviders(outline);
}

interface Reading {
  readonly condition: string;
  readonly options: CaddyOptions;
  readonly tls: CaddyTls;
  readonly outline: Outline;
}

function rulesOf(site: Directive, { condition, options, tls, outline }: Reading): SiteRule[] {
  const notes: Note[] = [];
  const found = readSites(site, notes);
  for (const { about, message, severity } of notes) {
    if (severity !== "info") outline.note(`${about}: ${message}`);
  }
  const hosts = hostsOf(site);
  const isSecure = doorsOf(site, options).every((door) => door.isSecure);
  return found.map(({ name, rule }) => {
    return {
      name,
      rule,
      condition,
      hosts,
      tls: tls.site({ site, rule, hosts, isSecure }, options),
    };
  });
}

/** Those of addresses that are hosts alone; none = say it as a rule. */
function hostsOf({ args }: Directive): string[] {
  const addresses = addressesOf(args);
  const hosts = addresses.map((each) => {
    const [, host] = /^(?:https?:\/\/)?([^:/]*)(?::\d{1,5})?\/?$/.exec(each) ?? [];
    return host === "" ? "*" : normaliseHostPattern(host ?? "/");
  });
  const known = hosts.filter((host) => host !== undefined);
  return known.length === hosts.length ? [...new Set(known)] : [];
}

function addressesOf(args: readonly string[]): string[] {
  return args.flatMap((each) => each.split(",")).filter((each) => each !== "");
}

interface Binds {
  /** Of all listeners, where every site says the same; "" = all addresses. */
  readonly all: string;
  /** Sites that only this machine could reach, unlike the others. */
  readonly inner: ReadonlySet<Directive>;
}

/** `bind` of each site, or else `default_bind`: routes do not depend on the listener, so that rules have to say it. */
function bindsOf(
  sites: readonly Directive[],
  usual: readonly Directive[],
  outline: Outline,
): Binds {
  const bound = sites.map((site) => {
    const own = site.below.filter(({ name }) => name === "bind");
    const hosts = (own.length > 0 ? own : usual).flatMap(({ args }) => args);
    return { site, own, hosts };
  });
  const [first] = bound;
  const [only = "", ...others] = [...new Set(bound.flatMap(({ hosts }) => hosts))];
  const isSame = others.length === 0 && bound.every(({ hosts }) => hosts.length > 0);
  const address = only.replace(/^tcp[46]?\//, "").replace(/^localhost$/, "127.0.0.1");
  if (first !== undefined && isSame && isIP(address) !== 0) {
    return { all: isIP(address) === 6 ? `[${address}]` : address, inner: new Set() };
  }
  const inner = new Set<Directive>();
  for (const { site, own, hosts } of bound) {
    if (hosts.length === 0) continue;
    const { label } = own[0] ?? usual[0] ?? site;
    const isInner = hosts.every((each) =>
      /^(tcp[46]?\/)?(127\.|\[?::1\]?$|localhost$)|^unix/.test(each),
    );
    if (isInner) inner.add(site);
    const text = isInner
      ? "routes are there at every listener, so that a rule lets in clients of this machine only"
      : "routes are there at every listener; add clientIp to those that are not for everybody";
    outline.note(`${label}: bind ${shown(hosts.join(" "))}: ${text}`);
  }
  return { all: "", inner };
}

const ofThisMachine = either(["127.0.0.0/8", "::1/128"].map((each) => call("ClientIP", each)));

interface Door {
  readonly port: number;
  readonly isSecure: boolean;
}

/** Where its addresses are. Names have TLS unless they say `http://`, and everything has it where `tls` stands. */
function doorsOf({ args, below }: Directive, { plainPort, securePort }: CaddyOptions): Door[] {
  const hasTls = below.some(({ name }) => name === "tls");
  return addressesOf(args).map((address) => {
    const [, scheme, host = "", digits] =
      /^(?:(https?):\/\/)?([^:/]*)(?::(\d{1,5}))?(?:\/|$)/.exec(address) ?? [];
    const said = digits === undefined ? undefined : Number(digits);
    const isNamed = host !== "" || scheme === "https" || hasTls || said === securePort;
    const isSecure = scheme !== "http" && said !== plainPort && isNamed;
    const usual = isSecure || scheme !== "http" ? securePort : plainPort;
    return { port: said ?? usual, isSecure };
  });
}

interface Listening {
  /** Of all listeners; "" = all addresses. */
  readonly host: string;
  readonly options: CaddyOptions;
  readonly outline: Outline;
}

/** Caddy listens where its sites say; where there is TLS it sends those who come in the clear there. */
function addListeners(sites: readonly Directive[], { host, options, outline }: Listening): void {
  const doors = sites.flatMap((site) => doorsOf(site, options));
  const usable = doors.filter(({ port }) => port >= 1 && port <= 65_535);
  const secure = new Set(usable.filter(({ isSecure }) => isSecure).map(({ port }) => port));
  const plain = new Set(usable.filter(({ isSecure }) => !isSecure).map(({ port }) => port));
  if (secure.has(options.securePort) && options.hasRedirects) plain.add(options.plainPort);
  if (secure.size + plain.size === 0) plain.add(options.plainPort);
  const sorted = (ports: ReadonlySet<number>) => [...ports].toSorted((one, other) => one - other);
  for (const port of sorted(plain)) {
    if (secure.has(port)) continue;
    outline.add("listeners", port === options.plainPort ? "web" : `web-${port}`, `${host}:${port}`);
  }
  for (const port of sorted(secure)) {
    const name = port === options.securePort ? "secure" : `secure-${port}`;
    outline.add("listeners", name, { bind: `${host}:${port}`, tls: true });
  }
  if (plain.size > 1 || secure.size > 1) {
    outline.note("every site is there at every port: routes do not depend on the listener");
  }
}

/** A site that sends everybody to https makes room for the one that is there, name by name. */
function withoutRedirects(
  sites: readonly Directive[],
  options: CaddyOptions,
  outline: Outline,
): Directive[] {
  const isSecure = (site: Directive) => doorsOf(site, options).every((door) => door.isSecure);
  const there = new Set(sites.filter(isSecure).flatMap(hostsOf));
  return sites.flatMap((site) => {
    const [only, ...others] = site.below;
    const isSending =
      only?.name === "redir" &&
      others.length === 0 &&
      /^https:\/\/.*\{(http\.request\.)?uri\}$/.test(only.args[0] ?? "") &&
      doorsOf(site, options).every((door) => !door.isSecure);
    const all = addressesOf(site.args);
    const left = all.filter((each) => {
      const [host] = hostsOf({ ...site, args: [each] });
      return host === undefined || !there.has(host);
    });
    if (!isSending || left.length === all.length) return [site];
    outline.note(`${site.label}: who comes in the clear is sent to https by the other site`);
    return left.length === 0 ? [] : [{ ...site, args: left }];
  });
}
