// Certificates of a real authority for TLS that ends in front of streams: where no listener takes requests at all, and where a
// route for requests has the same name.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import { eventually, within } from "../harness/barrier.ts";
import { certificateRows, servedBy, startAcmeProgram } from "../harness/acme-program.ts";
import { needs } from "../harness/needs.ts";
import { type Pebble, pebbleNeeds, startPebble } from "../harness/pebble.ts";

const bounded = { skip: needs(...pebbleNeeds), timeout: 60_000 };
const ofPebble = /CN=Pebble Intermediate/;

/** A backend that says `ready`, and nothing else. */
async function greeter() {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("ready\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `tcp://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

/** What comes out of TLS whose certificate the authority's root vouches for. */
async function heard(pebble: Pebble, port: number, servername: string): Promise<string> {
  const ca = await pebble.root();
  const socket = connect({ host: "127.0.0.1", port, servername, ca });
  let text = "";
  socket.setEncoding("utf8").on("data", (more: string) => (text += more));
  await within(once(socket, "close"), 5000, "the end of the stream");
  return text;
}

const stream = (pebble: Pebble) => ({
  bind: `127.0.0.1:${pebble.tlsPort}`,
  protocol: "tcp",
});

test(
  "tls: auto on a stream is all it takes, without a listener for requests",
  bounded,
  async () => {
    await using pebble = await startPebble();
    await using backend = await greeter();
    await using program = await startAcmeProgram(
      pebble,
      {
        routes: {},
        more: {
          listeners: { db: stream(pebble) },
          tcpRoutes: {
            db: { sni: ["db.test", "db2.test"], service: backend.url, tls: "auto" },
            in: { sni: "in.test", service: backend.url, tls: "internal" },
            all: { sni: "*", service: backend.url, tls: true },
          },
        },
      },
      { workers: 2 },
    );
    const { tidegate } = program;
    const port = tidegate.port("db");
    const shown = await servedBy(port, "db.test", ofPebble);
    assert.equal(shown.subjectAltName, "DNS:db.test, DNS:db2.test");
    assert.equal(await heard(pebble, port, "db2.test"), "ready\n");
    await servedBy(port, "in.test", /CN=Tidegate on/);
    const rows = await eventually("all of them to be well", async () => {
      const found = await certificateRows(tidegate);
      return found.length === 2 && found.every(({ state }) => state === "ok") ? found : undefined;
    });
    assert.deepEqual(
      rows.map(({ names, isNeeded }) => `${names.join(" ")} ${isNeeded}`).toSorted(),
      ["db.test db2.test true", "in.test true"],
    );
  },
);

test("what a route for requests has is shown by streams with tls: true", bounded, async () => {
  await using pebble = await startPebble();
  await using backend = await greeter();
  await using program = await startAcmeProgram(pebble, {
    routes: { a: ["a.test"] },
    acme: { challenges: ["http-01"] },
    more: {
      listeners: { web: `127.0.0.1:${pebble.httpPort}`, db: stream(pebble) },
      tcpRoutes: { db: { sni: "a.test", service: backend.url, tls: true } },
    },
  });
  const { tidegate } = program;
  await servedBy(tidegate.port("db"), "a.test", ofPebble);
  assert.equal(await heard(pebble, tidegate.port("db"), "a.test"), "ready\n");
});
