// The hashes of `htpasswd -2` and `-5`, and of /etc/shadow: `$5$` (SHA-256) and `$6$` (SHA-512), as Ulrich Drepper's
// specification has them.

import { createHash } from "node:crypto";
import { encode64 } from "./crypt-digits.ts";

export interface ShaCryptOptions {
  readonly salt: string;
  readonly rounds: number;
}

/** @returns the part behind the last `$` */
export function shaCrypt(
  kind: "sha256" | "sha512",
  password: Buffer,
  { salt, rounds }: ShaCryptOptions,
): string {
  const seasoning = Buffer.from(salt, "latin1");
  const digest = (...parts: readonly Buffer[]) => {
    const hash = createHash(kind);
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const inner = digest(password, seasoning, password);
  const first = [password, seasoning, repeated(inner, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) first.push(bits & 1 ? inner : password);
  let last = digest(...first);
  const long = digest(...Array<Buffer>(password.length).fill(password));
  const passwords = repeated(long, password.length);
  const salts = digest(...Array<Buffer>(16 + (last[0] ?? 0)).fill(seasoning));
  const ofSalt = repeated(salts, seasoning.length);
  for (let round = 0; round < rounds; round++) {
    const parts = [round & 1 ? passwords : last];
    if (round % 3 !== 0) parts.push(ofSalt);
    if (round % 7 !== 0) parts.push(passwords);
    parts.push(round & 1 ? last : passwords);
    last = digest(...parts);
  }
  return kind === "sha256" ? digits256(last) : digits512(last);
}

function repeated(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}

function digits256(bytes: Buffer): string {
  return encode64(bytes, turning(10, 21)) + encode64(bytes, [31, 30]);
}

function digits512(bytes: Buffer): string {
  return encode64(bytes, turning(21, 22)) + encode64(bytes, [63]);
}

/** Three columns of bytes; which of them comes first turns with each row. */
function turning(rows: number, shift: number): number[] {
  const columns = [0, rows, 2 * rows];
  return Array.from({ length: rows }, (_, row) => {
    const turn = (shift === 22 ? row : 2 * row) % 3;
    return [...columns.slice(turn), ...columns.slice(0, turn)].map((column) => column + row);
  }).flat();
}
