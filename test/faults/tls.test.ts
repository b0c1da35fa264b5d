// TLS on a listener, from hellos cut to pieces to floods of them: what is shown, who is refused and how, and that nothing
// is left of a connection that failed.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect as openPlain, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { Chooser } from "../../src/tls/chooser.ts";
import { eventually, within } from "../harness/barrier.ts";
import { nodeHello } from "../harness/hello.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startPlane } from "./plane.ts";
import { ask, handshake, tell } from "./tls-client.ts";
import { certificateFor, credentialsOf } from "./tls-credentials.ts";

const bounded = { timeout: 20_000 };
const config = {
  listeners: { web: { bind: "127.0.0.1:0", tls: true } },
  routes: { "*": { respond: { body: "hello" } } },
};

const alert = (code: number) => Buffer.from([21, 3, 3, 0, 2, 2, code]);

test(
  "requests come over TLS, one after the other on one connection, and leave nothing",
  bounded,
  async () => {
    const a = certificateFor(["a.test"]);
    await using plane = await startPlane(config, credentialsOf([a]));
    const socket = await handshake(plane);
    assert.match(await ask(socket), /^HTTP\/1\.1 200 OK\r\n[^]*hello$/);
    assert.match(await ask(socket), /^HTTP\/1\.1 200 OK\r\n[^]*hello$/);
    assert.equal(socket.getPeerX509Certificate()?.fingerprint256, a.id);
    assert.equal(socket.alpnProtocol, "http/1.1");
    socket.destroy();
    await plane.assertNothingLeft();
    assert.deepEqual(
      (await plane.end()).map(({ status }) => status),
      [200, 200],
    );
  },
);

test(
  "the name asked for chooses the certificate: exact, then wildcard, then the default",
  bounded,
  async () => {
    const exact = certificateFor(["a.test"]);
    const wildcard = certificateFor(["*.test"]);
    const chosen = certificateFor(["default.example"]);
    const credentials = credentialsOf([wildcard, exact, chosen]);
    await using plane = await startPlane(
      { ...config, tls: { default: "default.example" } },
      credentials,
    );
    const shown = async (servername: string) => {
      const socket = await handshake(plane, { servername });
      const id = socket.getPeerX509Certificate()?.fingerprint256;
      socket.destroy();
      return id;
    };
    assert.equal(await shown("a.test"), exact.id);
    assert.equal(await shown("A.TEST"), exact.id);
    assert.equal(await shown("b.test"), wildcard.id);
    assert.equal(await shown("b.c.test"), chosen.id);
    assert.equal(await shown(""), chosen.id);
    await plane.assertNothingLeft();
  },
);

test("a client without ECDSA is shown the certificate of RSA", bounded, async () => {
  const ec = certificateFor(["a.test"]);
  const rsa = certificateFor(["a.test"], { kind: "rsa" });
  await using plane = await startPlane(config, credentialsOf([ec, rsa]));
  const modern = await handshake(plane);
  assert.equal(modern.getPeerX509Certificate()?.fingerprint256, ec.id);
  const old = await handshake(plane, {
    maxVersion: "TLSv1.2",
    ciphers: "ECDHE-RSA-AES128-GCM-SHA256",
  });
  assert.equal(old.getPeerX509Certificate()?.fingerprint256, rsa.id);
  modern.destroy();
  old.destroy();
});

test(
  "of two for one name the valid one is shown, and an expired one rather than none",
  bounded,
  async () => {
    const expired = certificateFor(["a.test"], { days: -1 });
    const valid = certificateFor(["a.test"]);
    const onlyExpired = certificateFor(["b.test"], { days: -1 });
    await using plane = await startPlane(config, credentialsOf([expired, valid, onlyExpired]));
    const a = await handshake(plane);
    const b = await handshake(plane, { servername: "b.test" });
    assert.equal(a.getPeerX509Certificate()?.fingerprint256, valid.id);
    assert.equal(b.getPeerX509Certificate()?.fingerprint256, onlyExpired.id);
    a.destroy();
    b.destroy();
  },
);

test("strict: a name that no certificate is for is refused by an alert", bounded, async () => {
  const strict = { ...config, tls: { strict: true } };
  await using plane = await startPlane(strict, credentialsOf([certificateFor(["a.test"])]));
  assert.deepEqual(await tell(plane, await nodeHello({ servername: "b.test" })), alert(112));
  assert.match(plane.told.join("\n"), /no certificate is for b\.test/);
  (await handshake(plane)).destroy();
  await plane.assertNothingLeft();
});

test("who offers only protocols that are not spoken here is told so", bounded, async () => {
  await using plane = await startPlane(config, credentialsOf([certificateFor(["a.test"])]));
  await assert.rejects(handshake(plane, { ALPNProtocols: ["spdy/3"] }), /no application protocol/i);
  const silent = await handshake(plane, { ALPNProtocols: [] });
  assert.match(await ask(silent), /^HTTP\/1\.1 200 OK/);
  silent.destroy();
});

