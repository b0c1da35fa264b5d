// What a source of proxy-etc stands for: a host, a host with the beginning of a path, such a beginning alone, or a port.

import { normaliseHostPattern } from "../lib/host.ts";

export interface Claimed {
  readonly name: string;
  /** As a route says it. */
  readonly claim: Readonly<Record<string, string>>;
}

/** A word without a dot is a host, or else the first segment of a path. Empty = it is no source. */
export function claimsOf(source: string): Claimed[] {
  if (/^\d+$/.test(source)) {
    const rule = `HeaderRegexp("Host", ":${source}$")`;
    return [{ name: `port-${source}`, claim: { rule } }];
  }
  const [, host = "", path = ""] = /^([^/]*)(\/.*)?$/s.exec(source) ?? [];
  const isPath = path === "" || /^(\/[\w.~%-]+)+\/?$/.test(path);
  const known = host === "" ? "*" : normaliseHostPattern(host);
  if (!isPath || known === undefined || source === "") return [];
  const prefix = path.replace(/\/$/, "");
  const claim = prefix === "" ? { host: known } : { host: known, path: prefix };
  const first = { name: `${known === "*" ? "all" : known}${prefix}`, claim };
  const isWord = prefix === "" && !host.includes(".") && host !== "localhost";
  if (!isWord) return [first];
  return [first, { name: `all/${host}`, claim: { host: "*", path: `/${host}` } }];
}
