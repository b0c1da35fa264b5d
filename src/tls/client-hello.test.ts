import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { test } from "node:test";
import {
  field,
  madeHello,
  messageOf,
  nodeHello,
  opensslHello,
  records,
} from "../../test/harness/hello.ts";
import { needs } from "../../test/harness/needs.ts";
import {
  type ClientHello,
  ClientHelloReader,
  type HelloReading,
  maxHelloBytes,
  maxHelloRecordBytes,
} from "./client-hello.ts";

/** The outcome of the parts, each overwritten after it was read, as a shared read buffer is. */
function read(...parts: readonly Buffer[]): HelloReading {
  const reader = new ClientHelloReader();
  for (const part of parts) {
    const shared = Buffer.from(part);
    const reading = reader.push(shared, 0, shared.length);
    shared.fill(0xee);
    if (reading.kind !== "more") return reading;
  }
  return { kind: "more" };
}

function helloIn(bytes: Buffer): ClientHello {
  const reading = read(bytes);
  if (reading.kind !== "hello") throw new Error(JSON.stringify(reading));
  return reading.hello;
}

function whyBad(bytes: Buffer): string {
  const reading = read(bytes);
  if (reading.kind !== "bad") throw new Error(JSON.stringify(reading));
  return reading.why;
}

test("Node's own hello is understood", async () => {
  const bytes = await nodeHello({
    servername: "WWW.Example.com",
    ALPNProtocols: ["h2", "http/1.1"],
  });
  deepStrictEqual(helloIn(bytes), {
    ...{ serverName: "www.example.com", protocols: ["h2", "http/1.1"] },
    knowsEcdsa: true,
  });
});

test("a hello without a name and without protocols is one", async () => {
  deepStrictEqual(helloIn(await nodeHello()), {
    ...{ serverName: "", protocols: [] },
    knowsEcdsa: true,
  });
  deepStrictEqual(helloIn(madeHello()), { serverName: "", protocols: [] });
});

for (const version of ["-tls1_2", "-tls1_3"]) {
  test(`openssl's hello is understood (${version})`, { skip: needs("openssl") }, async () => {
    const args = [version, "-servername", "db.example.com", "-alpn", "postgresql"];
    deepStrictEqual(helloIn(await opensslHello(...args)), {
      serverName: "db.example.com",
      protocols: ["postgresql"],
      knowsEcdsa: true,
    });
  });
}

test("a hello is the same wherever it is cut, and not one byte of it is missing", async () => {
  const bytes = await nodeHello({ servername: "a.example.com", ALPNProtocols: ["x"] });
  const whole = helloIn(bytes);
  for (let at = 1; at < bytes.length; at++) {
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    deepStrictEqual(read(before), { kind: "more" }, `after ${at} bytes`);
    deepStrictEqual(read(before, after), { kind: "hello", hello: whole }, `cut at ${at}`);
  }
  const single = [...bytes].map((byte) => Buffer.of(byte));
  deepStrictEqual(read(...single), { kind: "hello", hello: whole });
});

test("a hello may be cut over several records", () => {
  for (const recordBytes of [1, 2, 3, 4, 5, 7, 100]) {
    const bytes = madeHello({ names: ["a.example.com"], protocols: ["h2"], recordBytes });
    const wanted = { serverName: "a.example.com", protocols: ["h2"] };
    deepStrictEqual(helloIn(bytes), wanted, `records of ${recordBytes}`);
    deepStrictEqual(read(...[...bytes].map((byte) => Buffer.of(byte))), {
      kind: "hello",
      hello: wanted,
    });
  }
});

test("what stands behind the hello is not looked at", () => {
  const bytes = madeHello({ names: ["a.example.com"] });
  strictEqual(helloIn(Buffer.concat([bytes, Buffer.alloc(100, 0xff)])).serverName, "a.example.com");
});

