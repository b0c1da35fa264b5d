import assert from "node:assert/strict";
import { test } from "node:test";
import type { FilterOutput } from "../../http/answer-review.ts";
import { Base64Reader, Base64Writer } from "./base64-stream.ts";

function collector() {
  const pieces: Buffer[] = [];
  const said: string[] = [];
  const out: FilterOutput = {
    write: (buffer, start, end) => void pieces.push(Buffer.from(buffer.subarray(start, end))),
    flush: () => true,
    end: () => void said.push("end"),
    resume: () => void said.push("resume"),
    fail: (code) => void said.push(code),
  };
  return { out, said, text: () => Buffer.concat(pieces).latin1Slice() };
}

function read(pieces: readonly string[]) {
  const { out, said, text } = collector();
  const reader = new Base64Reader(out);
  for (const piece of pieces) reader.write(Buffer.from(piece, "latin1"), 0, piece.length);
  reader.end();
  return `${text()} ${said.join()}`;
}

test("base64 is read however it is cut, with padding wherever somebody flushed", () => {
  const whole = "aGVsbG8=LCA=d29ybGQhZm9v";
  for (let at = 0; at <= whole.length; at++) {
    assert.equal(read([whole.slice(0, at), whole.slice(at)]), "hello, world!foo end", String(at));
  }
  assert.equal(read(whole.split("")), "hello, world!foo end");
  assert.equal(read([]), " end");
});

test("what is no base64 ends it, once", () => {
  for (const bad of ["aGVs bG8=", "aGV", "aGVsb===", "====", "a-_b", "aGVsbG8=x", "=aGV"]) {
    assert.match(read([bad]), /BAD_GRPC_WEB$/, bad);
    assert.match(read([...bad.split(""), "!!!!"]), /^[^!]*BAD_GRPC_WEB$/, bad);
  }
});

test("each flush goes out whole, and what is written between is one piece", () => {
  const { out, text, said } = collector();
  const writer = new Base64Writer(out);
  const put = (piece: string) => {
    const buffer = Buffer.from(`<${piece}>`);
    writer.write(buffer, 1, 1 + piece.length);
    // Buffers are used again after the call.
    buffer.fill(0);
  };
  for (const piece of ["a", "b", "c", "defg"]) put(piece);
  assert.equal(text(), Buffer.from("abcdef").toString("base64"));
  writer.flush();
  assert.equal(text(), `${Buffer.from("abcdef").toString("base64")}Zw==`);
  put("hi");
  writer.end("");
  assert.equal(text(), "YWJjZGVmZw==aGk=");
  assert.deepEqual(said, ["end"]);
});
