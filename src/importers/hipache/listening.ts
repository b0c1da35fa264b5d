// Where Hipache listens. `http` is of its last version, in which no address means this machine alone; in `server.port`,
// `server.address` and `server.address6`, and where nothing is said, it means all of them.

import { isIPv4, isIPv6 } from "node:net";
import { shown } from "../outline.ts";
import { type Draft, fieldOf, numberOf, textOf } from "./draft.ts";

/** As `listeners` says it. */
export function listenersOf(root: unknown, draft: Draft): Readonly<Record<string, unknown>> {
  const bind = [...new Set(placesOf(root, draft))];
  tellOfTls(root, draft);
  if (bind.length === 0) {
    draft.note("error", "http.bind", "there is no address to listen on", 'write ["0.0.0.0"]');
  }
  return { web: bind.length === 1 ? bind[0] : bind };
}

function placesOf(root: unknown, draft: Draft): string[] {
  const http = fieldOf(root, "http");
  const server = fieldOf(root, "server");
  const isNew = typeof http === "object" && http !== null;
  const port = portOf(fieldOf(isNew ? http : server, "port"), isNew ? "http" : "server", draft);
  if (isNew) {
    const bind = fieldOf(http, "bind") ?? "127.0.0.1";
    return listOf(bind).flatMap((each) => {
      const own = typeof each === "object" ? fieldOf(each, "port") : undefined;
      const address = typeof each === "object" ? fieldOf(each, "address") : each;
      const place = { path: "http.bind", port: portOf(own ?? port, "http.bind", draft) };
      return placeOf(address, place, draft);
    });
  }
  const old = ["address", "address6"].flatMap((key) =>
    listOf(fieldOf(server, key)).flatMap((each) =>
      placeOf(each, { path: `server.${key}`, port }, draft),
    ),
  );
  const isSaid = ["address", "address6"].some((key) => listOf(fieldOf(server, key)).length > 0);
  return isSaid ? old : [`:${port}`];
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function portOf(value: unknown, path: string, draft: Draft): number {
  if (value === undefined) return 80;
  const port = numberOf(value);
  if (port !== undefined && Number.isInteger(port) && port <= 65_535) return port;
  draft.note("error", `${path}.port`, "is not a port", "write a number from 0 to 65535");
  return 80;
}

function placeOf(
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

function tellOfTls(root: unknown, draft: Draft): void {
  const https = fieldOf(root, "https");
  const isNew = listOf(fieldOf(https, "bind")).length > 0;
  const old = fieldOf(fieldOf(root, "server"), "https");
  const isOld = old !== undefined && old !== null && old !== false;
  if (!isNew && !isOld) return;
  const message = "listeners with TLS are not there yet: it is not served, and all the rest is";
  const remedy = "let who ends TLS today go on, in front, and send it to http";
  draft.note("warning", isNew ? "https" : "server.https", message, remedy);
}
