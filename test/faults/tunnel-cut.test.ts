// Either side of an upgraded connection ends or is reset, at every phase: before the 101, right behind it,
// after data each way, and while the other side does not read.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { type Client, connect } from "../harness/client.ts";
import { origin, type Origin, type OriginConnection } from "../harness/origin.ts";
import { type Plane, startPlane, timeouts } from "./plane.ts";

const upgrade =
  "GET /tunnel HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const switching =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const bounded = { timeout: 30_000 };

interface Ends {
  readonly client: Client;
  readonly backend: OriginConnection;
}

type Phase = (proxy: Plane, back: Origin) => Promise<Ends>;

const asked: Phase = async (proxy, back) => {
  const client = await connect(proxy.port);
  await client.send(upgrade);
  const backend = await back.accept();
  await backend.readRequest();
  return { client, backend };
};

const open: Phase = async (proxy, back) => {
  const ends = await asked(proxy, back);
  await ends.backend.send(switching);
  assert.equal((await ends.client.readResponse()).status, 101);
  return ends;
};

const used: Phase = async (proxy, back) => {
  const ends = await open(proxy, back);
  await ends.client.send("ping");
  await ends.backend.expect("ping");
  await ends.backend.send("pong");
  assert.equal(await ends.client.readBytes(4), "pong");
  return ends;
};

/** The client sends more than all buffers hold, and the backend reads none of it. */
const blockedUp: Phase = async (proxy, back) => {
  const ends = await used(proxy, back);
  ends.backend.socket.pause();
  await fill(ends.client);
  return ends;
};

const blockedDown: Phase = async (proxy, back) => {
  const ends = await used(proxy, back);
  ends.client.socket.pause();
  await fill(ends.backend);
  return ends;
};

/** Writes until nothing more is taken. */
async function fill({ socket }: { readonly socket: Client["socket"] }): Promise<void> {
  const piece = Buffer.alloc(256 * 1024, "x");
  socket.write(piece);
  let taken = -1;
  await eventually("the tunnel to be full", async () => {
    while (socket.writableLength < 1024 * 1024) socket.write(piece);
    const before = taken;
    taken = socket.bytesWritten - socket.writableLength;
    return before === taken ? true : undefined;
  });
}

const phases = { asked, open, used, blockedUp, blockedDown };

for (const [name, phase] of Object.entries(phases)) {
  for (const side of ["client", "backend"] as const) {
    test(`phase ${name}: a reset by the ${side} ends both sides`, bounded, async () => {
      await using back = await origin();
      await using proxy = await startPlane({ routes: { "a.test": back.url } });
      const { client, backend } = await phase(proxy, back);
      const other = side === "client" ? backend : client;
      (side === "client" ? client : backend).reset();
      other.socket.resume();
      if (name === "asked" && side === "backend") {
        assert.equal((await client.readResponse()).status, 502);
      } else {
        await other.waitClose();
      }
      await client[Symbol.asyncDispose]();
      backend.socket.destroy();
      await proxy.assertNothingLeft();
      const [line] = await proxy.end();
      assert.equal(line?.status, name === "asked" ? (side === "client" ? 499 : 502) : 101);
    });
  }
}

test(
  "an end by the client is passed on, and what the backend still says arrives",
  bounded,
  async () => {
    await using back = await origin();
    await using proxy = await startPlane({ routes: { "a.test": back.url } });
    const { client, backend } = await used(proxy, back);
    client.end();
    await backend.waitClose();
    await backend.send("last words");
    assert.equal(await client.readBytes(10), "last words");
    backend.end();
    await client.waitClose();
    await proxy.assertNothingLeft();
    assert.equal(client.error, undefined);
  },
);

test(
  "an end by the backend is passed on, and what the client still says arrives",
  bounded,
  async () => {
    await using back = await origin();
    await using proxy = await startPlane({ routes: { "a.test": back.url } });
    const { client, backend } = await used(proxy, back);
    backend.end();
    await client.waitClose();
    await client.send("last words");
    await backend.expect("last words");
    client.end();
    await backend.waitClose();
    await proxy.assertNothingLeft();
  },
);

for (const side of ["client", "backend"] as const) {
  test(`all that the ${side} sent before its end arrives at a slow reader`, bounded, async () => {
    await using back = await origin();
    await using proxy = await startPlane({ routes: { "a.test": back.url } });
    const { client, backend } = await used(proxy, back);
    const [from, to] = side === "client" ? [client, backend] : [backend, client];
    const before = from.socket.bytesWritten;
    let got = 0;
    to.socket.on("data", (bytes: Buffer) => (got += bytes.length));
    to.socket.pause();
    await fill(from);
    const sent = from.socket.bytesWritten - before;
    from.end();
    to.socket.resume();
    await to.waitClose();
    assert.equal(got, sent);
    to.end();
    await proxy.assertNothingLeft();
  });
}

test(
  "a tunnel that is silent in both directions is ended, and one that is used is not",
  bounded,
  async () => {
    await using back = await origin();
    const config = { routes: { "a.test": back.url }, timeouts: { ...timeouts, tunnel: "400ms" } };
    await using proxy = await startPlane(config);
    const { client, backend } = await open(proxy, back);
    const started = performance.now();
    // One side only, in steps shorter than the timeout, for longer than the timeout.
    while (performance.now() - started < 1000) {
      await backend.send("x");
      await client.readBytes(1);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(client.hasEnded, false);
    const silentFrom = performance.now();
    await Promise.all([client.waitClose(), backend.waitClose()]);
    assert.ok(performance.now() - silentFrom >= 300);
    backend.end();
    await client[Symbol.asyncDispose]();
    await proxy.assertNothingLeft();
    const [line] = await proxy.end();
    assert.deepEqual([line?.status, line?.failure], [101, "TUNNEL_TIMEOUT"]);
  },
);

test("bytes behind the 101 and behind the request are part of the tunnel", bounded, async () => {
  await using back = await origin();
  await using proxy = await startPlane({ routes: { "a.test": back.url } });
  const client = await connect(proxy.port);
  await client.send(`${upgrade}early`);
  const backend = await back.accept();
  await backend.readRequest();
  await backend.send(`${switching}soon`);
  assert.equal((await client.readResponse()).status, 101);
  assert.equal(await client.readBytes(4), "soon");
  await backend.expect("early");
  await client[Symbol.asyncDispose]();
  await backend.waitClose();
  backend.end();
  await proxy.assertNothingLeft();
});
