// Keys as etcd's gateway has them: base64 of bytes; and "all keys that begin with" as a range.

/** As text or as bytes. */
export function base64Of(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** Whoever puts bytes there that are no text gets a name that nobody can mean. */
export function textIn(base64: string): string {
  return Buffer.from(base64, "base64").toString();
}

/** In the order of etcd, which is that of their bytes. */
export function isBefore(base64: string, other: string): boolean {
  return Buffer.compare(Buffer.from(base64, "base64"), Buffer.from(other, "base64")) < 0;
}

/** The first key behind all that begin with the prefix; of none at all everything, which etcd writes as a NUL. */
export function endOf(prefix: string): string {
  const bytes = Buffer.from(prefix);
  for (let at = bytes.length - 1; at >= 0; at--) {
    const byte = bytes[at] ?? 0xff;
    if (byte === 0xff) continue;
    bytes[at] = byte + 1;
    return bytes.subarray(0, at + 1).toString("base64");
  }
  return Buffer.from([0]).toString("base64");
}
