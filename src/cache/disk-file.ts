// How an answer lies on disk: lengths and a checksum, then what is known of it (JSON), then its body. A file that was not
// written to its end, or changed later, does not read as one.

import { crc32 } from "node:zlib";

import { longestDiskHead } from "../config/cache-limits.ts";
import { bodyOf, headOf, type Stored } from "./stored.ts";

/** What a file is about. */
export interface DiskPlace {
  readonly key: string;
  /** `https://host/path?query` */
  readonly url: string;
  /** Request fields that choose among the variants, in lower case, sorted. */
  readonly names: readonly string[];
  /** By the values of these. */
  readonly variant: string;
}

export interface DiskEntry extends DiskPlace {
  /** undefined = it only says which fields choose. */
  readonly stored: Stored | undefined;
}

const magic = "TGCACHE1";
/** The magic, then lengths of head and body, and the checksum of all that follows the magic but itself. */
const beginning = 20;

/** Bytes before the body: those of `beginning`, then the head's. */
const headAt = beginning;

type Facts = Omit<Stored, "head" | "text" | "body" | "length">;

/** The file, in pieces. */
export function encodeEntry({ stored, key, url, names, variant }: DiskEntry): Buffer[] {
  const facts = stored === undefined ? undefined : factsOf(stored);
  const head = Buffer.from(JSON.stringify({ key, url, names, variant, facts }));
  const body = stored === undefined ? [] : pagesOf(stored);
  const start = Buffer.alloc(beginning);
  start.write(magic, "latin1");
  start.writeUInt32LE(head.length, 8);
  start.writeUInt32LE(stored?.length ?? 0, 12);
  let sum = crc32(start.subarray(8, 16));
  for (const each of [head, ...body]) sum = crc32(each, sum);
  start.writeUInt32LE(sum, 16);
  return [start, head, ...body];
}

function pagesOf({ text, body }: Stored): readonly Buffer[] {
  return text === undefined ? body : [Buffer.from(text, "latin1")];
}

function factsOf({ head: _head, text: _text, body: _body, length: _length, ...facts }: Stored) {
  return facts;
}

/** undefined = it is damaged, or none of ours. */
export function decodeEntry(file: Buffer): DiskEntry | undefined {
  const lengths = lengthsOf(file);
  if (lengths === undefined) return undefined;
  const bodyAt = headAt + lengths.head;
  if (file.length !== bodyAt + lengths.body) return undefined;
  const sum = crc32(file.subarray(headAt), crc32(file.subarray(8, 16)));
  if (sum !== file.readUInt32LE(16)) return undefined;
  const known = readHead(file.subarray(headAt, bodyAt));
  if (known === undefined) return undefined;
  const { facts, ...place } = known;
  if (facts === undefined) return { ...place, stored: undefined };
  const head = headOf(facts.status, facts.date, facts.lines);
  const body = bodyOf([file.subarray(bodyAt)], lengths.body);
  return { ...place, stored: { ...facts, head, ...body } };
}

/** The same of its first bytes: what it is about, unchecked. @returns how many bytes are needed, where these are too few */
export function decodePlace(
  file: Buffer,
): (DiskPlace & { readonly tags: readonly string[] }) | number | undefined {
  if (file.length < beginning) return undefined;
  const lengths = lengthsOf(file);
  if (lengths === undefined) return undefined;
  const bodyAt = headAt + lengths.head;
  if (file.length < bodyAt) return bodyAt;
  const known = readHead(file.subarray(headAt, bodyAt));
  if (known === undefined) return undefined;
  const { facts, ...place } = known;
  return { ...place, tags: facts?.tags ?? [] };
}

function lengthsOf(file: Buffer): { head: number; body: number } | undefined {
  if (file.length < beginning || file.latin1Slice(0, 8) !== magic) return undefined;
  const head = file.readUInt32LE(8);
  return head > longestDiskHead ? undefined : { head, body: file.readUInt32LE(12) };
}

function readHead(text: Buffer): (DiskPlace & { readonly facts: Facts | undefined }) | undefined {
  let read: unknown;
  try {
    read = JSON.parse(text.toString());
  } catch {
    return undefined;
  }
  if (!isRecord(read)) return undefined;
  const { key, url, names, variant, facts } = read;
  if (typeof key !== "string" || typeof url !== "string" || typeof variant !== "string") {
    return undefined;
  }
  if (!areTexts(names) || (facts !== undefined && !areFacts(facts))) return undefined;
  return { key, url, names, variant, facts };
}

const texts = ["date", "lines", "etag", "lastModified"] as const;
const numbers = [
  ...["status", "bornAt", "freshUntil", "whileRevalidateUntil", "ifErrorUntil", "tookMs"],
] as const;

function areFacts(value: unknown): value is Facts {
  return (
    isRecord(value) &&
    texts.every((name) => typeof value[name] === "string") &&
    numbers.every((name) => typeof value[name] === "number") &&
    typeof value["isPublic"] === "boolean" &&
    areTexts(value["tags"])
  );
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
