// What an exchange is placed by in consistent hashing.

import type { KeySource } from "../config/service.ts";
import { cookieOf } from "../http/cookies.ts";
import { hashOf } from "./balance/hash.ts";
import type { Asker } from "./pooled.ts";

/** NaN when the exchange does not have what it would be placed by. */
export function keyOf(source: KeySource, asker: Asker): number {
  const text = textOf(source, asker);
  return text === "" ? Number.NaN : hashOf(text);
}

function textOf(source: KeySource, asker: Asker): string {
  switch (source.from) {
    case "client-ip":
      return asker.clientIp;
    case "path":
      return asker.path;
    case "header":
      return asker.header(source.name) ?? "";
    case "cookie":
      return cookieOf(asker.header("cookie"), source.name);
    case "query":
      return new URLSearchParams(asker.query).get(source.name) ?? "";
  }
}