test("unknown extensions and protocols mean nothing (GREASE, RFC 8701)", () => {
  const bytes = madeHello({
    extensions: [
      [0x0a0a, Buffer.alloc(0)],
      [0xfafa, Buffer.of(0)],
      [0x8a8a, Buffer.alloc(300)],
    ],
    names: ["a.example.com"],
    protocols: ["\x2a\x2a", "h2"],
  });
  deepStrictEqual(helloIn(bytes), { serverName: "a.example.com", protocols: ["\x2a\x2a", "h2"] });
});

test("it is known who can check ECDSA", () => {
  const signatures = (...schemes: number[]) => {
    const list = Buffer.alloc(schemes.length * 2);
    schemes.forEach((each, at) => list.writeUInt16BE(each, at * 2));
    return helloIn(madeHello({ extensions: [[13, field(2, list)]] })).knowsEcdsa;
  };
  strictEqual(signatures(0x0804, 0x0403), true);
  strictEqual(signatures(0x0804, 0x0401), undefined);
  strictEqual(signatures(), undefined);
});

for (const [kind, knows] of [
  ["RSA", undefined],
  ["ECDSA", true],
] as const) {
  test(`who has suites of ${kind} alone can be shown that`, async () => {
    const ciphers = `ECDHE-${kind}-AES128-GCM-SHA256`;
    strictEqual(helloIn(await nodeHello({ maxVersion: "TLSv1.2", ciphers })).knowsEcdsa, knows);
  });
}

test("of a client that hides its name the outer one counts (ECH)", () => {
  const outer = Buffer.concat([
    Buffer.of(0, 0, 1, 0, 1, 5),
    field(2, Buffer.alloc(32)),
    field(2, Buffer.alloc(200)),
  ]);
  const bytes = madeHello({ extensions: [[0xfe0d, outer]], names: ["public.example.net"] });
  strictEqual(helloIn(bytes).serverName, "public.example.net");
});

test("another first byte is another protocol", () => {
  for (const text of [
    "GET / HTTP/1.1\r\n",
    "\0\0\0\x08",
    "SSH-2.0-x\r\n",
    "\x80\x2e\x01\x03\x01",
    "\x15\x03\x01",
  ]) {
    deepStrictEqual(read(Buffer.from(text, "latin1")), { kind: "not-tls" });
  }
});

test("records that are none are bad", () => {
  match(whyBad(Buffer.of(22, 2)), /version/);
  match(whyBad(Buffer.of(22, 3, 1, 0, 0)), /empty/);
  match(whyBad(Buffer.of(22, 3, 1, 0x40, 1)), /too long/);
  match(whyBad(Buffer.of(22, 3, 1, 0, 4, 2)), /no ClientHello/);
  const cut = madeHello({ names: ["a.example.com"], recordBytes: 40 });
  cut[45] = 23;
  match(whyBad(cut), /interrupts/);
});

test("a hello that is too long, or comes in too many pieces, is bad before it is here", () => {
  const header = Buffer.of(22, 3, 1, 0x20, 0, 1, 0, (maxHelloBytes >> 8) & 255, 1);
  match(whyBad(header), /too long/);
  const long = madeHello({ extensions: [[0x1234, Buffer.alloc(maxHelloBytes - 200)]] });
  strictEqual(read(long).kind, "hello");
  const pieces = madeHello({
    extensions: [[0x1234, Buffer.alloc(maxHelloBytes - 200)]],
    recordBytes: 1,
  });
  ok(pieces.length > maxHelloRecordBytes);
  const reader = new ClientHelloReader();
  let seen = 0;
  for (const byte of pieces) {
    seen++;
    const reading = reader.push(Buffer.of(byte), 0, 1);
    if (reading.kind === "more") continue;
    deepStrictEqual(reading, { kind: "bad", why: "it is cut into too many records" });
    break;
  }
  strictEqual(seen, maxHelloRecordBytes + 1);
});

