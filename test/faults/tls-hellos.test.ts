// Clients that greet a listener with TLS in ways that no program of good will does, and those that want to begin again: each gets
// its answer, others are served, and nothing is left of it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect as openPlain, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import { eventually, within } from "../harness/barrier.ts";
import { field, madeHello, nodeHello, records } from "../harness/hello.ts";
import { needs } from "../harness/needs.ts";
import { type Plane, startPlane } from "./plane.ts";
import { certificateFor, credentialsOf } from "./tls-credentials.ts";

const bounded = { timeout: 20_000 };
const decodeError = Buffer.of(21, 3, 3, 0, 2, 2, 50);

function stand(): Promise<Plane> {
  const config = {
    listeners: { web: { bind: "127.0.0.1:0", tls: true } },
    routes: { "*": { respond: { body: "hello" } } },
  };
  return startPlane(config, credentialsOf([certificateFor(["a.test"])]));
}

/** Everything that comes back for these bytes, until the connection ends. */
async function answerTo(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = openPlain(port, "127.0.0.1");
  const got: Buffer[] = [];
  socket.on("data", (more) => got.push(more)).on("error", () => {});
  const closed = once(socket, "close");
  socket.write(bytes);
  await within(closed, 8000, "the end of the connection");
  return Buffer.concat(got);
}

/** Asks over TLS, through `port`. */
async function served(port: number, servername = "a.test"): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false });
  let text = "";
  socket.on("data", (bytes) => (text += String(bytes)));
  const closed = once(socket, "close");
  socket.write("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  await within(closed, 8000, "the answer");
  return text;
}

const label = "x".repeat(63);

for (const [what, name] of [
  ["a zero in it", "a.test\0.evil.test"],
  ["an empty label", "a..test"],
  ["nothing but dots", "..."],
  ["a dot in front", ".a.test"],
  ["256 bytes", `${label}.${label}.${label}.${label}.`],
  ["a label of 64 bytes", `x${label}.test`],
  ["a port", "a.test:443"],
  ["an address in brackets", "[::1]"],
  ["an address of IPv6", "::1"],
  ["a star", "*.test"],
  ["a slash", "a.test/x"],
  ["a line end", "a.test\r\nX-Evil: 1"],
] as const) {
  test(`a name with ${what} is refused by an alert, and in no log as it is`, bounded, async () => {
    await using plane = await stand();
    assert.deepEqual(await answerTo(plane.port, madeHello({ names: [name] })), decodeError);
    assert.match(plane.told.join("\n"), /no host name/);
    assert.doesNotMatch(plane.told.join("\n"), /evil/i);
    assert.match(await served(plane.port), /^HTTP\/1\.1 200 /);
    await plane.assertNothingLeft();
  });
}

test(
  "a name that is an address, or as long as names may be, is one without a certificate",
  bounded,
  async () => {
    await using plane = await stand();
    const longest = `${label}.${label}.${label}.${"y".repeat(61)}`;
    assert.equal(longest.length, 253);
    for (const name of ["192.0.2.1", longest]) {
      // Node sends no address; OpenSSL takes it.
      const bytes = await nodeHello({ servername: "placeholder.test" });
      const [first] = await helloAnswer(plane.port, renamed(bytes, "placeholder.test", name));
      assert.equal(first, 22, name);
    }
    assert.match(await served(plane.port, longest), /^HTTP\/1\.1 200 /);
    await plane.assertNothingLeft();
  },
);

/** The first bytes that come back. */
async function helloAnswer(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = openPlain(port, "127.0.0.1");
  try {
    socket.write(bytes);
    const [answer] = (await within(once(socket, "data"), 5000, "an answer")) as [Buffer];
    return answer;
  } finally {
    socket.destroy();
  }
}

/** A real hello, in one record, with another name in it. */
function renamed(hello: Buffer, before: string, name: string): Buffer {
  const at = hello.indexOf(before);
  const grown = name.length - before.length;
  const bytes = Buffer.concat([
    hello.subarray(0, at),
    Buffer.from(name),
    hello.subarray(at + before.length),
  ]);
  const grow = (place: number) => bytes.writeUInt16BE(bytes.readUInt16BE(place) + grown, place);
  // Of the name, of the list, and of the extension.
  for (const place of [at - 2, at - 5, at - 7]) grow(place);
  const session = 43 + 1 + (bytes[43] ?? 0);
  const suites = session + 2 + bytes.readUInt16BE(session);
  // Of all extensions, of the message, of the record.
  for (const place of [suites + 1 + (bytes[suites] ?? 0), 7, 3]) grow(place);
  return bytes;
}

