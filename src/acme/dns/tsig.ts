// Signatures of DNS messages by a shared key (RFC 8945). The answer's covers our question's, so that it is an answer to this very
// question; one that is cut short is taken for none.

import { createHmac, timingSafeEqual } from "node:crypto";
import { dnsChangeLimits as limits } from "../../config/acme-limits.ts";
import type { TsigKey } from "../../config/acme-settings.ts";
import { type DnsAnswer, encodedName, readName, recordClasses, recordTypes } from "./message.ts";

export const tsigErrors = { badSignature: 16, badKey: 17, badTime: 18 } as const;

export interface Signed {
  readonly bytes: Buffer;
  readonly mac: Buffer;
}

/** @param now ms */
export function signed(message: Buffer, key: TsigKey, now: number): Signed {
  const time = timeOf(now);
  const variables = { key: key.name, time, error: 0, other: Buffer.alloc(0) };
  const mac = macOf(key, [message, variablesOf(key, variables)]);
  const data = Buffer.concat([
    encodedName(key.algorithm),
    ...[time, twoBytes(limits.fudge), twoBytes(mac.length), mac],
    ...[message.subarray(0, 2), twoBytes(0), twoBytes(0)],
  ]);
  const bytes = Buffer.concat([
    message,
    encodedName(key.name),
    ...[twoBytes(recordTypes.tsig), twoBytes(recordClasses.any), Buffer.alloc(4)],
    ...[twoBytes(data.length), data],
  ]);
  bytes.writeUInt16BE(bytes.readUInt16BE(10) + 1, 10);
  return { bytes, mac };
}

export type Signature =
  /** It is by our key. `time` is that of who answers, ms; `error` 0 = none. */
  | { readonly kind: "good"; readonly error: number; readonly time: number }
  /** There is none, or an empty one; then `error` says why. */
  | { readonly kind: "none"; readonly error: number }
  | { readonly kind: "bad" };

/** @param mac of the question */
export function signatureOf(answer: DnsAnswer, key: TsigKey, mac: Buffer): Signature {
  const { bytes, records } = answer;
  const last = records.at(-1);
  if (last?.type !== recordTypes.tsig) return { kind: "none", error: 0 };
  const read = readSignature(bytes, last.data, last.end);
  if (read === undefined) return { kind: "bad" };
  const { algorithm, time, fudge, found, id, error, other } = read;
  if (found.length === 0) return { kind: "none", error };
  if (last.name !== key.name.toLowerCase() || algorithm !== key.algorithm) return { kind: "bad" };
  // As it was before it was signed.
  const message = Buffer.from(bytes.subarray(0, last.start));
  id.copy(message, 0);
  message.writeUInt16BE(message.readUInt16BE(10) - 1, 10);
  const variables = variablesOf(key, { key: last.name, time, fudge, error, other });
  const expected = macOf(key, [twoBytes(mac.length), mac, message, variables]);
  const isOurs = found.length === expected.length && timingSafeEqual(found, expected);
  if (!isOurs) return { kind: "bad" };
  // When it takes our clock for wrong, the time of the signature is ours, and its own stands apart (section 5.2.3).
  const isOther = error === tsigErrors.badTime && other.length === 6;
  return { kind: "good", error, time: (isOther ? other : time).readUIntBE(0, 6) * 1000 };
}

function readSignature(bytes: Buffer, start: number, end: number) {
  try {
    const { name: algorithm, end: at } = readName(bytes, start);
    const macEnd = at + 10 + bytes.readUInt16BE(at + 8);
    const otherStart = macEnd + 6;
    const otherEnd = otherStart + bytes.readUInt16BE(macEnd + 4);
    // Class ANY and no TTL (section 4.2): those are signed as what they have to be, and not as what stands there.
    const isWellMade =
      bytes.readUInt16BE(start - 8) === recordClasses.any && bytes.readUInt32BE(start - 6) === 0;
    if (otherEnd !== end || !isWellMade) return undefined;
    return {
      algorithm,
      time: bytes.subarray(at, at + 6),
      fudge: bytes.readUInt16BE(at + 6),
      found: bytes.subarray(at + 10, macEnd),
      id: bytes.subarray(macEnd, macEnd + 2),
      error: bytes.readUInt16BE(macEnd + 2),
      other: bytes.subarray(otherStart, otherEnd),
    };
  } catch {
    return undefined; // it ends too early
  }
}

interface Variables {
  readonly key: string;
  readonly time: Buffer;
  readonly fudge?: number;
  readonly error: number;
  readonly other: Buffer;
}

/** Section 4.3.3. */
function variablesOf(
  { algorithm }: TsigKey,
  { key, time, fudge = limits.fudge, error, other }: Variables,
): Buffer {
  return Buffer.concat([
    ...[encodedName(key), twoBytes(recordClasses.any), Buffer.alloc(4), encodedName(algorithm)],
    ...[time, twoBytes(fudge), twoBytes(error), twoBytes(other.length), other],
  ]);
}

function macOf({ algorithm, secret }: TsigKey, parts: readonly Buffer[]): Buffer {
  const hmac = createHmac(algorithm.replace("hmac-", ""), Buffer.from(secret, "base64"));
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

function timeOf(now: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(Math.floor(now / 1000), 0, 6);
  return bytes;
}

function twoBytes(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
