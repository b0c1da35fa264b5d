import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, lstat, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "../config/snapshot.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { freePort } from "../../test/harness/free-port.ts";
import { adopt } from "../listen/adopt.ts";
import { ListeningSocket } from "../listen/listening-socket.ts";
import type { OpenSocket } from "../listen/open-socket.ts";
import { lockNameOf } from "./address-lock.ts";
import { HeldSockets, type HeldSocket } from "./held-sockets.ts";

const wish = (address: Address, key = "k", protocol: "tcp" | "udp" = "tcp") => ({
  key,
  protocol,
  address,
  listener: "web",
});
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
  listen(only.socket);
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
  listen(wide.socket);
  const narrow: Address = { ...anyPort, port: wide.note.bound.port };
  assert.equal((await held.open([wish(narrow, "narrow")], 2, false)).length, 2);
  held.keep(["narrow"]);
  held.keep([]);
});

function listen(socket: OpenSocket): void {
  assert.ok(socket instanceof ListeningSocket);
  socket.listen();
}

/** Who only probes is gone before it is answered. */
function answer(socket: Socket, name: string): void {
  socket.on("error", () => {});
  socket.end(name);
}

/** Accepts, and says who it is to everybody who connects. */
function serve(held: HeldSocket | undefined, name: string): void {
  assert.ok(held !== undefined);
  adopt(held.socket.handle, {
    bufferBytes: () => 1024,
    onAcceptFailed: (status) => assert.fail(`accept failed: ${status}`),
    accept(socket) {
      answer(socket, name);
      return undefined;
    },
  });
  listen(held.socket);
  (held.socket.handle as { unref(): void }).unref();
}

async function whoIsAt(path: string): Promise<string> {
  const client = connect({ path });
  let heard = "";
  client.on("data", (bytes) => (heard += bytes.toString()));
  await once(client, "close");
  return heard;
}

async function serverAt(where: object, name = "other"): Promise<Server> {
  const server = createServer((socket) => answer(socket, name)).listen(where);
  // A test that fails must not keep the process.
  server.unref();
  await once(server, "listening");
  return server;
}

test("what is no socket is never taken away for one, nor is its mode changed", async () => {
  await using folder = await tempFolder();
  const file = folder.file("precious");
  await writeFile(file, "keep me");
  await chmod(file, 0o600);
  await symlink(file, folder.file("link"));
  await symlink(folder.file("nothing"), folder.file("dangling"));
  const other = await serverAt({ path: folder.file("other.sock") });
  await symlink(folder.file("other.sock"), folder.file("socket-link"));
  const before = (await readdir(folder.path)).sort();
  for (const name of ["precious", "link", "dangling", "socket-link"]) {
    for (const isTakeOver of [true, false]) {
      const held = new HeldSockets([]);
      const opening = held.open([wish({ kind: "unix", path: folder.file(name) })], 1, isTakeOver);
      await assert.rejects(
        opening,
        /is there and is no socket; remove it/,
        `${name} ${isTakeOver}`,
      );
    }
  }
  assert.deepEqual((await readdir(folder.path)).sort(), before);
  assert.equal(await readFile(file, "utf8"), "keep me");
  assert.equal((await lstat(file)).mode & 0o777, 0o600);
  assert.equal(await whoIsAt(folder.file("other.sock")), "other");
  other.close();
});

test("a file that came to the path during a take-over stays, and a warning says so", async () => {
  await using folder = await tempFolder();
  const path = folder.file("x.sock");
  const warnings: string[] = [];
  const held = new HeldSockets([], { warn: (message) => void warnings.push(message) });
  await held.open([wish({ kind: "unix", path })], 1, true);
  await writeFile(path, "keep me");
  held.keep(["k"]);
  assert.match(warnings.join(), /x\.sock is there and is no socket/);
  assert.equal(await readFile(path, "utf8"), "keep me");
  held.keep([]);
  assert.deepEqual(await readdir(folder.path), ["x.sock"]);
});

test("everybody may connect to a unix socket, and the umask is as before", async () => {
  await using folder = await tempFolder();
  const path = folder.file("x.sock");
  const before = process.umask(0o027);
  const held = new HeldSockets([]);
  await held.open([wish({ kind: "unix", path })], 1, false);
  assert.equal(process.umask(before), 0o027);
  assert.equal((await lstat(path)).mode & 0o777, 0o777);
  held.keep([]);
});

test("in a take-over the predecessor is at its path until the successor serves, then that one is", async () => {
  await using folder = await tempFolder();
  const path = folder.file("x.sock");
  const address: Address = { kind: "unix", path };
  const before = new HeldSockets([]);
  serve((await before.open([wish(address)], 1, false))[0], "before");
  before.keep(["k"]);
  const after = new HeldSockets([]);
  const [socket] = await after.open([wish(address)], 1, true);
  assert.equal(await whoIsAt(path), "before");
  serve(socket, "after");
  assert.equal(await whoIsAt(path), "before");
  after.keep(["k"]);
  assert.equal(await whoIsAt(path), "after");
  // Who leaves late does not take away what is another's.
  before.keep([]);
  assert.equal(await whoIsAt(path), "after");
  after.keep([]);
  assert.deepEqual(await readdir(folder.path), []);
});

test("after a take-over that failed the predecessor is where it was, and nothing is left", async () => {
  await using folder = await tempFolder();
  const path = folder.file("x.sock");
  const other = await serverAt({ path });
  const held = new HeldSockets([]);
  await held.open([wish({ kind: "unix", path })], 1, true);
  held.keep([]);
  assert.equal(await whoIsAt(path), "other");
  assert.deepEqual(await readdir(folder.path), ["x.sock"]);
  other.close();
});