test("a real hello may be cut over several records", bounded, async () => {
  await using plane = await stand();
  let further = 0;
  const relay = createServer((client) => {
    const onward = openPlain(plane.port, "127.0.0.1");
    client.on("error", () => {}).on("close", () => onward.destroy());
    onward.on("error", () => {}).on("close", () => client.destroy());
    onward.on("data", (bytes: Buffer) => client.write(bytes));
    client.once("data", (hello: Buffer) => {
      // It comes in one record, whose header goes.
      const cut = records(hello.subarray(5), 60);
      further = (cut.length - hello.length) / 5;
      onward.write(cut);
      client.on("data", (bytes: Buffer) => onward.write(bytes));
    });
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  assert.match(await served((relay.address() as AddressInfo).port), /^HTTP\/1\.1 200 /);
  relay.close();
  assert.ok(further > 3, "it came in one record");
  await plane.assertNothingLeft();
});

test(
  "records that are larger than TLS has them, before and after the hello, end the connection",
  bounded,
  async () => {
    await using plane = await stand();
    const large = Buffer.concat([Buffer.of(22, 3, 1), field(2, Buffer.alloc(2 ** 14 + 1, 1))]);
    assert.deepEqual(await answerTo(plane.port, large), decodeError);
    const hello = await nodeHello({ servername: "a.test" });
    const later = Buffer.concat([Buffer.of(23, 3, 3), field(2, Buffer.alloc(2 ** 14 + 300, 1))]);
    const answer = await answerTo(plane.port, Buffer.concat([hello, later]));
    // A server hello first, and an alert at the end: OpenSSL's own.
    assert.equal(answer[0], 22);
    assert.match(plane.told.join("\n"), /too long|too large|length/i);
    await plane.assertNothingLeft();
  },
);

test(
  "a client of TLS 1.2 that wants another handshake on its connection gets none",
  { ...bounded, skip: needs("openssl") },
  async () => {
    await using plane = await stand();
    const where = ["-connect", `127.0.0.1:${plane.port}`, "-servername", "a.test"];
    const client = spawn("openssl", ["s_client", "-tls1_2", ...where]);
    try {
      let text = "";
      for (const pipe of [client.stdout, client.stderr]) {
        pipe.setEncoding("utf8").on("data", (more: string) => (text += more));
      }
      const closed = once(client, "close");
      await eventually("the handshake", () => text.includes("Verify return code") || undefined);
      assert.match(text, /Secure Renegotiation IS supported/, "RFC 5746, against being led astray");
      client.stdin.write("R\n");
      await within(closed, 8000, "its end");
      assert.match(text, /RENEGOTIATING\s[^]*:no renegotiation:/);
      assert.doesNotMatch(text.slice(text.indexOf("RENEGOTIATING")), /verify return:1/);
    } finally {
      client.kill("SIGKILL");
    }
    assert.match(await served(plane.port), /^HTTP\/1\.1 200 /);
    await plane.assertNothingLeft();
  },
);

test(
  "many who begin a hello and stay are closed in time, and others are served meanwhile",
  bounded,
  async () => {
    const config = {
      listeners: { web: { bind: "127.0.0.1:0", tls: true } },
      routes: { "*": { respond: { body: "hello" } } },
      timeouts: { head: "1s" },
    };
    await using plane = await startPlane(config, credentialsOf([certificateFor(["a.test"])]));
    const hello = await nodeHello({ servername: "a.test" });
    const waiting: Socket[] = Array.from({ length: 200 }, () => openPlain(plane.port, "127.0.0.1"));
    const closed = waiting.map((each) => once(each.on("error", () => {}).resume(), "close"));
    for (const each of waiting) each.write(hello.subarray(0, 30));
    await eventually("all of them", () => plane.plane.counts.connections >= 200 || undefined);
    assert.match(await served(plane.port), /^HTTP\/1\.1 200 /);
    await within(Promise.all(closed), 8000, "their end");
    await plane.assertNothingLeft();
  },
);
