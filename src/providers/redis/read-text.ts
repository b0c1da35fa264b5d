// What one key of Redis holds as text. A certificate may be a hash, too, as planb has it beside the lists of Hipache: its
// fields are read as the JSON that could stand in their place.

import { certificateText } from "../certificate-text.ts";
import { sources } from "../../config/provider-limits.ts";
import type { Stored } from "../items.ts";
import type { RedisConnection } from "./connection.ts";
import { RedisFault } from "./fault.ts";

/** What a key holds; or what is wrong with it. */
export type HeldText =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "wrong"; readonly why: string };

/** One more than may be, so that it is known to be too long: a character has three bytes at most, or is two. */
const mostBytes = 3 * sources.itemBytes + 1;

/** @returns undefined = there is no such key; `before` when it is the same still */
export async function readText(
  connection: RedisConnection,
  key: string,
  { before, mayBeHash }: { readonly before?: HeldText | undefined; readonly mayBeHash: boolean },
): Promise<HeldText | undefined> {
  const now = await readNow(connection, key, mayBeHash);
  if (now === undefined || before === undefined) return now;
  return now.kind === before.kind && textIn(now) === textIn(before) ? before : now;
}

/** Characters of Latin script are one byte each. */
export function sizeOfText(held: HeldText): number {
  return textIn(held).length;
}

function textIn(held: HeldText): string {
  return held.kind === "text" ? held.text : held.why;
}

async function readNow(
  connection: RedisConnection,
  key: string,
  mayBeHash: boolean,
): Promise<HeldText | undefined> {
  try {
    const text = String(await connection.call(["GETRANGE", key, "0", String(mostBytes)]));
    // The same as a key that is gone: nothing is no JSON either.
    return text === "" ? undefined : { kind: "text", text };
  } catch (error) {
    if (!isFault(error, "WRONGTYPE")) throw error;
    return mayBeHash ? readHash(connection, key) : { kind: "wrong", why: "holds no text" };
  }
}

const fields = ["cert", "certificate", "key"] as const;

async function readHash(connection: RedisConnection, key: string): Promise<HeldText | undefined> {
  try {
    // Nothing else limits how much an answer of HMGET is.
    const lengths = await Promise.all(
      fields.map((field) => connection.call(["HSTRLEN", key, field])),
    );
    if (lengths.some((each) => Number(each) > sources.itemBytes)) {
      return { kind: "wrong", why: `has a field longer than ${sources.itemBytes / 1024} KiB` };
    }
    const answer = await connection.call(["HMGET", key, ...fields]);
    const [cert, certificate, secret] = Array.isArray(answer) ? answer.map(textOrNothing) : [];
    return { kind: "text", text: certificateText(cert ?? certificate, secret) };
  } catch (error) {
    if (isFault(error, "NOPERM")) {
      const why = "is a hash, and our user of Redis may not read it: allow it hstrlen and hmget";
      return { kind: "wrong", why };
    }
    if (!isFault(error, "WRONGTYPE")) throw error;
    return { kind: "wrong", why: "is neither a text nor a hash with the fields cert and key" };
  }
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** What is no text says so where it is read as an item: a certificate of before is shown on. */
export function storedText(
  item: Pick<Stored, "section" | "name">,
  held: HeldText,
  key: string,
): Stored {
  const place = `key ${key}`;
  if (held.kind === "text") return { ...item, text: held.text, place };
  return { ...item, text: held.why, fault: held.why, place };
}

export function isFault(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof RedisFault && codes.includes(error.code);
}