test("the path of a program that listens is refused, and that of one that died is free", async () => {
  await using folder = await tempFolder();
  const path = folder.file("x.sock");
  const other = await serverAt({ path });
  const held = new HeldSockets([]);
  const unix = wish({ kind: "unix", path });
  await assert.rejects(held.open([unix], 1, false), { code: "EADDRINUSE" });
  assert.equal(await whoIsAt(path), "other");
  other.close();
  await once(other, "close");
  // As after SIGKILL: a name that nobody listens behind.
  const dead = ListeningSocket.open({ kind: "unix", path }, { isShared: false, isTakeOver: false });
  assert.equal((await held.open([unix], 1, false)).length, 1);
  dead.close();
  assert.ok((await lstat(path)).isSocket());
  held.keep([]);
});

for (const kind of ["tcp", "unix"] as const) {
  test(`of two programs that start at once on a ${kind} address, the second finds it taken`, async () => {
    await using folder = await tempFolder();
    const address: Address =
      kind === "unix"
        ? { kind, path: folder.file("x.sock") }
        : { ...anyPort, port: await freePort() };
    const [first, second] = [new HeldSockets([]), new HeldSockets([])];
    const [socket] = await first.open([wish(address)], 1, false);
    const opening = second.open([wish(address)], 1, false);
    const failing = assert.rejects(opening, { code: "EADDRINUSE" });
    // Long enough for it to look while nobody listens yet: that it does nothing has no event.
    assert.equal(await Promise.race([opening, delay(150, "waits")]), "waits");
    serve(socket, "first");
    first.keep(["k"]);
    await failing;
    first.keep([]);
    // It failed for good: nobody else is kept waiting.
    const third = new HeldSockets([], { warn: assert.fail, patience: 1000 });
    await third.open([wish(address)], 1, false);
    third.keep([]);
  });
}

test("of two programs that start at once, the second gets the address when the first gives up", async () => {
  const address: Address = { ...anyPort, port: await freePort() };
  const [first, second] = [new HeldSockets([]), new HeldSockets([])];
  await first.open([wish(address)], 1, false);
  const opening = second.open([wish(address)], 2, false);
  first.keep([]);
  assert.equal((await opening).length, 2);
  second.keep([]);
});

test("who only takes the name of the lock delays a start and is told of, but does not prevent it", async () => {
  const address: Address = { ...anyPort, port: await freePort() };
  const name = `tidegate:${lockNameOf(address)}`;
  const other = await serverAt({ path: `\0${name}` });
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const held = new HeldSockets([], { warn, patience: 120 });
  assert.equal((await held.open([wish(address)], 2, false)).length, 2);
  assert.equal(warnings.length, 1);
  assert.ok(warnings[0]?.includes(`@${name} `));
  held.keep([]);
  other.close();
});

test("who asks while another one is asking gets the same sockets", async () => {
  await using folder = await tempFolder();
  const held = new HeldSockets([], { warn: assert.fail, patience: 500 });
  const wishes = [wish({ kind: "unix", path: folder.file("x.sock") })];
  const [one, two] = await Promise.all([held.open(wishes, 1, false), held.open(wishes, 1, false)]);
  assert.equal(one[0]?.socket, two[0]?.socket);
  held.keep([]);
});

test("that we have a port on one address is no right to share it with others on another", async () => {
  const held = new HeldSockets([]);
  const [ours] = await held.open([wish(anyPort, "ours")], 1, false);
  const port = ours?.note.bound.port ?? 0;
  serve(ours, "ours");
  const host = "127.0.0.2";
  const other = await serverAt({ host, port, reusePort: true });
  const theirs = wish({ kind: "tcp", host, port }, "theirs");
  await assert.rejects(held.open([theirs], 1, false), { code: "EADDRINUSE" });
  other.close();
  held.keep([]);
});

/** A socket as the service manager hands it over. */
function handedOver(name: string): { fd: number; name: string; port: number; done(): void } {
  const socket = ListeningSocket.open(anyPort, { isShared: false, isTakeOver: false });
  const { fd } = socket.handle as { fd: number };
  return { fd, name, port: socket.bound.port, done: () => socket.close() };
}

test("an inherited socket that is not wanted for a while is there when it is wanted again", async () => {
  const given = handedOver("web");
  const held = new HeldSockets([given]);
  const wishes = [wish({ ...anyPort, port: given.port })];
  const [first] = await held.open(wishes, 2, false);
  assert.equal(first?.note.isShared, true);
  held.keep([]);
  const [again] = await held.open(wishes, 2, false);
  assert.equal(again?.socket.handle, first?.socket.handle);
  assert.deepEqual(again?.note, first?.note);
  // Whoever dropped it the first time has to be given it again.
  assert.notEqual(again?.socket, first?.socket);
  given.done();
});

test("inherited sockets with one name come back to the addresses they had", async () => {
  const [a, b] = [handedOver("web"), handedOver("web")];
  const held = new HeldSockets([a, b]);
  const wishes = [a, b].map(({ port }, index) => wish({ ...anyPort, port }, `k${index}`));
  const ports = async () => (await held.open(wishes, 1, false)).map(({ note }) => note.bound.port);
  assert.deepEqual(await ports(), [a.port, b.port]);
  held.keep(["k0"]);
  held.keep([]);
  assert.deepEqual(await ports(), [a.port, b.port]);
  for (const each of [a, b]) each.done();
});
