// How a PostgreSQL client begins, as far as a proxy must know: before TLS it asks in the clear whether the
// server speaks it (SSLRequest), and before that perhaps for GSSAPI encryption. PostgreSQL documentation,
// sections 55.2.9, 55.2.10 and 55.7. Both ends read on at once after the one byte of the answer, so whatever
// comes together with a question or an answer was put there by somebody in between, and is refused.

/** A message without a type: length (4, itself included), code (4). */
export type PostgresOpening =
  /** As far as it has come it may be one. */
  | "more"
  | "ssl-request"
  | "gss-request"
  /** A startup or cancel request: the session begins in the clear. */
  | "session"
  /** Not PostgreSQL. */
  | "other";

export const openingBytes = 8;

const sslRequestCode = 80877103;
const gssRequestCode = 80877104;
const cancelRequestCode = 80877102;
/** Longest startup packet a server takes (MAX_STARTUP_PACKET_LENGTH). */
const maxStartupBytes = 10_000;

/** @param bytes all that has come so far */
export function readPostgresOpening(bytes: Buffer): PostgresOpening {
  // The length has two bytes of zero in front.
  for (let at = 0; at < Math.min(2, bytes.length); at++) if (bytes[at] !== 0) return "other";
  if (bytes.length < openingBytes) return "more";
  const length = bytes.readUInt32BE(0);
  const code = bytes.readUInt32BE(4);
  if (code === sslRequestCode && length === 8) return "ssl-request";
  if (code === gssRequestCode && length === 8) return "gss-request";
  // Version 10 has keys longer than the 4 bytes of old.
  if (code === cancelRequestCode && length >= 16 && length <= 268) return "session";
  const isStartup = code >>> 16 === 3 && length >= openingBytes && length <= maxStartupBytes;
  return isStartup ? "session" : "other";
}

export const sslRequest: Buffer = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
export const willing: Buffer = Buffer.from("S", "latin1");
export const unwilling: Buffer = Buffer.from("N", "latin1");

/**
 * What a server says before it closes.
 * @param sqlState five characters (appendix A)
 */
export function errorResponse(sqlState: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0M${message}\0\0`, "utf8");
  const head = Buffer.alloc(5);
  head.write("E", "latin1");
  head.writeUInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, fields]);
}
