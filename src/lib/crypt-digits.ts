// How crypt(3) writes bytes: six bits a digit, the lowest first, three bytes at a time in an order of its own.

const digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** @param order of the bytes; three make four digits, fewer at the end as many as they need */
export function encode64(bytes: Buffer, order: readonly number[]): string {
  let out = "";
  for (let at = 0; at < order.length; at += 3) {
    const group = order.slice(at, at + 3);
    let value = 0;
    for (const index of group) value = (value << 8) | (bytes[index] ?? 0);
    for (let left = group.length + 1; left > 0; left--) {
      out += digits[value & 63];
      value >>= 6;
    }
  }
  return out;
}
