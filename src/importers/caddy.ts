// `tidegate import caddy FILE`: the part of the Caddyfile that most people use. Matchers and options of
// `reverse_proxy` are read as in labels of Caddy.

import { isIP } from "node:net";
import type { Note } from "../config/finding.ts";
import { normaliseHostPattern } from "../lib/host.ts";
import { readSites } from "../providers/labels/caddy-site.ts";
import type { Directive } from "../providers/labels/caddy-tree.ts";
import { call, either } from "../providers/labels/rule-text.ts";
import { readCaddyfile } from "./caddy/caddyfile.ts";
import { SiteConversion } from "./caddy/site.ts";
import type { SiteRule } from "./caddy/site.ts";
import type { Imported } from "./imported.ts";
import { NotImported } from "./imported.ts";
import { Outline, shown } from "./outline.ts";

export function importCaddy(file: string): Imported {
  const outline = new Outline();
  const all = readCaddyfile(file, outline);
  const sites = all.filter(({ args }) => args.length > 0);
  if (sites.length === 0) throw new NotImported(`${file} has no site: is it a Caddyfile?`);
  const options = all.filter(({ args }) => args.length === 0);
  for (const { label } of options) {
    outline.note(`${label}: options of Caddy itself are not carried over`);
  }
  const usual = options.flatMap(({ below }) => below).filter(({ name }) => name === "default_bind");
  const binds = bindsOf(sites, usual, outline);
  addListeners(sites, binds.all, outline);
  const rules = sites.map((site) => {
    const condition = binds.inner.has(site) ? ofThisMachine : "";
    return { site, rules: rulesOf(site, condition, outline) };
  });
  for (const { site, rules: own } of rules) {
    const others = rules.filter((each) => each.site !== site).flatMap(({ rules: found }) => found);
    const otherHosts = [...new Set(others.flatMap(({ hosts }) => hosts))];
    for (const rule of own) new SiteConversion(outline).run(rule, site.below, otherHosts);
  }
  return outline.finish();
}

function rulesOf(site: Directive, condition: string, outline: Outline): SiteRule[] {
  const notes: Note[] = [];
  const found = readSites(site, notes);
  for (const { about, message, severity } of notes) {
    if (severity !== "info") outline.note(`${about}: ${message}`);
  }
  return found.map(({ name, rule }) => ({ name, rule, condition, hosts: hostsOf(site) }));
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

/** Caddy listens where its sites say; names without a port have 443 and, for the redirect there, 80. */
function addListeners(sites: readonly Directive[], host: string, outline: Outline): void {
  const ports = new Set<number>();
  let hasSecure = false;
  for (const address of sites.flatMap(({ args }) => addressesOf(args))) {
    const port = /^(?:https?:\/\/)?[^/]*:(\d{1,5})(?:\/|$)/.exec(address)?.[1];
    const isPlain = address.startsWith("http://") || address.startsWith(":");
    if (port === undefined) ports.add(80);
    else if (port !== "443" && Number(port) <= 65_535) ports.add(Number(port));
    if (!isPlain && (port === undefined || port === "443")) hasSecure = true;
  }
  if (ports.size === 0) ports.add(80);
  for (const port of [...ports].toSorted((one, other) => one - other)) {
    outline.add("listeners", port === 80 ? "web" : `web-${port}`, `${host}:${port}`);
  }
  if (ports.size > 1) {
    outline.note("every site is there at every port: routes do not depend on the listener");
  }
  if (!hasSecure) return;
  outline.note("TLS is not there yet; what the listener will be is at the end");
  const tls = { cert: "CERTIFICATE.pem", key: "KEY.pem" };
  outline.later("For later, below listeners:", `  https: ${JSON.stringify({ bind: ":443", tls })}`);
}
