// The harness itself against real sockets, a real process and the real openssl.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { barrier, eventually } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { connect } from "../harness/client.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin, origin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

test("client and origin exchange bytes and see each other's end", async () => {
  await using server = await origin();
  await using client = await connect(server.port);
  await client.sendSplit("hello world", 5);
  const connection = await server.accept();
  assert.equal(await connection.expect("hello world"), "hello world");
  await connection.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end");
  connection.end();
  assert.equal((await client.readResponse()).status, 103);
  assert.equal((await client.readResponse()).body, "to the end");
  client.reset();
  await connection.waitClose();
  assert.equal(server.connections.length, 1);
});

test("a reset in the middle of an answer is no answer", async () => {
  await using server = await origin();
  await using client = await connect(server.port);
  const connection = await server.accept();
  await connection.send("HTTP/1.1 200 OK\r\n\r\nto the");
  assert.match(await client.readBytes(5), /HTTP/);
  connection.reset();
  await assert.rejects(client.readResponse(), /ended before a whole response|bad response/);
});

test("the program starts, serves, logs, takes a new configuration and stops", async () => {
  await using first = await httpOrigin((_request, response) => void response.end("first"));
  await using second = await httpOrigin((_request, response) => void response.end("second"));
  const config = (url: string) => ({ listeners: { web: "127.0.0.1:0" }, routes: { "*": url } });
  await using program = await startTidegate({ config: config(first.url) });
  const body = async () => {
    await using client = await connect(program.port());
    await client.send("GET /seen HTTP/1.1\r\nHost: a.test\r\n\r\n");
    return (await client.readResponse()).body;
  };
  assert.equal(await body(), "first");
  assert.match(await program.waitForLog(/"target":"\/seen"/), /"status":200/);
  await program.writeConfig(config(second.url));
  await eventually("the new route", async () => ((await body()) === "second" ? true : undefined));
  assert.deepEqual(await program.stop(), { code: 0, signal: null });
});

test("a program that does not start says why", async () => {
  const starting = startTidegate({ config: "listeners: [" });
  await assert.rejects(starting, /the program ended with .*"code":1[\s\S]*tidegate\.yaml:1/);
});

test("a certificate names its hosts and its authority", { skip: needs("openssl") }, async () => {
  const { ca, cert } = await certificates("a.test", "127.0.0.1");
  const server = new X509Certificate(cert);
  assert.ok(server.verify(new X509Certificate(ca).publicKey));
  assert.equal(server.checkHost("a.test"), "a.test");
  assert.equal(server.checkIP("127.0.0.1"), "127.0.0.1");
  assert.equal((await certificates("a.test", "127.0.0.1")).cert, cert);
});

test("a missing part skips by name, and fails where it is required", () => {
  assert.equal(needs("sh"), false);
  assert.equal(needs("no-such-program"), "needs no-such-program");
  const before = process.env["REQUIRE_PARTS"];
  process.env["REQUIRE_PARTS"] = "curl, no-such-program";
  try {
    assert.throws(() => needs("no-such-program"), /REQUIRE_PARTS asks for no-such-program/);
  } finally {
    if (before === undefined) delete process.env["REQUIRE_PARTS"];
    else process.env["REQUIRE_PARTS"] = before;
  }
});

test("a barrier lets nobody through before all have come", async () => {
  const gate = barrier(2);
  let through = 0;
  const first = gate.arrive().then(() => (through += 1));
  await Promise.resolve();
  assert.equal(through, 0);
  await Promise.all([first, gate.arrive()]);
  assert.equal(through, 1);
});
