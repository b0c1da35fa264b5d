// From the path of a request to names of files and back. Decoded once and exactly: what could mean two things to two
// readers names nothing.

import { isUtf8 } from "node:buffer";
import { maxNameBytes, maxPathBytes } from "../config/files-limits.ts";
import { hexValue } from "../http/characters.ts";

/**
 * The bytes of a path, as latin1 text. undefined = no file can be meant: an encoded slash, backslash or control character, bytes
 * that are no UTF-8 (overlong ones among them), dot segments, a name or path longer than file systems have.
 * @param path normalised, still percent-encoded
 */
export function decodeAsked(path: string): string | undefined {
  if (path.charCodeAt(0) !== 47 /* / */) return undefined;
  const decoded = decode(path);
  if (decoded === undefined || decoded.length > maxPathBytes) return undefined;
  if (!isPlain(decoded) && !isUtf8(Buffer.from(decoded, "latin1"))) return undefined;
  return hasBadSegment(decoded) ? undefined : decoded;
}

function decode(path: string): string | undefined {
  let out = "";
  let from = 0;
  for (let at = path.indexOf("%"); at >= 0; at = path.indexOf("%", from)) {
    const high = hexAt(path, at + 1);
    const low = hexAt(path, at + 2);
    if (high > 15 || low > 15) return undefined;
    const code = high * 16 + low;
    if (code === 47 /* / */) return undefined;
    out += path.slice(from, at) + String.fromCharCode(code);
    from = at + 3;
  }
  return out + path.slice(from);
}

function hexAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 256 ? hexValue[code]! : 255;
}

/** Nothing but ASCII. */
function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return false;
  return true;
}

function hasBadSegment(path: string): boolean {
  let start = 1;
  for (let at = 1; at <= path.length; at++) {
    const code = at === path.length ? 47 : path.charCodeAt(at);
    if (code < 32 || code === 127 || code === 92 /* \ */ || code > 255) return true;
    if (code !== 47 /* / */) continue;
    const length = at - start;
    if (length > maxNameBytes) return true;
    if (length < 3 && length > 0) {
      const name = path.slice(start, at);
      if (name === "." || name === "..") return true;
    }
    start = at + 1;
  }
  return false;
}

const kept = keptTable();

function keptTable(): Uint8Array {
  const table = new Uint8Array(256);
  const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  for (const each of characters) table[each.charCodeAt(0)] = 1;
  return table;
}

/** One name as a segment of a URL: whatever is not unreserved (RFC 3986 section 2.3) is encoded, so that it can mean nothing else. */
export function encodeName(name: string): string {
  let out = "";
  let from = 0;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at) & 255;
    if (kept[code] === 1) continue;
    const hex = code.toString(16).toUpperCase().padStart(2, "0");
    out += `${name.slice(from, at)}%${hex}`;
    from = at + 1;
  }
  return out + name.slice(from);
}

/** A decoded path as one of a request. */
export function encodeFound(path: string): string {
  return path.split("/").map(encodeName).join("/");
}

/** The text that these bytes are, for people; with a replacement character where they are no UTF-8. */
export function readable(bytes: string): string {
  return isPlain(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}
