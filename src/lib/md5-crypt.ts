// The hash of `htpasswd -m`: a thousand rounds of MD5, with `$apr1$` in it. Cheap to try out, and what old files are full of.

import { createHash } from "node:crypto";
import { encode64 } from "./crypt-digits.ts";

const order = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5];

/** @returns the part behind the last `$` */
export function apr1(password: Buffer, salt: string): string {
  const seasoning = Buffer.from(salt, "latin1");
  const inner = md5(password, seasoning, password);
  const first = createHash("md5").update(password).update("$apr1$").update(seasoning);
  for (let left = password.length; left > 0; left -= 16) {
    first.update(inner.subarray(0, Math.min(16, left)));
  }
  for (let bits = password.length; bits > 0; bits >>= 1) {
    first.update(bits & 1 ? Buffer.of(0) : password.subarray(0, 1));
  }
  let last: Buffer = first.digest();
  for (let round = 0; round < 1000; round++) {
    const parts = [round & 1 ? password : last];
    if (round % 3 !== 0) parts.push(seasoning);
    if (round % 7 !== 0) parts.push(password);
    parts.push(round & 1 ? last : password);
    last = md5(...parts);
  }
  return encode64(last, order) + encode64(Buffer.of(last[11] ?? 0), [0]);
}

function md5(...parts: readonly Buffer[]): Buffer {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
