// Targets as proxy-etc's scripts write them, `HOST:PORT` or `{ host, port }`, and the fields of what they send, which may
// be anything.

import { isIPv6 } from "node:net";
import { normaliseHostPattern, splitHostPort } from "../lib/host.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
  /** As a service has it. */
  readonly url: string;
}

/** `HOST:PORT`, or our URL of it. */
export function targetOf(value: unknown): Target | undefined {
  const text = textOf(value)?.replace(/^http:\/\//, "");
  const place = text === undefined ? undefined : splitHostPort(text);
  if (place?.port === undefined) return undefined;
  return made(place.host, place.port);
}

export function targetIn(value: unknown): Target | undefined {
  const host = textOf(fieldOf(value, "host"));
  const port = Number(textOf(fieldOf(value, "port")) ?? Number.NaN);
  return host === undefined ? undefined : made(host, port);
}

function made(written: string, port: number): Target | undefined {
  const host = normaliseHostPattern(isIPv6(written) ? `[${written}]` : written);
  if (host === undefined || host.includes("*")) return undefined;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port, url: `http://${host}:${port}` };
}

export function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}

/** Also a number, as ports are written. */
export function textOf(value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && text !== "" ? text : undefined;
}
