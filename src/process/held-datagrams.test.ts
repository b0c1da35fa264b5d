// UDP addresses as the supervisor holds them.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { within } from "../../test/harness/barrier.ts";
import { udpClient, udpListener } from "../../test/harness/datagram-bench.ts";
import { freePort } from "../../test/harness/free-port.ts";
import type { Address } from "../config/snapshot.ts";
import { DatagramSocket } from "../listen/datagram-socket.ts";
import { type HeldSocket, HeldSockets } from "./held-sockets.ts";
import { Ports, wishesOf } from "./ports.ts";

const anyPort: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };
const wish = (address: Address, key = "k", protocol: "tcp" | "udp" = "udp") => ({
  ...{ key, protocol, address },
  listener: "dns",
});

test("a UDP address has one socket, however many workers there are", async () => {
  const held = new HeldSockets([]);
  const sockets = await held.open([wish(anyPort)], 4, false);
  assert.equal(sockets.length, 1);
  assert.deepEqual(sockets[0]?.note, {
    kind: "socket",
    key: "k",
    protocol: "udp",
    index: 0,
    bound: sockets[0]?.socket.bound,
    isShared: true,
  });
  assert.ok((sockets[0]?.note.bound.port ?? 0) > 0);
  assert.equal((await held.open([wish(anyPort)], 8, false))[0]?.socket, sockets[0]?.socket);
  held.keep([]);
});

test("UDP and TCP may share a port number, and are different addresses", async () => {
  const address: Address = { ...anyPort, port: await freePort() };
  const listeners = [
    udpListener({}, { name: "u", bind: [address] }),
    udpListener({}, { name: "t", bind: [address], protocol: "tcp" }),
  ];
  const wishes = wishesOf(listeners);
  assert.deepEqual(
    wishes.map(({ key, protocol }) => [key, protocol]),
    [
      [`udp:127.0.0.1:${address.port}`, "udp"],
      [`127.0.0.1:${address.port}`, "tcp"],
    ],
  );
  const held = new HeldSockets([], { warn: assert.fail, patience: 1000 });
  assert.equal((await held.open(wishes, 2, false)).length, 3);
  held.keep(wishes.map(({ key }) => key));
  held.keep([]);
});

test("a UDP address that belongs to somebody else is refused, and nothing stays open", async () => {
  const other = createSocket({ type: "udp4", reusePort: true });
  other.bind(0, "127.0.0.1");
  await once(other, "listening");
  const taken: Address = { ...anyPort, port: other.address().port };
  const free: Address = { ...anyPort, port: await freePort() };
  const held = new HeldSockets([]);
  const opening = held.open([wish(free, "a"), wish(taken, "b")], 1, false);
  await assert.rejects(opening, { code: "EADDRINUSE" });
  DatagramSocket.open(free, false).close();
  other.close();
});

test("a successor opens the address while workers of a dead supervisor still have it", async () => {
  const orphaned = DatagramSocket.open(anyPort, true);
  const address: Address = { ...anyPort, port: orphaned.bound.port };
  const held = new HeldSockets([]);
  await assert.rejects(held.open([wish(address)], 1, false), { code: "EADDRINUSE" });
  const [ours] = await held.open([wish(address)], 1, true);
  assert.equal(ours?.socket.bound.port, address.port);
  orphaned.close();
  held.keep([]);
});

test("an address may become a narrower one with the same port while both are open", async () => {
  const held = new HeldSockets([]);
  const [wide] = await held.open([wish({ ...anyPort, host: "0.0.0.0" }, "wide")], 1, false);
  const port = wide?.note.bound.port ?? 0;
  assert.equal((await held.open([wish({ ...anyPort, port }, "narrow")], 1, false)).length, 1);
  held.keep(["narrow"]);
  held.keep([]);
});

const fdOf = (held: HeldSocket | undefined) =>
  (held?.socket.handle as { fd: number } | undefined)?.fd;

test("an inherited UDP socket is used for a UDP address and never for a TCP one", async () => {
  const address: Address = { ...anyPort, port: await freePort() };
  const socket = DatagramSocket.open(address, false);
  const { fd } = socket.handle as { fd: number };
  const held = new HeldSockets([{ fd, name: "dns" }]);
  const [tcp] = await held.open([wish(address, "tcp", "tcp")], 1, false);
  assert.equal(tcp?.note.protocol, "tcp");
  assert.equal(fdOf(tcp) === fd, false);
  const [udp] = await held.open([wish(address, "udp")], 1, false);
  assert.equal(udp?.note.protocol, "udp");
  assert.equal(fdOf(udp), fd);
  held.keep([]);
  socket.close();
});

test("a socket that changes between workers takes its datagrams along, and answers go out from both", async () => {
  const held = new HeldSockets([]);
  const listener = udpListener({}, { bind: [anyPort] });
  const wishes = wishesOf([listener]);
  const [given] = await held.open(wishes, 1, false);
  assert.ok(given !== undefined && given.socket instanceof DatagramSocket);
  const { bound } = given.socket;
  // As worker and stand-in have it: copies of one socket, made by descriptor here.
  const { fd } = given.socket.handle as { fd: number };
  const [one, two] = [DatagramSocket.fromDescriptor(fd), DatagramSocket.fromDescriptor(fd)];
  const ports = (socket: DatagramSocket[]) => new Ports({ socketsOf: async () => socket });
  const heard: string[] = [];
  const user = (name: string) => ({
    onDatagram(bytes: Buffer, address: string, port: number, path: Pick<DatagramSocket, "send">) {
      heard.push(`${name} ${bytes.toString()}`);
      path.send(Buffer.from(name), port, address);
    },
    onReceiveFailed: assert.fail,
    onPortClosed() {},
  });
  const first = ports([one]);
  const second = ports([]);
  first.commit(await first.prepare([listener]), () => user("first"));
  second.commit(await second.prepare([listener]), () => user("second"));
  using client = await udpClient(bound.port);
  assert.equal(await client.ask("a"), "first");
  const [key = ""] = wishes.map((each) => each.key);
  first.use(key, []);
  const late = client.next();
  await client.send("b");
  second.use(key, [two]);
  assert.equal(await within(late, 2000, "an answer"), "second");
  assert.deepEqual(heard, ["first a", "second b"]);
  assert.deepEqual(second.boundOf("dns"), [bound]);
  first.closeAll();
  second.closeAll();
});
