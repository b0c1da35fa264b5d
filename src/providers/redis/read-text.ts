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
  {
    before,
    isCertificate,
  }: { readonly before?: HeldText | undefined; readonly isCertificate: boolean },
): Promise<HeldText | undefined> {
  const now = await (isCertificate ? readCertificate : readPlain)(connection, key);
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

async function readPlain(connection: RedisConnection, key: string): Promise<HeldText | undefined> {
  try {
    return await readOwn(connection, key);
  } catch (error) {
    if (!isFault(error, "WRONGTYPE")) throw error;
    return { kind: "wrong", why: "holds no text" };
  }
}

/** The same of a key that is gone: nothing is no JSON either. */
async function readOwn(connection: RedisConnection, key: string): Promise<HeldText | undefined> {
  const text = String(await connection.call(["GETRANGE", key, "0", String(mostBytes)]));
  return text === "" ? undefined : { kind: "text", text };
}

/**
 * They came to be looked for later than routes, and some are called like keys of somebody else's: one that we may not read is
 * bad by itself, and everything else goes on.
 */
async function readCertificate(
  connection: RedisConnection,
  key: string,
): Promise<HeldText | undefined> {
  try {
    return (await readOwn(connection, key)) ?? (await readNothing(connection, key));
  } catch (error) {
    if (isFault(error, "WRONGTYPE")) return readHash(connection, key);
    if (!isFault(error, "NOPERM")) throw error;
    return { kind: "wrong", why: "cannot be read: this user of Redis may not (NOPERM)" };
  }
}

/** Who renews by a script that fails writes an empty text, and nobody wants to be without a certificate for it. */
async function readNothing(
  connection: RedisConnection,
  key: string,
): Promise<HeldText | undefined> {
  try {
    await connection.call(["HSTRLEN", key, "cert"]);
  } catch (error) {
    if (isFault(error, "WRONGTYPE")) return { kind: "wrong", why: "is empty" };
    if (!isFault(error, "NOPERM", unknownCommand)) throw error;
  }
  return undefined;
}

/** `ERR unknown command 'HSTRLEN'` */
const unknownCommand = "ERR";

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
    if (isFault(error, unknownCommand)) {
      const why = "is a hash, which is read of Redis 3.2 and later: write one text, with SET";
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