test("reading byte by byte costs as much for each byte", () => {
  const time = (size: number) => {
    const bytes = madeHello({ extensions: [[0x1234, Buffer.alloc(size)]] });
    const started = performance.now();
    for (let round = 0; round < 20; round++) {
      const reader = new ClientHelloReader();
      for (let at = 0; at < bytes.length; at++) reader.push(bytes, at, at + 1);
    }
    return (performance.now() - started) / bytes.length;
  };
  time(1000);
  const [small, large] = [time(1000), time(15_000)];
  // Quadratic would be 15 times.
  ok(large < 6 * small, `${large} ms a byte against ${small}`);
});

const start = [Buffer.of(3, 3), Buffer.alloc(32), field(1, Buffer.alloc(0))];
const suites = field(2, Buffer.of(0x13, 0x01));
const none = field(1, Buffer.of(0));

function extended(type: number, content: Buffer): Buffer {
  const extension = Buffer.concat([Buffer.of(type >> 8, type & 255), field(2, content)]);
  return records(messageOf([...start, suites, none, field(2, extension)]));
}

function named(...names: readonly string[]): Buffer {
  return madeHello({ names });
}

for (const [name, bytes, why] of [
  ["of another version", records(messageOf([Buffer.of(2, 0), Buffer.alloc(40)])), /version/],
  ["without anything", records(messageOf([])), /longer than/],
  [
    "with a long session id",
    records(
      messageOf([Buffer.of(3, 3), Buffer.alloc(32), field(1, Buffer.alloc(33)), suites, none]),
    ),
    /session id/,
  ],
  [
    "without cipher suites",
    records(messageOf([...start, field(2, Buffer.alloc(0)), none])),
    /cipher/,
  ],
  [
    "with half a cipher suite",
    records(messageOf([...start, field(2, Buffer.alloc(3)), none])),
    /cipher/,
  ],
  [
    "without compressions",
    records(messageOf([...start, suites, field(1, Buffer.alloc(0))])),
    /compressions/,
  ],
  [
    "with something behind the extensions",
    records(messageOf([...start, suites, none, field(2, Buffer.alloc(0)), Buffer.of(1)])),
    /follows/,
  ],
  [
    "with an extension that is cut off",
    records(messageOf([...start, suites, none, field(2, Buffer.of(0, 0, 0, 9))])),
    /longer than/,
  ],
  ["with an empty list of names", extended(0, field(2, Buffer.alloc(0))), /longer than/],
  ["with two names", named("a.test", "b.test"), /list of server names/],
  [
    "with a name of an unknown type",
    extended(0, field(2, Buffer.concat([Buffer.of(1), field(2, Buffer.from("a"))]))),
    /list of server names/,
  ],
  ["with an empty name", named(""), /no host name/],
  ["with a port in the name", named("a.test:443"), /no host name/],
  ["with an address in brackets", named("[::1]"), /no host name/],
  ["with a zero in the name", named("a.test\0.evil"), /no host name/],
  [
    "with the name given twice",
    madeHello({
      names: ["a.test"],
      extensions: [[0, field(2, Buffer.concat([Buffer.of(0), field(2, Buffer.from("b.test"))]))]],
    }),
    /twice/,
  ],
  ["with an empty list of protocols", extended(16, field(2, Buffer.alloc(0))), /list of protocols/],
  ["with an empty protocol", madeHello({ protocols: ["h2", ""] }), /list of protocols/],
  [
    "with protocols given twice",
    madeHello({ protocols: ["h2"], extensions: [[16, field(2, field(1, Buffer.from("x")))]] }),
    /twice/,
  ],
] as const) {
  test(`a hello ${name} is bad`, () => match(whyBad(bytes), why));
}

test("a final dot means nothing, and an address is a name like any other", () => {
  strictEqual(helloIn(named("a.test.")).serverName, "a.test");
  strictEqual(helloIn(named("192.0.2.1")).serverName, "192.0.2.1");
});
