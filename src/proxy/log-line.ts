// Turns one finished exchange into one line of the access log. Whatever a client sent is escaped, so
// a line is always plain ASCII with exactly one line end, at its end, and cannot be forged.
// Strings come in as they were received, one character per byte.
// Hot: bench/access-log.ts

import { parseFormat, type FormatPart, type Variable } from "../config/access-log-format.ts";
import type { LogEntry } from "./access-log.ts";

export type Formatter = (entry: LogEntry) => string;

/** The formatter for a format that `checkFormat` found nothing wrong with. */
export function formatterFor(format: string): Formatter {
  if (format === "combined") return combined;
  if (format === "json") return json;
  if (format === "hipache") return hipache;
  const parsed = parseFormat(format);
  if (parsed.kind === "bad") throw new Error(parsed.why);
  return template(parsed.parts);
}

function combined(entry: LogEntry): string {
  return `${escape(entry.remoteAddress)} - ${userOf(entry)} [${secondOf(entry).local}] "${
    entry.requestLine === "" ? "-" : escape(entry.requestLine)
  }" ${entry.status} ${entry.bodyBytes} "${orDash(entry.referer)}" "${orDash(entry.userAgent)}"\n`;
}

function json(entry: LogEntry): string {
  const user = nameOf(entry);
  return `{"time":"${secondOf(entry).utc}${threeDigits(entry.timeMs % 1000)}Z","remoteAddress":${quote(
    entry.remoteAddress,
  )},"remoteUser":${quote(user)},"method":${quote(entry.method)},"host":${quote(
    entry.host,
  )},"target":${quote(entry.target)},"version":${quote(entry.version)},"request":${quote(
    entry.requestLine,
  )},"status":${entry.status},"failure":${quote(entry.failure)},"requestBytes":${
    entry.requestBytes
  },"bodyBytes":${entry.bodyBytes},"durationMs":${decimal(entry.durationMs)},"backendMs":${
    entry.backendMs === undefined ? "null" : decimal(entry.backendMs)
  },"attempts":${entry.attempts},"route":${quote(entry.routeName)},"service":${quote(
    entry.serviceName,
  )},"backend":${quote(entry.backendUrl)},"referer":${quote(entry.referer)},"userAgent":${quote(
    entry.userAgent,
  )}${grpcStatus(entry)}${named("requestId", entry.requestId)}${named("traceId", entry.traceId)}}\n`;
}

function grpcStatus({ grpcStatus: status = -1 }: LogEntry): string {
  return status < 0 ? "" : `,"grpcStatus":${status}`;
}

/** Where there is one. */
function named(name: string, value: string | undefined): string {
  return value === undefined || value === "" ? "" : `,"${name}":${quote(value)}`;
}

/** As Hipache wrote it: what is absent is empty, times are those of UTC, IPv4 is written as IPv6. */
function hipache(entry: LogEntry): string {
  const { remoteAddress, backendMs = 0 } = entry;
  const address = remoteAddress.includes(":") ? remoteAddress : `::ffff:${remoteAddress}`;
  return `${escape(address)} - - [${secondOf(entry).global}] "${escape(entry.requestLine)}" ${
    entry.status
  } ${entry.bodyBytes} "${escape(entry.referer ?? "")}" "${escape(entry.userAgent ?? "")}" "${escape(
    entry.site,
  )}" ${decimal(entry.durationMs / 1000)} ${decimal(backendMs / 1000)}\n`;
}

function template(parts: readonly FormatPart[]): Formatter {
  const pieces: readonly Formatter[] = parts.map((part) => {
    if (part.kind === "variable") return printers[part.name];
    // The operator's own text may be any Unicode; its bytes go out as they are.
    const text = Buffer.from(part.text, "utf8").toString("latin1");
    return () => text;
  });
  return (entry) => {
    let line = "";
    for (const piece of pieces) line += piece(entry);
    return line + "\n";
  };
}

const printers: Readonly<Record<Variable, Formatter>> = {
  remote_addr: (entry) => escape(entry.remoteAddress),
  remote_user: userOf,
  time_local: (entry) => secondOf(entry).local,
  time_iso8601: (entry) => secondOf(entry).iso,
  msec: (entry) => seconds(entry.timeMs),
  request: (entry) => someOrDash(entry.requestLine),
  request_method: (entry) => someOrDash(entry.method),
  request_uri: (entry) => someOrDash(entry.target),
  request_length: (entry) => String(entry.requestBytes),
  server_protocol: (entry) => someOrDash(entry.version),
  status: (entry) => String(entry.status),
  body_bytes_sent: (entry) => String(entry.bodyBytes),
  http_referer: (entry) => orDash(entry.referer),
  http_user_agent: (entry) => orDash(entry.userAgent),
  host: (entry) => someOrDash(entry.host),
  request_time: (entry) => seconds(entry.durationMs),
  upstream_addr: (entry) => someOrDash(entry.backendUrl),
  upstream_response_time: (entry) =>
    entry.backendMs === undefined ? "-" : seconds(entry.backendMs),
  route: (entry) => someOrDash(entry.routeName),
  service: (entry) => someOrDash(entry.serviceName),
  site: (entry) => someOrDash(entry.site),
  failure: (entry) => (entry.failure === "" ? "-" : entry.failure),
  grpc_status: ({ grpcStatus: status = -1 }) => (status < 0 ? "-" : String(status)),
  attempts: (entry) => String(entry.attempts),
  request_id: (entry) => someOrDash(entry.requestId ?? ""),
  trace_id: (entry) => someOrDash(entry.traceId ?? ""),
};

