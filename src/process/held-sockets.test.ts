import assert from "node:assert/strict";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { Address } from "../config/snapshot.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { HeldSockets } from "./held-sockets.ts";

const wish = (address: Address, key = "k") => ({ key, address, listener: "web" });
const anyPort: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };

test("all sockets of an address have the port that the system chose for the first", async () => {
  const held = new HeldSockets([]);
  const sockets = await held.open([wish(anyPort)], 3, false);
  assert.deepEqual(
    sockets.map(({ note }) => note.index),
    [0, 1, 2],
  );
  const ports = new Set(sockets.map(({ note }) => note.bound.port));
  assert.equal(ports.size, 1);
  assert.ok(!ports.has(0));
  held.keep([]);
});

test("more sockets are added to those that are there, and none is ever taken away", async () => {
  const held = new HeldSockets([]);
  const [first] = await held.open([wish(anyPort)], 1, false);
  const three = await held.open([wish(anyPort)], 3, false);
  assert.equal(three.length, 3);
  assert.equal(three[0]?.socket, first?.socket);
  assert.equal((await held.open([wish(anyPort)], 1, false)).length, 3);
  held.keep([]);
});

test("an address that belongs to somebody else is refused, and nothing stays open", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const taken = other.address();
  assert.ok(typeof taken === "object" && taken !== null);
  const held = new HeldSockets([]);
  const { port } = taken;
  const [free] = await held.open([wish(anyPort, "probe")], 1, false);
  const freePort = free?.note.bound.port ?? 0;
  held.keep([]);
  const wishes = [
    wish({ ...anyPort, port: freePort }, "a"),
    wish({ kind: "tcp", host: "127.0.0.1", port }, "b"),
  ];
  await assert.rejects(held.open(wishes, 2, false), { code: "EADDRINUSE" });
  // The one that was opened before is free again.
  const next = createServer().listen(freePort, "127.0.0.1");
  await once(next, "listening");
  next.close();
  other.close();
});

test("a connection waits until somebody accepts on the socket, whoever that is", async () => {
  const held = new HeldSockets([]);
  const [only] = await held.open([wish(anyPort)], 1, false);
  assert.ok(only !== undefined);
  only.socket.listen();
  const client = connect(only.note.bound.port, "127.0.0.1");
  await once(client, "connect");
  client.destroy();
  held.keep([]);
});

test("a unix socket is one for all workers, and its file goes with it", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "x.sock");
  const held = new HeldSockets([]);
  const sockets = await held.open([wish({ kind: "unix", path })], 4, false);
  assert.equal(sockets.length, 1);
  assert.equal(sockets[0]?.note.isShared, true);
  assert.ok((await stat(path)).isSocket());
  held.keep([]);
  await assert.rejects(stat(path), { code: "ENOENT" });
});

test("an address may become a narrower one with the same port, and back, while both are open", async () => {
  const held = new HeldSockets([]);
  const [wide] = await held.open([wish({ ...anyPort, host: "0.0.0.0" }, "wide")], 2, false);
  assert.ok(wide !== undefined);
  wide.socket.listen();
  const narrow: Address = { ...anyPort, port: wide.note.bound.port };
  assert.equal((await held.open([wish(narrow, "narrow")], 2, false)).length, 2);
  held.keep(["narrow"]);
  held.keep([]);
});
