// Fuzzes the reader of TLS hellos. What must hold for any bytes: cuts make no difference, neither of reads nor
// of records, it never asks for more than its limit, and a name it gives is a host name.

import assert from "node:assert/strict";
import { normaliseHost } from "../../src/lib/host.ts";
import {
  ClientHelloReader,
  type HelloReading,
  maxHelloRecordBytes,
} from "../../src/tls/client-hello.ts";
import { records } from "../harness/hello.ts";
import { fuzz } from "./fuzz.ts";

/** Each part is overwritten after it was read, as a shared read buffer is. */
function read(parts: readonly string[]): HelloReading {
  const reader = new ClientHelloReader();
  for (const part of parts) {
    const shared = Buffer.from(part, "latin1");
    const reading = reader.push(shared, 0, shared.length);
    shared.fill(0xee);
    if (reading.kind !== "more") return reading;
  }
  return { kind: "more" };
}

/** What stands in the records, as far as they are whole. */
function contentOf(input: string): Buffer {
  const bytes = Buffer.from(input, "latin1");
  const contents: Buffer[] = [];
  for (let at = 0; at + 5 <= bytes.length && bytes[at] === 22;) {
    const end = at + 5 + bytes.readUInt16BE(at + 3);
    contents.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return Buffer.concat(contents);
}

fuzz({
  name: "client-hello",
  words: [
    "\x16\x03\x01",
    "\0",
    "\x01",
    "\0\0",
    "\0\x10",
    "a.test",
    "\xff\xff",
    "\x16\x03\x01\0\x01",
    "h2",
  ],
  check(input, random) {
    const reading = read([input]);
    assert.deepEqual(read(random.split(input)), reading);
    assert.deepEqual(read(input.split("")), reading);
    if (reading.kind === "more") assert.ok(input.length <= maxHelloRecordBytes);
    if (reading.kind === "bad") assert.notEqual(reading.why, "");
    if (reading.kind !== "hello") return false;
    const { serverName, protocols } = reading.hello;
    if (serverName !== "") assert.equal(normaliseHost(serverName), serverName);
    assert.ok(protocols.every((each) => each !== "" && each.length <= 255));
    const other = records(contentOf(input), 100 + random.below(2000));
    assert.deepEqual(read([other.latin1Slice()]), reading);
    return true;
  },
});
