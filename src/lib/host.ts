// Host names: the one spelling that routing, certificates and logs compare. Lower-case, no port, no
// trailing dot, IPv6 in brackets in its shortest form (RFC 5952). What is malformed has no spelling.
//
// Stricter than RFC 3986 section 3.2.2: a registered name is letters, digits, "-", "_" and "." in labels
// as DNS allows them. "_" is no host name by RFC 952, but containers are called so. Percent-encoding
// and sub-delimiters are refused: two readers could decode them differently.

import { isIPv6 } from "node:net";
import { domainToASCII } from "node:url";

export interface HostPort {
  readonly host: string;
  readonly port: number | undefined;
}

const maxNameLength = 253;
const maxLabelLength = 63;

/** The name in a Host field value or authority, or undefined when it is malformed. */
// Hot: bench/routing.ts. One pass, and the very same string comes back when it needs no change.
export function normaliseHost(value: string): string | undefined {
  if (value.charCodeAt(0) === 0x5b) return normaliseLiteral(value)?.host;
  let labelStart = 0;
  let end = value.length;
  let hasUpper = false;
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    if (isLower(code) || isDigit(code) || code === 0x2d || code === 0x5f) continue;
    if (code === 0x2e) {
      if (i === labelStart || i - labelStart > maxLabelLength) return undefined;
      labelStart = i + 1;
    } else if (code >= 0x41 && code <= 0x5a) {
      hasUpper = true;
    } else if (code === 0x3a) {
      if (parsePort(value, i + 1) === -1) return undefined;
      end = i;
      break;
    } else {
      return undefined;
    }
  }
  if (end - labelStart > maxLabelLength) return undefined;
  // An empty last label is the root of an absolute name: one trailing dot, which means nothing here.
  if (labelStart === end) end -= 1;
  if (end <= 0 || end > maxNameLength) return undefined;
  const name = end === value.length ? value : value.slice(0, end);
  return hasUpper ? name.toLowerCase() : name;
}

/** Like `normaliseHost`, with the port: undefined when there is none (`example.com:` has none either). */
export function splitHostPort(value: string): HostPort | undefined {
  if (value.charCodeAt(0) === 0x5b) return normaliseLiteral(value);
  const host = normaliseHost(value);
  if (host === undefined) return undefined;
  const colon = value.indexOf(":");
  return { host, port: colon === -1 ? undefined : portOf(value, colon + 1) };
}

/**
 * A host as configuration writes it: a name in any script (IDNA), an IP address with or without
 * brackets, `*`, or `*.` and a name. No port.
 */
export function normaliseHostPattern(text: string): string | undefined {
  if (text === "*") return text;
  if (isIPv6(text)) return normaliseHost(`[${text}]`);
  if (text.startsWith("[")) return text.endsWith("]") ? normaliseHost(text) : undefined;
  if (text.includes(":")) return undefined;
  const isWildcard = text.startsWith("*.");
  const written = isWildcard ? text.slice(2) : text;
  // Only for names that need it: the WHATWG algorithm would also read "1.2" as the address 1.0.0.2.
  const name = normaliseHost(isAscii(written) ? written : domainToASCII(written));
  if (name === undefined || !isWildcard) return name;
  return name.length + 2 > maxNameLength ? undefined : `*.${name}`;
}

/** `[::1]`, perhaps with a port. A zone id is refused: it means something only on its own machine. */
function normaliseLiteral(value: string): HostPort | undefined {
  const close = value.indexOf("]");
  const address = value.slice(1, close);
  if (close === -1 || address.includes("%") || !isIPv6(address)) return undefined;
  const hasPort = value.length > close + 1;
  if (hasPort && value.charCodeAt(close + 1) !== 0x3a) return undefined;
  if (hasPort && parsePort(value, close + 2) === -1) return undefined;
  return {
    host: new URL(`http://[${address}]`).hostname,
    port: hasPort ? portOf(value, close + 2) : undefined,
  };
}

function portOf(value: string, start: number): number | undefined {
  return start === value.length ? undefined : parsePort(value, start);
}

/** Digits from `start` to the end; -1 when malformed. RFC 3986 section 3.2.3 allows none at all. */
function parsePort(value: string, start: number): number {
  if (value.length - start > 5) return -1;
  let port = 0;
  for (let i = start; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    if (!isDigit(code)) return -1;
    port = port * 10 + code - 0x30;
  }
  return port > 65_535 ? -1 : port;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

function isLower(code: number): boolean {
  return code >= 0x61 && code <= 0x7a;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
