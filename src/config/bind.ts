// Where to listen: ":8080" (all addresses, IPv6 and IPv4), "127.0.0.1:8080", "[::1]:8080", or
// "unix:/run/x.sock". Host names are refused: what they resolve to may change between two starts.

import { isIPv4, isIPv6 } from "node:net";
import { parsePort } from "./backend-url.ts";
import type { Refuse } from "./scalar.ts";
import type { Address } from "./snapshot.ts";

export function parseBind(text: string, refuse: Refuse): Address | undefined {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    if (/^\/[^\0]+$/.test(path) && Buffer.byteLength(path) <= 107) return { kind: "unix", path };
    return refuse(
      `${JSON.stringify(path)} is not an absolute path of at most 107 bytes`,
      "write unix:/run/x.sock",
    );
  }
  if (/^\d+$/.test(text)) return refuse(`${text} is only a number`, `write ":${text}"`);
  const [, name = "", digits] = /^(.*):([^:\]]*)$/.exec(text) ?? [];
  if (digits === undefined || (isIPv6(text) && !name.endsWith("]"))) {
    const host = isIPv6(text) ? `[${text}]` : isIPv4(text) ? text : "";
    const remedy = `write "${host}:8080"`;
    return refuse(`${JSON.stringify(text)} has no port`, remedy);
  }
  const port = parsePort(digits);
  if (port === undefined) {
    return refuse(`${JSON.stringify(digits)} is not a port`, "write a number from 0 to 65535");
  }
  // The listener falls back to 0.0.0.0 where the machine has no IPv6.
  if (name === "" || name === "*") return { kind: "tcp", host: "::", port };
  const bare = /^\[.*\]$/.test(name) ? name.slice(1, -1) : name;
  if (bare === name ? isIPv4(bare) : isIPv6(bare)) return { kind: "tcp", host: bare, port };
  const remedy =
    name === "localhost" ? `write 127.0.0.1:${port}` : "write an IP address, IPv6 in brackets";
  return refuse(`${JSON.stringify(name)} is not an IP address`, remedy);
}