test("plain HTTP is answered in the clear that this port speaks TLS", bounded, async () => {
  await using plane = await startPlane(config, credentialsOf([certificateFor(["a.test"])]));
  const answer = await tell(plane, Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
  assert.match(answer.toString(), /^HTTP\/1\.1 400 [^]*https:\/\//);
  await plane.assertNothingLeft();
});

test("a hello may come byte by byte", bounded, async () => {
  await using plane = await startPlane(config, credentialsOf([certificateFor(["a.test"])]));
  const relay = openPlain(plane.port, "127.0.0.1").setNoDelay(true);
  const byByte = async (client: Socket) => {
    for await (const piece of client as AsyncIterable<Buffer>) {
      for (const byte of piece) {
        relay.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  };
  const server = createServer((client) => {
    relay.pipe(client);
    client.on("error", () => {});
    void byByte(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const socket = await handshake({ port });
  assert.match(await ask(socket), /^HTTP\/1\.1 200 OK/);
  socket.destroy();
  relay.destroy();
  server.close();
});

for (const [what, bytes] of [
  [
    "endless",
    () => Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff]), Buffer.alloc(40_000)]),
  ],
  ["malformed", () => Buffer.from([22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3])],
] as const) {
  test(`a hello that is ${what} is refused by an alert`, bounded, async () => {
    await using plane = await startPlane(config, credentialsOf([certificateFor(["a.test"])]));
    assert.deepEqual(await tell(plane, bytes()), alert(50));
    await plane.assertNothingLeft();
  });
}

test(
  "who does not finish the handshake is closed in time, and counts until then",
  bounded,
  async () => {
    const short = { ...config, timeouts: { head: "500ms" } };
    await using plane = await startPlane(short, credentialsOf([certificateFor(["a.test"])]));
    const hello = await nodeHello({ servername: "a.test" });
    const silent = [0, 60, hello.length].map((length) => tell(plane, hello.subarray(0, length)));
    await eventually("three connections", () => plane.plane.counts.connections === 3 || undefined);
    await Promise.all(silent);
    assert.match(plane.told.join("\n"), /did not end in time/);
    await plane.assertNothingLeft();
  },
);

test("a certificate that cannot be used is said, and harms no other name", bounded, async () => {
  const good = certificateFor(["a.test"]);
  const broken = { ...certificateFor(["b.test"]), key: certificateFor(["x.test"]).key };
  await using plane = await startPlane(config, credentialsOf([good, broken]));
  assert.deepEqual(await tell(plane, await nodeHello({ servername: "b.test" })), alert(80));
  assert.match(plane.told.join("\n"), /a certificate cannot be shown[^]*b\.test/);
  (await handshake(plane)).destroy();
});

test(
  "a flood of handshakes does not keep open connections from being served",
  bounded,
  async () => {
    await using plane = await startPlane(config, credentialsOf([certificateFor(["a.test"])]));
    const socket = await handshake(plane);
    const hello = await nodeHello({ servername: "a.test" });
    // Counted is how many handshakes begin between a request and its answer, not how long that takes.
    let begun = 0;
    const { choose } = Chooser.prototype;
    Chooser.prototype.choose = function (...args) {
      begun++;
      return choose.apply(this, args);
    };
    try {
      const flood = Array.from({ length: 300 }, () => openPlain(plane.port, "127.0.0.1"));
      await Promise.all(flood.map((each) => once(each, "connect")));
      for (const each of flood) each.on("error", () => {}).write(hello);
      const before = begun;
      assert.match(await ask(socket), /^HTTP\/1\.1 200 OK/);
      assert.ok(begun - before < 100, `${begun - before} handshakes went before a request`);
      for (const each of flood) each.destroy();
    } finally {
      Chooser.prototype.choose = choose;
    }
    socket.destroy();
    await plane.assertNothingLeft();
  },
);

test(
  "what cannot be read after the handshake ends the connection, whatever it waits for",
  bounded,
  async () => {
    await using backend = await httpOrigin(() => {});
    const waiting = { ...config, routes: { "*": `http://127.0.0.1:${backend.port}` } };
    await using plane = await startPlane(waiting, credentialsOf([certificateFor(["a.test"])]));
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      using open = new DisposableStack();
      const beneath = open.adopt(openPlain(plane.port, "127.0.0.1"), (each) => each.destroy());
      const pass = (client: Socket) =>
        void client
          .on("error", () => {})
          .pipe(beneath)
          .pipe(client);
      const relay = open.adopt(createServer(pass), (each) => each.close());
      relay.listen(0, "127.0.0.1");
      await once(relay, "listening");
      const socket = await handshake(relay.address() as AddressInfo, { maxVersion });
      open.defer(() => socket.destroy());
      socket.on("error", () => {});
      socket.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
      await eventually("the request", () => plane.plane.counts.exchanges === 1 || undefined);
      const closed = once(beneath, "close");
      beneath.write(Buffer.concat([Buffer.from([23, 3, 3, 0, 32]), Buffer.alloc(32, 7)]));
      await within(closed, 2000, "the end of the connection");
    }
    await plane.assertNothingLeft();
    assert.deepEqual(
      (await plane.end()).map(({ failure }) => failure),
      ["CLIENT_CLOSED", "CLIENT_CLOSED"],
    );
  },
);

test("a handshake that never ends keeps no process from ending", bounded, async () => {
  const patient = { ...config, timeouts: { head: "0s" } };
  await using plane = await startPlane(patient, credentialsOf([certificateFor(["a.test"])]));
  using open = new DisposableStack();
  const stuck = open.adopt(openPlain(plane.port, "127.0.0.1"), (each) => each.destroy());
  const closed = once(stuck, "close");
  stuck.resume().write(await nodeHello({ servername: "a.test" }));
  await eventually("the connection", () => plane.plane.counts.connections === 1 || undefined);
  const times = { grace: 300, tunnelGrace: 300, isPatient: true };
  const ended = plane.plane.drain({ ...times, signal: AbortSignal.timeout(8000) });
  await within(ended, 4000, "the end");
  await within(closed, 4000, "the end of the connection");
});
