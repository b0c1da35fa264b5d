// What stands in Traefik's file and is not carried over, each said in a word: sections, and settings of entry points.

import type { Path } from "../../config/problem.ts";
import { shown } from "../outline.ts";
import { entriesOf } from "./flat.ts";

/** What is read of the file. */
const sections = new Map([
  ["http", ["routers", "services", "middlewares", "serverstransports"]],
  ["tcp", ["routers", "services", "middlewares", "serverstransports"]],
  ["udp", ["routers", "services"]],
  ["tls", ["certificates", "stores", "options"]],
  ["entrypoints", []],
  ["certificatesresolvers", []],
  ["serverstransport", []],
]);

const silent = new Set([
  ...["address", "http", "middlewares", "tls", "asdefault", "reuseport", "redirections"],
]);

const settingsOfPoints = new Map([
  ["http2", "HTTP/2 is spoken with limits of its own; see limits"],
  ["http3", "clients are spoken to in HTTP/2 and HTTP/1.1; HTTP/3 is not there"],
  ["forwardedheaders", "see trustedProxies"],
  ["proxyprotocol", "see proxyProtocol of a listener, and trustedProxies"],
  ["transport", "see timeouts"],
]);

export function tellStrangers(value: unknown, note: (path: Path, text: string) => void): void {
  for (const [key, section] of entriesOf(value)) {
    const kinds = sections.get(key.toLowerCase());
    if (kinds === undefined) note([key], `${key}: is not carried over`);
    if (kinds === undefined || kinds.length === 0) continue;
    for (const [kind] of entriesOf(section)) {
      const path = [key, kind];
      if (!kinds.includes(kind.toLowerCase())) note(path, `${path.join(".")}: is not carried over`);
    }
  }
  for (const [name, point] of entriesOf(value, "entryPoints")) {
    for (const [key] of [...entriesOf(point), ...entriesOf(point, "http")]) {
      if (silent.has(key.toLowerCase())) continue;
      const text = settingsOfPoints.get(key.toLowerCase()) ?? "is not carried over";
      note(["entryPoints", name], `entry point ${shown(name)}: ${key}: ${text}`);
    }
  }
}
