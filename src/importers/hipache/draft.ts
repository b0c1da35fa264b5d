// What is told while a config.json of Hipache is translated, and its fields, which may be anything.

import { importBounds } from "../../config/limits.ts";
import type { HipacheNote } from "../hipache.ts";
import { shown } from "../outline.ts";

export class Draft {
  readonly notes: HipacheNote[] = [];

  note(severity: HipacheNote["severity"], path: string, message: string, remedy?: string): void {
    if (this.notes.length >= importBounds.notes) return;
    this.notes.push({ severity, path, message, ...(remedy === undefined ? {} : { remedy }) });
  }

  /** undefined = it is not said, or cannot be used, which is told. */
  numberIn(
    value: unknown,
    path: string,
    [least, most]: readonly [number, number],
  ): number | undefined {
    if (value === undefined || value === null) return undefined;
    const number = numberOf(value);
    if (number !== undefined && number >= least && number <= most) return number;
    const message = `is no number from ${least} to ${most}, and the usual one counts`;
    this.note("warning", path, message);
    return undefined;
  }

  wholeIn(value: unknown, path: string, range: readonly [number, number]): number | undefined {
    const number = this.numberIn(value, path, range);
    return number === undefined ? undefined : Math.round(number);
  }

  /** Keys that Hipache does not know, or that mean nothing here. */
  tellStrangers(root: unknown): void {
    for (const [section, keys] of known) {
      const value = section === "" ? root : fieldOf(root, section);
      if (typeof value !== "object" || value === null) continue;
      for (const key of Object.keys(value)) {
        const path = section === "" ? key : `${section}.${key}`;
        const idle = needless.get(path);
        if (idle !== undefined) this.note("note", path, idle);
        else if (!keys.includes(key)) {
          this.note(
            "warning",
            section === "" ? "config.json" : section,
            `${shown(key)} is not known`,
          );
        }
      }
    }
  }
}

const known: readonly (readonly [section: string, keys: readonly string[]])[] = [
  [
    "",
    [
      ...["server", "http", "https", "driver", "user", "group"],
      ...["redis", "redisHost", "redisPort", "redisDatabase", "redisPassword", "redisMasterHost"],
      ...["redisMasterPort", "redisMasterDatabase", "redisMasterPassword"],
    ],
  ],
  [
    "server",
    [
      ...["workers", "tcpTimeout", "deadBackendTTL", "retryOnError", "accessLog", "staticDir"],
      ...["port", "address", "address6", "https"],
    ],
  ],
  ["http", ["port", "bind"]],
];

const needless: ReadonlyMap<string, string> = new Map([
  ["server.debug", "is not needed: `tidegate logs` shows what happens"],
  ["server.lruCache", "is not needed: nothing is asked while a request waits"],
  ["server.maxSockets", "did nothing since 0.3; see pool of a service"],
  ["server.httpKeepAlive", "did nothing since 0.3; connections to backends are kept"],
  ["server.deadBackendOn500", "did nothing since 0.3; a 500 marks nobody"],
]);

export function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Also one in quotes, which Hipache takes as well. */
export function numberOf(value: unknown): number | undefined {
  const isNumber = typeof value === "number" || /^\d+(\.\d+)?$/.test(textOf(value) ?? "");
  const number = isNumber ? Number(value) : Number.NaN;
  return number >= 0 && number < 1_000_000_000 ? number : undefined;
}
