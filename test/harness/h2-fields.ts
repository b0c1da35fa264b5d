// What RFC 9113 section 8 asks of a field section, looked at by the peers of tests.

import type { Field } from "./h2-hpack.ts";

const ofConnection = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const pseudoFields = {
  request: [":method", ":scheme", ":authority", ":path", ":protocol"],
  response: [":status"],
  trailers: [],
} as const;

export function fieldFaults(
  fields: readonly Field[],
  kind: "request" | "response" | "trailers",
): string[] {
  const faults: string[] = [];
  const known: readonly string[] = pseudoFields[kind];
  const seen = new Set<string>();
  let isRegular = false;
  for (const [name, value] of fields) {
    const shown = `${name}: ${value}`.slice(0, 80);
    if (name.startsWith(":")) {
      if (isRegular) faults.push(`${shown} after a regular field (8.3)`);
      if (!known.includes(name)) faults.push(`${shown} in ${kind} (8.3)`);
      if (seen.has(name)) faults.push(`${shown} twice (8.3)`);
      seen.add(name);
    } else {
      isRegular = true;
      if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) faults.push(`bad name ${shown} (8.2.1)`);
      if (ofConnection.has(name)) faults.push(`${shown} is of a connection (8.2.2)`);
      if (name === "te" && value !== "trailers") faults.push(`${shown} (8.2.2)`);
    }
    if (/[\0\r\n]|^[ \t]|[ \t]$/.test(value))
      faults.push(`bad value ${JSON.stringify(shown)} (8.2.1)`);
  }
  if (kind === "response" && !/^\d{3}$/.test(valueOf(fields, ":status") ?? ""))
    faults.push("no :status (8.3.2)");
  if (kind === "request") {
    const isConnect = valueOf(fields, ":method") === "CONNECT" && !seen.has(":protocol");
    const needed = isConnect ? [":authority"] : [":method", ":scheme", ":path"];
    for (const name of needed) if (!seen.has(name)) faults.push(`no ${name} (8.3.1)`);
    if (isConnect && (seen.has(":scheme") || seen.has(":path"))) faults.push("CONNECT (8.5)");
    if (valueOf(fields, ":path") === "") faults.push("empty :path (8.3.1)");
  }
  return faults;
}

export const valueOf = (fields: readonly Field[], wanted: string): string | undefined =>
  fields.find(([name]) => name === wanted)?.[1];

export const valuesIn = (fields: readonly Field[], wanted: string): string[] =>
  fields.filter(([name]) => name === wanted.toLowerCase()).map(([, value]) => value);
