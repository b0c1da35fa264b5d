// Routes and services that operators keep in Redis, as JSON, one key each: PREFIXroutes:NAME and so on. A plain
// SET or DEL of theirs is served by the next moment.

import type { Note } from "../../config/finding.ts";
import { itemSections } from "../../config/item.ts";
import { redisLimits as limits, sources } from "../../config/provider-limits.ts";
import type { RedisSettings } from "../../config/source-settings.ts";
import type { Log } from "../../lib/log.ts";
import { nearest } from "../../lib/nearest.ts";
import { Items, type Stored } from "../items.ts";
import type { Gathered, Source } from "../provider.ts";
import type { RedisConnection } from "./connection.ts";
import { RedisFault } from "./fault.ts";
import { type Keys, tooMuch } from "./kept-keys.ts";
import { followKeys } from "./keyspace.ts";

export function redisSource(settings: RedisSettings, { log }: { readonly log: Log }): Source {
  return {
    name: settings.name,
    tellDead: undefined,
    catalogs: (signal) => catalogs(settings, log, signal),
  };
}

/** What a key holds; or what is wrong with it. */
type Held =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "wrong"; readonly why: string };

async function* catalogs(
  settings: RedisSettings,
  log: Log,
  signal: AbortSignal,
): AsyncGenerator<Gathered> {
  const { name, server, prefix } = settings;
  const items = new Items(settings, "redis");
  // Without a prefix most keys are somebody else's.
  const prefixes = prefix === "" ? itemSections.map((each) => `${each}:`) : [prefix];
  const options = { name, log, server, prefixes, read, sizeOf };
  for await (const keys of followKeys<Held>(options, signal)) {
    const { stored, notes } = sorted(keys, prefix);
    yield items.gather(stored, notes);
  }
}

/** Characters of Latin script are one byte each. */
function sizeOf(held: Held): number {
  return held.kind === "text" ? held.text.length : held.why.length;
}

/** One more than may be, so that it is known to be too long: a character has three bytes at most, or is two. */
const mostBytes = 3 * sources.itemBytes + 1;

async function read(
  connection: RedisConnection,
  key: string,
  before?: Held,
): Promise<Held | undefined> {
  const now = await readNow(connection, key);
  if (now === undefined || before === undefined) return now;
  const isSame =
    now.kind === "text"
      ? before.kind === "text" && before.text === now.text
      : before.kind === "wrong" && before.why === now.why;
  return isSame ? before : now;
}

async function readNow(connection: RedisConnection, key: string): Promise<Held | undefined> {
  try {
    const text = String(await connection.call(["GETRANGE", key, "0", String(mostBytes)]));
    // The same as a key that is gone: nothing is no JSON either.
    return text === "" ? undefined : { kind: "text", text };
  } catch (error) {
    if (error instanceof RedisFault && error.code === "WRONGTYPE") {
      return { kind: "wrong", why: "holds no text" };
    }
    throw error;
  }
}

function sorted(keys: Keys<Held>, prefix: string) {
  const stored: Stored[] = [];
  const notes: Note[] = [];
  const note = (key: string, message: string, remedy: string) => {
    if (notes.length >= limits.strangers) return;
    notes.push({ severity: "error", about: `key ${key}`, message, remedy });
  };
  for (const [key, held] of keys.entries()) {
    const [, word = "", name = ""] = /^([^:]*):(.*)$/s.exec(key.slice(prefix.length)) ?? [];
    const section = itemSections.find((each) => each === word);
    if (section === undefined) {
      const near = nearest(word, itemSections);
      if (near === undefined) continue;
      note(key, "is none of ours, and looks like it", `write ${prefix}${near}:${name}`);
    } else if (held.kind === "wrong") {
      note(key, held.why, "write its JSON with SET");
    } else {
      stored.push({ section, name, text: held.text, place: `key ${key}` });
    }
  }
  if (keys.left > 0) notes.push({ severity: "error", about: "", ...tooMuch(keys.left) });
  return { stored, notes };
}
