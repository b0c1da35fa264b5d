// Addresses and ports of a config.json of Hipache, as our listeners say them.

import { isIPv4, isIPv6 } from "node:net";
import { shown } from "../outline.ts";
import { type Draft, fieldOf, numberOf, textOf } from "./draft.ts";

/** Without addresses all of them. */
export function oldPlaces(server: unknown, port: number, draft: Draft): string[] {
  const old = ["address", "address6"].flatMap((key) =>
    listOf(fieldOf(server, key)).flatMap((each) =>
      placeOf(each, { path: `server.${key}`, port }, draft),
    ),
  );
  const isSaid = ["address", "address6"].some((key) => listOf(fieldOf(server, key)).length > 0);
  return isSaid ? old : [`:${port}`];
}

export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

export function portOf(value: unknown, path: string, draft: Draft, usual = 80): number {
  if (value === undefined) return usual;
  const port = numberOf(value);
  if (port !== undefined && Number.isInteger(port) && port <= 65_535) return port;
  draft.note("error", `${path}.port`, "is not a port", "write a number from 0 to 65535");
  return usual;
}

export function placeOf(
  address: unknown,
  { path, port }: { readonly path: string; readonly port: number },
  draft: Draft,
): string[] {
  const text = textOf(address) ?? "";
  if (text === "::") return [`:${port}`];
  if (text === "localhost") return [`127.0.0.1:${port}`];
  if (isIPv4(text)) return [`${text}:${port}`];
  if (isIPv6(text)) return [`[${text}]:${port}`];
  draft.note("warning", path, `${shown(text)} is not an IP address, and is left out`);
  return [];
}
