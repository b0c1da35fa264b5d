// The request target (RFC 9112 section 3.2): which characters it may hold, in which form it comes, and
// the normalised path that the router and every guard use. Hot: bench/head.ts

import { normalisePath } from "../lib/path.ts";

export interface Target {
  /** Normalised, for matching; `*` for `OPTIONS *`. */
  path: string;
  /** As it came, dot segments resolved: what a backend gets unless a middleware changed the path. */
  rawPath: string;
  /** Without the question mark; "" when there is none. */
  query: string;
  hasQuery: boolean;
  /** Authority of an absolute-form target, "" otherwise. */
  authority: string;
}

const plain = 1;
const needsCare = 2;
const queryOnly = 3;

/**
 * Classes of characters. Refused everywhere: controls, space, non-ASCII, `"` `#` `<` `>`. A backslash is
 * refused in a path, since some servers take it for a slash; browsers do send it in queries.
 */
const classes = classTable();

function classTable(): Uint8Array {
  const table = new Uint8Array(256);
  for (let code = 33; code < 127; code++) table[code] = plain;
  for (const each of '"#<>') table[each.charCodeAt(0)] = 0;
  table["%".charCodeAt(0)] = needsCare;
  table["\\".charCodeAt(0)] = queryOnly;
  return table;
}

/** Reads a target into `into`; false when it is malformed. */
export function readTarget(target: string, method: string, into: Target): boolean {
  into.authority = "";
  if (target.charCodeAt(0) === 47 /* / */) return readPath(target, 0, into);
  if (target === "*") {
    into.path = into.rawPath = "*";
    into.query = "";
    into.hasQuery = false;
    return method === "OPTIONS";
  }
  return readAbsolute(target, method, into);
}

function readPath(target: string, start: number, into: Target): boolean {
  const length = target.length;
  let isCareNeeded = false;
  let at = start;
  let previous = 0;
  for (; at < length; at++) {
    const code = target.charCodeAt(at);
    if (code === 63 /* ? */) break;
    const kind = code < 256 ? classes[code]! : 0;
    if (kind === needsCare) isCareNeeded = true;
    else if (kind !== plain) return false;
    // "//" and "/." are the other reasons to look closely.
    if (previous === 47 && (code === 47 || code === 46)) isCareNeeded = true;
    previous = code;
  }
  for (let rest = at + 1; rest < length; rest++) {
    const code = target.charCodeAt(rest);
    if (code > 255 || classes[code] === 0) return false;
  }
  into.hasQuery = at < length;
  into.query = into.hasQuery ? target.slice(at + 1) : "";
  const path = start === 0 && at === length ? target : target.slice(start, at);
  into.path = into.rawPath = path;
  if (!isCareNeeded) return true;
  const normal = normalisePath(path);
  if (normal === undefined) return false;
  into.path = normal.path;
  into.rawPath = normal.raw;
  return true;
}

/** `http://host/path`: any client may send it (RFC 9112 section 3.2.2). */
function readAbsolute(target: string, method: string, into: Target): boolean {
  const scheme = /^https?:\/\//i.exec(target)?.[0];
  if (scheme === undefined) return false;
  const rest = target.slice(scheme.length);
  const end = rest.search(/[/?]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  if (authority === "" || !/^[\w.~!$&'()*+,;=:[\]%-]+$/.test(authority)) return false;
  const path = end < 0 ? "" : rest.slice(end);
  // RFC 9112 section 3.2.4: an OPTIONS request for a whole server comes with an empty path.
  if (path === "" && method === "OPTIONS") {
    into.path = into.rawPath = "*";
    into.query = "";
    into.hasQuery = false;
  } else if (!readPath(path.startsWith("/") ? path : `/${path}`, 0, into)) {
    return false;
  }
  into.authority = authority;
  return true;
}
