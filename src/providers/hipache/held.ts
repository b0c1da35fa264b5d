// What stands in one key of Hipache's: the list of a host, the places in it that are dead, or its certificate. However large it is,
// no more of it is asked for and kept than is used.

import type { Note } from "../../config/finding.ts";
import { hipacheLimits as limits } from "../../config/provider-limits.ts";
import type { HipacheSettings } from "../../config/source-settings.ts";
import type { RedisConnection } from "../redis/connection.ts";
import { type HeldText, isFault, readText, sizeOfText } from "../redis/read-text.ts";
import { longestUrl } from "./backend-address.ts";
import { type DeadSet, isSameDeadSet, readDeadSet } from "./dead-set.ts";
import { type Frontend, type List, readFrontend, readHost } from "./frontend.ts";

/** What a key holds, and for a list what became of it: one that did not change is the very same route as before. */
export type Held =
  | ({ readonly kind: "frontend"; readonly list: List } & Made)
  | { readonly kind: "dead"; readonly set: DeadSet }
  | { readonly kind: "certificate"; readonly held: HeldText };

interface Made {
  /** undefined = it is of no host. */
  readonly frontend: Frontend | undefined;
  /** The host is written as requests are compared, in lower case and without a dot at its end. */
  readonly isExact: boolean;
  readonly notes: readonly Note[];
}

export interface Asked {
  readonly key: string;
  readonly before: Held | undefined;
}

export async function readFrontendKey(
  settings: HipacheSettings,
  connection: RedisConnection,
  { key, before }: Asked,
): Promise<Held | undefined> {
  const list = await readList(connection, key);
  if (list === undefined) return undefined;
  if (before?.kind === "frontend" && isSameList(before.list, list)) return before;
  return { kind: "frontend", list, ...made(settings, key, list) };
}

export async function readDeadKey(
  connection: RedisConnection,
  { key, before }: Asked,
): Promise<Held | undefined> {
  const set = await readSet(connection, key);
  if (set === undefined) return undefined;
  const isSame = before?.kind === "dead" && isSameDeadSet(before.set, set, Date.now());
  return isSame ? before : { kind: "dead", set };
}

export async function readCertificateKey(
  connection: RedisConnection,
  { key, before }: Asked,
): Promise<Held | undefined> {
  const known = before?.kind === "certificate" ? before : undefined;
  const held = await readText(connection, key, { before: known?.held, isCertificate: true });
  if (held === undefined) return undefined;
  return held === known?.held ? known : { kind: "certificate", held };
}

async function readList(connection: RedisConnection, key: string): Promise<List | undefined> {
  try {
    // The identifier, and one more than are used, so that it is known that there are more.
    const answer = await connection.call(["LRANGE", key, "0", String(limits.backends + 1)]);
    const elements = Array.isArray(answer) ? answer.map((each) => cut(String(each))) : [];
    return elements.length === 0 ? undefined : { kind: "list", elements };
  } catch (error) {
    if (!isFault(error, "WRONGTYPE")) throw error;
    return { kind: "wrong", why: "is not a list" };
  }
}

/** Longer than any URL that is used. A copy, which does not hold on to all of it. */
function cut(text: string): string {
  const most = longestUrl + 1;
  return text.length <= most ? text : Buffer.from(text.slice(0, most)).toString();
}

async function readSet(connection: RedisConnection, key: string): Promise<DeadSet | undefined> {
  try {
    // Bounded, which SMEMBERS is not.
    const most = String(limits.backends);
    const [members, pttl] = await Promise.all([
      connection.call(["SRANDMEMBER", key, most]),
      connection.call(["PTTL", key]),
    ]);
    const elements = Array.isArray(members) ? members.map(String) : [];
    // It may have ended between the two questions.
    if (elements.length === 0 || pttl === gone) return undefined;
    return readDeadSet(elements, Number(pttl), Date.now());
  } catch (error) {
    // Somebody else's key, by its looks or its rights: no mark of anything.
    if (isFault(error, "WRONGTYPE", "NOPERM")) return undefined;
    throw error;
  }
}

/** What PTTL says of a key that is not there. */
const gone = -2;

/** Hardly anything in a list is not of Latin script; a number is small. */
export function sizeOf(held: Held): number {
  if (held.kind === "dead") return held.set.indexes.length * 8;
  if (held.kind === "certificate") return sizeOfText(held.held);
  if (held.list.kind === "wrong") return held.list.why.length;
  return held.list.elements.reduce((sum, each) => sum + each.length, 0);
}

function isSameList(before: List, now: List): boolean {
  if (before.kind === "wrong") return now.kind === "wrong" && before.why === now.why;
  if (now.kind === "wrong" || before.elements.length !== now.elements.length) return false;
  return before.elements.every((each, index) => each === now.elements[index]);
}

function made(settings: HipacheSettings, key: string, list: List): Made {
  const written = key.slice(`${settings.prefix}frontend:`.length);
  const reading = readHost(written);
  if (reading.kind === "never") {
    const start = `${settings.prefix}frontend:`;
    const remedy = `write ${start}HOST, ${start}*.NAME or ${start}*`;
    const note = { severity: "error", about: "", message: reading.why, remedy } as const;
    return { frontend: undefined, isExact: false, notes: [note] };
  }
  const frontend = readFrontend(settings, { host: reading.host, key, list });
  return { frontend, isExact: written === reading.host, notes: frontend.notes };
}
