// Routes, services and certificates that operators keep in Redis, as JSON, one key each: PREFIXroutes:NAME and so on; and certificates
// as PREFIXtls:HOST. A plain SET or DEL of theirs is served by the next moment.

import type { Note } from "../../config/finding.ts";
import { itemSections } from "../../config/item.ts";
import { redisLimits as limits } from "../../config/provider-limits.ts";
import type { RedisSettings } from "../../config/source-settings.ts";
import type { Log } from "../../lib/log.ts";
import { nearest } from "../../lib/nearest.ts";
import { itemAt } from "../certificate-text.ts";
import { Items, type Stored } from "../items.ts";
import type { Gathered, Source } from "../provider.ts";
import type { RedisConnection } from "./connection.ts";
import { type Keys, tooMuch } from "./kept-keys.ts";
import { followKeys } from "./keyspace.ts";
import { type HeldText, readText, sizeOfText, storedText } from "./read-text.ts";

export function redisSource(settings: RedisSettings, { log }: { readonly log: Log }): Source {
  // It outlives connections: what an item said before it went bad is known to nobody else.
  const items = new Items(settings, "redis");
  return {
    name: settings.name,
    tellDead: undefined,
    catalogs: (signal) => catalogs({ settings, log, items }, signal),
  };
}

interface Following {
  readonly settings: RedisSettings;
  readonly log: Log;
  readonly items: Items;
}

async function* catalogs(
  { settings, log, items }: Following,
  signal: AbortSignal,
): AsyncGenerator<Gathered> {
  const { name, server, prefix } = settings;
  // Without a prefix most keys are somebody else's.
  const prefixes = prefix === "" ? [...itemSections, "tls"].map((each) => `${each}:`) : [prefix];
  const read = (connection: RedisConnection, key: string, before?: HeldText) => {
    const isCertificate = itemOf(key, prefix)?.section === "certificates";
    return readText(connection, key, { before, isCertificate });
  };
  const options = { name, log, server, prefixes, read, sizeOf: sizeOfText };
  for await (const keys of followKeys<HeldText>(options, signal)) {
    const { stored, notes } = sorted(keys, prefix);
    yield items.gather(stored, notes);
  }
}

function itemOf(key: string, prefix: string) {
  const [word, name] = wordsOf(key, prefix);
  return itemAt(word, name);
}

function wordsOf(key: string, prefix: string): readonly [word: string, name: string] {
  const [, word = "", name = ""] = /^([^:]*):(.*)$/s.exec(key.slice(prefix.length)) ?? [];
  return [word, name];
}

function sorted(keys: Keys<HeldText>, prefix: string) {
  const stored: Stored[] = [];
  const notes: Note[] = [];
  const note = (key: string, message: string, remedy: string) => {
    if (notes.length >= limits.strangers) return;
    notes.push({ severity: "error", about: `key ${key}`, message, remedy });
  };
  for (const [key, held] of keys.entries()) {
    const item = itemOf(key, prefix);
    if (item === undefined) {
      const [word, name] = wordsOf(key, prefix);
      const near = nearest(word, itemSections);
      if (near === undefined) continue;
      note(key, "is none of ours, and looks like it", `write ${prefix}${near}:${name}`);
    } else if (held.kind === "text" || item.section === "certificates") {
      stored.push(storedText(item, held, key));
    } else {
      note(key, held.why, "write its JSON with SET");
    }
  }
  if (keys.left > 0) notes.push({ severity: "error", about: "", ...tooMuch(keys.left) });
  return { stored, notes };
}
