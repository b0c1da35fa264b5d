// What session tickets are sealed with: the same in every worker, so that a session is resumed whoever accepts the connection.
// Those who check clients have keys of their own: a session that was not checked, or not against the same list of
// revoked certificates, must not be resumed there.

import { hkdfSync } from "node:crypto";

/** Of OpenSSL: name, AES key and HMAC key, 16 bytes each. */
const keyBytes = 48;

/** @param secret hex @param about what is checked, in at most a kilobyte: a digest of it */
export function ticketKey(secret: string, about: string): Buffer {
  return Buffer.from(hkdfSync("sha256", Buffer.from(secret, "hex"), "", about, keyBytes));
}
