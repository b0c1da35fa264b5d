// What a container says of its own files and of programs in it: `tidegate.files=/var/www/html`,
// `tidegate.fastcgi=9000`, `tidegate.fastcgi=unix:/run/php/php-fpm.sock`, `tidegate.preset=wordpress`. All of it is about
// the container itself: it names no host, and whose paths they are is not for it to say.

import { fault, shown } from "./note.ts";
import type { Note } from "../../config/finding.ts";

/** Keys of a service that make it one of files, or of a program that does not speak HTTP. */
export const placeKeys = ["files", "fastcgi", "scgi", "uwsgi", "preset"] as const;

const gateways = ["fastcgi", "scgi", "uwsgi"] as const;

export type Gateway = (typeof gateways)[number];

/** In the place of an address that changes with every start. Nobody is there (RFC 5737). */
export const standInAddress = "192.0.2.1";

export const standIn = `${standInAddress}:9000`;

export interface OwnPlace {
  /** As in the file, with a stand-in for an address. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What is spoken to a port of the container; undefined = to a socket in it, or nothing is. */
  readonly gateway: Gateway | undefined;
  readonly port: number | undefined;
}

/** undefined = it says nothing of the kind. @param said of these keys, in lower case */
export function readOwnPlace(
  said: ReadonlyMap<string, { readonly value: unknown; readonly label: string }>,
  notes: Note[],
): OwnPlace | "bad" | undefined {
  if (said.size === 0) return undefined;
  const settings: Record<string, unknown> = {};
  let found: Pick<OwnPlace, "gateway" | "port"> = { gateway: undefined, port: undefined };
  for (const [key, { value, label }] of said) {
    const gateway = gateways.find((each) => each === key);
    if (gateway === undefined) {
      settings[key] = value;
      continue;
    }
    const read = readGateway(value);
    if (read === undefined) {
      const remedy = "write the port that it listens on, or unix:/PATH of a socket in it";
      const what = typeof value === "string" ? shown(value) : "what it says";
      notes.push(fault(label, `${what} does not lead to the container itself`, remedy));
      return "bad";
    }
    settings[key] = read.value;
    if (read.port !== undefined) found = { gateway, port: read.port };
  }
  return { settings, ...found };
}

export function isOwnPlace(settings: Readonly<Record<string, unknown>>): boolean {
  return placeKeys.some((key) => Object.hasOwn(settings, key));
}

/** Takes them out of settings that were written with other words around them. */
export function withoutPlace(
  settings: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const names: readonly string[] = placeKeys;
  return Object.fromEntries(
    Object.entries(settings).filter(([key]) => !names.includes(key.toLowerCase())),
  );
}

/** A port, a socket, or a mapping with one of them as its `backends`. undefined = anything else. */
function readGateway(
  value: unknown,
): { readonly value: unknown; readonly port: number | undefined } | undefined {
  if (typeof value === "string") {
    const read = readPlace(value);
    return read === undefined ? undefined : { value: read.text, port: read.port };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const all = Object.entries(value);
  const key = all.find(([name]) => name.toLowerCase() === "backends");
  const read = typeof key?.[1] === "string" ? readPlace(key[1]) : undefined;
  if (key === undefined || read === undefined) return undefined;
  const others = Object.fromEntries(all.filter((each) => each !== key));
  return { value: { ...others, backends: read.text }, port: read.port };
}

function readPlace(
  text: string,
): { readonly text: string; readonly port: number | undefined } | undefined {
  const word = text.trim();
  if (/^unix:\/[^/:,\s][^:,\s]*$/.test(word)) return { text: word, port: undefined };
  const port = /^\d{1,5}$/.test(word) ? Number(word) : 0;
  return port >= 1 && port <= 65_535 ? { text: standIn, port } : undefined;
}
