// The mutations of the differential tests: damages to a sequence of frames where implementations are known to disagree
// (order, flags, lengths, streams, single bytes of field sections), not noise.

import { flagBits, type Frame, frame, FrameReader, frameTypes } from "../../harness/h2-frames.ts";
import { literal } from "../../harness/h2-hpack.ts";
import type { Random } from "../random.ts";

const snippets: readonly Buffer[] = [
  frame(frameTypes.PING, 0, 0, Buffer.from("snippet!")),
  frame(frameTypes.SETTINGS, 0, 0),
  frame(frameTypes.DATA, 0, 1, Buffer.from("more")),
  frame(frameTypes.DATA, flagBits.END_STREAM, 1),
  frame(frameTypes.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, 8])),
  frame(frameTypes.WINDOW_UPDATE, 0, 0, Buffer.from([0, 0, 1, 0])),
  frame(frameTypes.CONTINUATION, flagBits.END_HEADERS, 1),
  frame(frameTypes.PRIORITY, 0, 1, Buffer.from([0, 0, 0, 0, 1])),
  frame(0x42, 0, 1, Buffer.from("unknown")),
];

const fields: readonly Buffer[] = (
  [
    ["content-length", "5"],
    ["content-length", "0"],
    ["transfer-encoding", "chunked"],
    ["connection", "close"],
    ["host", "b.test"],
    ["x-a", "b\r\nc: d"],
    ["X-A", "b"],
    ["te", "trailers"],
    ["cookie", "a=b"],
    [":path", "/second"],
    [":status", "204"],
  ] as const
).map((field) => literal(field));

const interesting = [0, 9, 10, 13, 32, 58, 64, 65, 127, 128, 130, 190, 191, 255];

/** One to three damages. @returns whole frames, or what is left of them */
export function mutateFrames(bytes: Buffer, source: Random): Buffer {
  let result = bytes;
  for (let left = 1 + source.below(3); left > 0; left -= 1) result = damage(result, source);
  return result;
}

function damage(bytes: Buffer, source: Random): Buffer {
  const reader = new FrameReader();
  const frames = [...reader.push(bytes)];
  const { pending } = reader;
  const at = source.below(frames.length + 1);
  const chosen = frames[Math.min(at, frames.length - 1)];
  if (chosen === undefined) return Buffer.concat([bytes, source.pick(snippets)]);
  const where = frames.indexOf(chosen);
  const joined = (...middle: readonly Buffer[]) =>
    Buffer.concat([
      ...frames.slice(0, where).map(written),
      ...middle,
      ...frames.slice(where + 1).map(written),
      pending,
    ]);
  const { payload } = chosen;
  switch (source.below(9)) {
    case 0:
      return joined(written(chosen), written(chosen));
    case 1:
      return joined();
    case 2:
      return joined(written(chosen), source.pick(snippets));
    case 3:
      return joined(written({ ...chosen, flags: chosen.flags ^ source.pick([1, 4, 8, 32]) }));
    case 4:
      return joined(written({ ...chosen, stream: source.pick([0, 1, 2, 3, 5, 7]) }));
    case 5:
      return joined(written({ ...chosen, payload: Buffer.concat([payload, source.pick(fields)]) }));
    case 6:
      return joined(
        written({ ...chosen, payload: payload.subarray(0, source.below(payload.length + 1)) }),
      );
    case 7:
      return joined(written({ ...chosen, type: source.below(11) }));
    default: {
      const other = Buffer.from(payload);
      if (other.length > 0) other[source.below(other.length)] = source.pick(interesting);
      return joined(written({ ...chosen, payload: other }));
    }
  }
}

const written = ({ type, flags, stream, payload }: Frame): Buffer =>
  frame(type, flags, stream, payload);
