// Bodies too big to keep: a pattern that is sent, and compared to the last byte as it arrives. Either side
// can be held at a point of its own choosing.

import { createHash } from "node:crypto";
import { once } from "node:events";

// Of an odd length, so that no piece of the stream looks like the one before it.
const pattern = Buffer.alloc(1_000_003, createHash("sha512").update("big body").digest());

/** Called with the bytes so far, before more are sent or taken. */
export type Hold = (size: number) => Promise<void> | void;

export async function sendBody(
  writable: NodeJS.WritableStream,
  size: number,
  hold?: Hold,
): Promise<void> {
  for (let at = 0; at < size; at += pattern.length) {
    const left = size - at;
    const chunk = left >= pattern.length ? pattern : pattern.subarray(0, left);
    if (!writable.write(chunk)) await once(writable, "drain");
    await hold?.(at + chunk.length);
  }
  writable.end();
}

/** Returns the size; throws at the first wrong byte. */
export async function checkBody(stream: AsyncIterable<Buffer>, hold?: Hold): Promise<number> {
  let size = 0;
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length;) {
      const offset = (size + at) % pattern.length;
      const length = Math.min(chunk.length - at, pattern.length - offset);
      const isSame = chunk.compare(pattern, offset, offset + length, at, at + length) === 0;
      if (!isSame) throw new Error(`wrong bytes behind ${size + at}`);
      at += length;
    }
    size += chunk.length;
    await hold?.(size);
  }
  return size;
}