/** A header that was not sent is `-`; one that was sent empty is empty, as with nginx. */
function orDash(value: string | undefined): string {
  return value === undefined ? "-" : escape(value);
}

function someOrDash(value: string): string {
  return value === "" ? "-" : escape(value);
}

// What no format can show as it is: all but the ASCII characters from space to tilde, less " and \.
// A regular expression, as it was the fastest of four ways measured: it looks through a slice of a
// longer string, which every field of a head is, without asking anew for each character.
const unusual = /[^ !#-[\]-~]/;

/** nginx's default escaping: `"`, `\`, control bytes and everything from 7F up become \xHH. */
export function escape(value: string): string {
  return unusual.test(value) ? escapeAll(value) : value;
}

function escapeAll(value: string): string {
  let out = "";
  for (const byte of bytesOf(value)) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    out += plain
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** What came from a client is one byte per character; a name from the configuration may be more. */
function bytesOf(value: string): Buffer {
  for (let index = 0; index < value.length; index++) {
    if (value.charCodeAt(index) > 0xff) return Buffer.from(value, "utf8");
  }
  return Buffer.from(value, "latin1");
}

/** A JSON string, or null for what is absent or empty; other than ASCII is written as \uHHHH. */
function quote(value: string | undefined): string {
  if (value === undefined || value === "") return "null";
  return unusual.test(value) ? quoteAll(value) : `"${value}"`;
}

function quoteAll(value: string): string {
  let out = '"';
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code === 0x22 || code === 0x5c) out += `\\${value[index]}`;
    else if (code >= 0x20 && code < 0x7f) out += value[index];
    else out += `\\u${code.toString(16).padStart(4, "0")}`;
  }
  return out + '"';
}

function userOf(entry: LogEntry): string {
  return someOrDash(nameOf(entry) ?? "");
}

/**
 * Whom a middleware found the client to be; otherwise the user's name of Basic credentials (RFC 7617), whether or not anybody
 * checked the password.
 */
function nameOf({ user, authorization }: LogEntry): string | undefined {
  if (user !== undefined && user !== "") return user;
  return authorization === undefined ? undefined : basicUser(authorization);
}

export function basicUser(authorization: string): string | undefined {
  const match = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(authorization);
  if (match?.[1] === undefined) return undefined;
  const pair = Buffer.from(match[1], "base64").toString("latin1");
  const colon = pair.indexOf(":");
  return colon > 0 ? pair.slice(0, colon) : undefined;
}

interface Second {
  readonly number: number;
  /** `21/Nov/2026:03:41:55 +0000` */
  readonly local: string;
  /** `21/Nov/2026:03:41:55 +0000`, in UTC */
  readonly global: string;
  /** `2026-11-21T03:41:55+00:00` */
  readonly iso: string;
  /** `2026-11-21T03:41:55.`, to be followed by three digits and `Z`. */
  readonly utc: string;
}

let current: Second = describe(0);

/** Dates are made once per second: making one costs more than the rest of a line. */
function secondOf(entry: LogEntry): Second {
  const number = Math.floor(entry.timeMs / 1000);
  if (number !== current.number) current = describe(number);
  return current;
}

function describe(number: number): Second {
  const date = new Date(number * 1000);
  const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const two = (value: number) => String(value).padStart(2, "0");
  const east = -date.getTimezoneOffset();
  const sign = east < 0 ? "-" : "+";
  const zone = [two(Math.floor(Math.abs(east) / 60)), two(Math.abs(east) % 60)];
  const day = two(date.getDate());
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const year = date.getFullYear();
  return {
    number,
    global: `${two(date.getUTCDate())}/${months[date.getUTCMonth()]}/${date.getUTCFullYear()}:${date
      .toISOString()
      .slice(11, 19)} +0000`,
    local: `${day}/${months[date.getMonth()]}/${year}:${clock} ${sign}${zone.join("")}`,
    iso: `${year}-${two(date.getMonth() + 1)}-${day}T${clock}${sign}${zone.join(":")}`,
    utc: date.toISOString().slice(0, 20),
  };
}

/** 1234.5 ms as `1.234`, nginx's way of writing times. */
function seconds(ms: number): string {
  const whole = ms > 0 ? Math.floor(ms) : 0;
  return `${Math.floor(whole / 1000)}.${threeDigits(whole % 1000)}`;
}

function threeDigits(value: number): string {
  const whole = Math.floor(value);
  return whole < 10 ? `00${whole}` : whole < 100 ? `0${whole}` : String(whole);
}

/** A JSON number with at most three digits after the point. */
function decimal(value: number): number {
  return value > 0 ? Math.round(value * 1000) / 1000 : 0;
}
