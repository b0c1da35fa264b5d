// What stands in Traefik's file and is not carried over, each said in a word: sections, and settings of entry points.

import type { Path } from "../../config/problem.ts";
import { shown } from "../outline.ts";
import { entriesOf } from "./flat.ts";

/** What is read of the file. */
const sections = new Map([
  ["http", ["routers", "services", "middlewares", "serverstransports"]],
  ["tcp", ["routers", "services", "middlewares"]],
  ["udp", ["routers", "services"]],
  ["entrypoints", []],
]);

const silent = new Set(["address", "http", "middlewares", "tls", "asdefault", "reuseport"]);

const settingsOfPoints = new Map([
  ["redirections", "add forceHttps: true to the routes once there is TLS"],
  ["forwardedheaders", "see trustedProxies"],
  ["proxyprotocol", "see proxyProtocol of a listener, and trustedProxies"],
  ["transport", "see timeouts"],
]);

export function tellStrangers(value: unknown, note: (path: Path, text: string) => void): void {
  for (const [key, section] of entriesOf(value)) {
    const kinds = sections.get(key.toLowerCase());
    const why = key === "tls" ? "TLS is not there yet" : "is not carried over";
    if (kinds === undefined) note([key], `${key}: ${why}`);
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
