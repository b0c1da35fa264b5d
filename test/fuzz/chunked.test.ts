import assert from "node:assert/strict";
import { Chunk, ChunkedReader } from "../../src/http/chunked.ts";
import { readMessage } from "../harness/message.ts";
import { fuzz } from "./fuzz.ts";

interface Outcome {
  readonly end: "done" | "more" | "refused";
  readonly data: string;
  readonly trailers: string;
  readonly used: number;
}

function read(pieces: readonly string[]): Outcome {
  const reader = new ChunkedReader(1000);
  let data = "";
  let before = 0;
  for (const piece of pieces) {
    const buffer = Buffer.from(piece, "latin1");
    reader.position = 0;
    for (;;) {
      const event = reader.next(buffer, buffer.length);
      if (event === Chunk.MORE) break;
      if (event === Chunk.DATA) {
        data += buffer.latin1Slice(reader.dataStart, reader.dataEnd);
        continue;
      }
      if (event !== Chunk.DONE) return { end: "refused", data: "", trailers: "", used: 0 };
      return { end: "done", data, trailers: reader.trailers, used: before + reader.position };
    }
    before += piece.length;
  }
  return { end: "more", data, trailers: "", used: before };
}

fuzz({
  name: "chunked",
  words: [
    "0\r\n\r\n",
    "\r\n",
    "\r",
    "\n",
    ";",
    ";a=b",
    ';a="b"',
    "5\r\nhello\r\n",
    "ff",
    " ",
    "\t",
    "0x",
    "A: b\r\n",
  ],
  check(input, random) {
    const whole = read([input]);
    assert.deepEqual(read(random.split(input)), whole, "it depends on how the bytes arrive");
    assert.deepEqual(read(input.split("")), whole, "it depends on how the bytes arrive");
    if (
      whole.end === "done" &&
      whole.trailers === "" &&
      !input.slice(0, whole.used).includes(";")
    ) {
      const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
      const other = readMessage(head + input, { kind: "response" });
      assert.ok(other.kind === "message", `an independent reader says ${other.kind}`);
      assert.equal(other.message.body, whole.data);
      assert.equal(other.message.size - head.length, whole.used);
    }
    return whole.end === "done";
  },
});
