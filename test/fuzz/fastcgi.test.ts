import assert from "node:assert/strict";
import { Socket } from "node:net";
import { Wheel } from "../../src/lib/wheel.ts";
import { FastcgiConnection } from "../../src/upstream/fastcgi-connection.ts";
import { Asking } from "../harness/gateway-sample.ts";
import { fuzz } from "./fuzz.ts";

const wheel = new Wheel(1000);
const limits = { headBytes: 2000, headerCount: 20, trailerBytes: 512 };

interface Outcome {
  readonly told: Asking["told"];
  readonly body: string;
  /** 0 = gone, 1 = can be lent again, 2 = waits for more. */
  readonly state: number;
}

/** What comes of an answer that arrives in these pieces. */
function read(pieces: readonly Buffer[]): Outcome {
  let state = 2;
  const owner = { onReusable: () => void (state = 1), onClosed: () => void (state = 0) };
  const connection = new FastcgiConnection(new Socket(), "", owner, wheel, limits, true);
  let body = "";
  const asking = new Asking();
  asking.onResponseData = (buffer, start, end) => void (body += buffer.latin1Slice(start, end));
  connection.begin(asking, "", "GET", false, 0, 0);
  connection.endRequest();
  for (const piece of pieces) {
    if (connection.isOpen && state === 2) connection.onBytes(piece, 0, piece.length);
  }
  const seen = { told: asking.told, body, state };
  if (state === 2) connection.closeNow();
  return seen;
}

/** All that stands in records of request 1 of this type, read in the plainest way; up to the first END_REQUEST. */
function contentOf(bytes: Buffer, type: number): string {
  let text = "";
  for (let at = 0; at + 8 <= bytes.length && bytes[at + 1] !== 3;) {
    const length = bytes.readUInt16BE(at + 4);
    if (bytes[at + 1] === type) text += bytes.subarray(at + 8, at + 8 + length).toString("latin1");
    at += 8 + length + bytes[at + 6]!;
  }
  return text;
}

fuzz({
  name: "fastcgi",
  words: [
    ..."\x01\x06\0\x01\0\x01\0\0x|\x01\x06\0\x01\0\0\0\0|\x01\x07\0\x01\0\x02\0\0e\n|\x01\x06\0\x01\0\x04\x03\0".split(
      "|",
    ),
    "\x01\x03\0\x01\0\x08\0\0\0\0\0\0\0\0\0\0",
    ..."\0|\x01|\x02|\x06|\x08|\xff|\r\n|\n|\r|\r\n\r\n|Status: 500|Content-Length: 3\r\n|HTTP/1.1 200 OK\r\n|Transfer-Encoding: chunked\r\n".split(
      "|",
    ),
  ],
  check(input, random) {
    const bytes = Buffer.from(input, "latin1");
    const whole = read([bytes]);
    const { told, body } = whole;
    const pieces = read(random.split(input).map((each) => Buffer.from(each, "latin1")));
    assert.equal(pieces.body, body);
    // Bytes behind an answer end the connection; in a piece of their own they are the next reader's to see.
    assert.deepEqual(pieces.told, told);
    const output = contentOf(bytes, 6);
    assert.ok(output.includes(body), "the body is part of what the program put out");
    assert.ok(!(told.ended && told.failure !== ""), "an answer ends once");
    if (!told.ended) return false;
    assert.ok(told.status >= 200 && told.status <= 999);
    for (const line of told.fields.split("\r\n")) assert.match(line, /^[^\r\n\0]*$/);
    assert.doesNotMatch(told.fields, /^(?:status|transfer-encoding)[ \t]*:/im);
    if (told.bodyLength >= 0) assert.equal(body.length, told.bodyLength);
    else assert.ok(output.endsWith(body), "nothing of the body is missing");
    return true;
  },
});
