// The frames, HPACK and peers of the harness against RFC 7541's own examples, node:http2 and nginx: what is to judge the
// program must itself be right.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectH2, createServer as createH2 } from "node:http2";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { flagBits, frame, frameTypes } from "../../harness/h2-frames.ts";
import { valueOf } from "../../harness/h2-fields.ts";
import { HpackReader, integer, literal, section } from "../../harness/h2-hpack.ts";
import { huffman, isCompleteCode, unhuffman } from "../../harness/h2-huffman.ts";
import { H2Peer } from "../../harness/h2-peer.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

test("the Huffman code is complete, and reads and writes what RFC 7541 C.4 and C.6 do", () => {
  assert.ok(isCompleteCode);
  const known = {
    "www.example.com": "f1e3 c2e5 f23a 6ba0 ab90 f4ff",
    "no-cache": "a8eb 1064 9cbf",
    "custom-value": "25a8 49e9 5bb8 e8b4 bf",
    "Mon, 21 Oct 2013 20:13:21 GMT": "d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff",
    "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1":
      "94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
  };
  for (const [text, bytes] of Object.entries(known)) {
    assert.equal(huffman(text).toString("hex"), hex(bytes).toString("hex"));
    assert.equal(unhuffman(hex(bytes)), text);
  }
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
  assert.equal(unhuffman(huffman(all)), all);
  assert.throws(() => unhuffman(hex("f1e3 c2e5 f23a 6ba0 ab90 f4fe")), /padding/);
});

test("integers are those of RFC 7541 C.1, sections those of C.4 and C.6", () => {
  assert.equal(integer(10, 5).toString("hex"), "0a");
  assert.equal(integer(1337, 5).toString("hex"), "1f9a0a");
  const reader = new HpackReader();
  const first = reader.read(hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"));
  assert.deepEqual(first.at(-1), [":authority", "www.example.com"]);
  assert.deepEqual(reader.read(hex("8286 84be 5886 a8eb 1064 9cbf")).slice(3), [
    [":authority", "www.example.com"],
    ["cache-control", "no-cache"],
  ]);
  assert.deepEqual(
    reader.read(hex("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")),
    [
      [":method", "GET"],
      [":scheme", "https"],
      [":path", "/index.html"],
      [":authority", "www.example.com"],
      ["custom-key", "custom-value"],
    ],
  );
  assert.deepEqual(new HpackReader().read(literal(["a", "b"], "huffman")), [["a", "b"]]);
  assert.throws(() => new HpackReader().read(hex("be")), /nothing at index 62/);
});

const get = section([
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/x"],
  [":authority", "a.test"],
]);
const asked = frame(frameTypes.HEADERS, flagBits.END_HEADERS | flagBits.END_STREAM, 1, get);

test("a client's peer is understood by node:http2, and finds nothing wrong with it", async () => {
  const server = createH2((request, response) => {
    response.setHeader("x-path", request.url);
    response.end("x".repeat(200_000));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const peer = new H2Peer(socket, { role: "client" });
  await peer.greet();
  await peer.send(asked.subarray(0, 12), asked.subarray(12));
  const answer = await peer.until("an answer", () =>
    peer.stream(1).isEnded ? peer.stream(1) : undefined,
  );
  assert.equal(valueOf(answer.sections[0] ?? [], ":status"), "200");
  assert.equal(valueOf(answer.sections[0] ?? [], "x-path"), "/x");
  assert.ok(answer.body.length >= 100_000);
  await peer.barrier();
  assert.deepEqual(peer.problems, []);
  socket.destroy();
  server.close();
});

test("a server's peer is understood by node:http2, and finds nothing wrong with it", async () => {
  let peer: H2Peer | undefined;
  const server = createServer((socket) => {
    peer = new H2Peer(socket, { role: "server" });
    void peer.greet();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connectH2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const request = client.request({ ":method": "POST", ":path": "/y", "x-a": "b" });
  request.end("hello");
  await once(client, "connect");
  const answerer = peer as unknown as H2Peer;
  const seen = await answerer.until("a request", () =>
    answerer.stream(1).isEnded ? answerer.stream(1) : undefined,
  );
  assert.equal(seen.body, "hello");
  assert.equal(valueOf(seen.sections[0] ?? [], "x-a"), "b");
  const head = frame(frameTypes.HEADERS, flagBits.END_HEADERS, 1, section([[":status", "201"]]));
  const data = frame(frameTypes.DATA, flagBits.END_STREAM, 1, Buffer.from("made"));
  void answerer.send(head, data);
  const [headers] = (await once(request, "response")) as [Record<string, unknown>];
  assert.equal(headers[":status"], 201);
  let body = "";
  for await (const part of request) body += String(part);
  assert.equal(body, "made");
  assert.deepEqual(answerer.problems, []);
  client.close();
  server.close();
});
