import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { eventually, within } from "../../test/harness/barrier.ts";
import type { Address } from "../config/snapshot.ts";
import { clearDatagramAddress, DatagramSocket } from "./datagram-socket.ts";

const anyPort: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };

function client(type: "udp4" | "udp6" = "udp4"): Socket & Disposable {
  const socket = createSocket(type);
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.close() });
}

/** Receives, and says who it is to everybody who asks. */
function serve(socket: DatagramSocket, name: string, heard: string[] = []): void {
  socket.receive({
    onDatagram(bytes, address, port) {
      heard.push(bytes.toString());
      socket.send(Buffer.from(`${name}: ${bytes.toString()}`), port, address);
    },
    onReceiveFailed: (error) => assert.fail(error),
  });
}

async function answerTo(asking: Socket, text: string, port: number, host = "127.0.0.1") {
  const answer = once(asking, "message");
  asking.send(text, port, host);
  const [bytes] = await within(answer, 2000, `an answer to ${text}`);
  return String(bytes);
}

test("nothing is read before somebody receives; what came meanwhile is there then", async () => {
  const socket = DatagramSocket.open(anyPort, true);
  using asking = client();
  const answers: string[] = [];
  asking.on("message", (bytes) => answers.push(bytes.toString()));
  for (const text of ["one", "", "three"]) {
    await new Promise((resolve) => asking.send(text, socket.bound.port, "127.0.0.1", resolve));
  }
  const heard: string[] = [];
  serve(socket, "late", heard);
  await eventually("three answers", () => answers.length === 3 || undefined);
  assert.deepEqual(heard, ["one", "", "three"]);
  assert.deepEqual(answers, ["late: one", "late: ", "late: three"]);
  socket.close();
});

test("who stopped receives no more and can still send, and can begin again", async () => {
  const socket = DatagramSocket.open(anyPort, true);
  using asking = client();
  const { port } = socket.bound;
  serve(socket, "a");
  assert.equal(await answerTo(asking, "x", port), "a: x");
  socket.stop();
  asking.send("waits", port, "127.0.0.1");
  const unasked = once(asking, "message");
  socket.send(Buffer.from("still here"), asking.address().port, "127.0.0.1");
  assert.equal(String((await within(unasked, 2000, "an answer"))[0]), "still here");
  const late = once(asking, "message");
  serve(socket, "b");
  assert.equal(String((await within(late, 2000, "the one that waited"))[0]), "b: waits");
  socket.close();
  // Whoever closes or sends late does no harm.
  socket.send(Buffer.from("x"), port, "127.0.0.1");
  socket.stop();
  socket.close();
});

test("a socket for all addresses answers IPv4 and IPv6 clients", async () => {
  const socket = DatagramSocket.open({ kind: "tcp", host: "::", port: 0 }, true);
  serve(socket, "both");
  using four = client();
  assert.equal(await answerTo(four, "4", socket.bound.port), "both: 4");
  if (socket.bound.host === "::") {
    using six = client("udp6");
    assert.equal(await answerTo(six, "6", socket.bound.port, "::1"), "both: 6");
  }
  socket.close();
});

test("an address that another program has is refused; one of ours may be opened again", async () => {
  const other = createSocket("udp4");
  other.bind(0, "127.0.0.1");
  await once(other, "listening");
  const taken: Address = { ...anyPort, port: other.address().port };
  assert.throws(() => DatagramSocket.open(taken, true), { code: "EADDRINUSE" });
  assert.throws(() => clearDatagramAddress(taken), { code: "EADDRINUSE" });
  other.close();
  await once(other, "close");
  clearDatagramAddress(taken);
  const first = DatagramSocket.open(taken, true);
  // Even one that would share.
  assert.throws(() => clearDatagramAddress(taken), { code: "EADDRINUSE" });
  DatagramSocket.open(taken, true).close();
  first.close();
  clearDatagramAddress(taken);
});

test("a TCP socket of the same number is nobody's business", async () => {
  const tcp = createServer().listen(0, "127.0.0.1");
  await once(tcp, "listening");
  const { port } = tcp.address() as { port: number };
  clearDatagramAddress({ ...anyPort, port });
  DatagramSocket.open({ ...anyPort, port }, true).close();
  tcp.close();
});

/** A process that takes a socket and answers with its name, until it is told to end. */
const takerSource = `
import { DatagramSocket } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, "datagram-socket.ts")).href)};
const name = process.argv[1];
process.on("message", (bound, handle) => {
  const socket = DatagramSocket.from(handle, bound);
  socket.receive({
    onDatagram: (bytes, address, port) => socket.send(Buffer.from(name + ": " + bytes), port, address),
    onReceiveFailed: (error) => { throw error; },
  });
  process.send("serves");
});
setTimeout(() => process.exit(1), 20000).unref();
`;

function taker(name: string) {
  // As `fork` does, for a program that is no file.
  const child = fork("-", [], {
    execArgv: ["--input-type=module", "--eval", takerSource, name],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let complaints = "";
  child.stderr?.on("data", (bytes) => (complaints += String(bytes)));
  return {
    child,
    complaints: () => complaints,
    async take(socket: DatagramSocket) {
      const serves = once(child, "message");
      Reflect.apply(child.send, child, [socket.bound, socket.handle]);
      await within(serves, 10_000, `${name} to serve`);
    },
    async kill() {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await within(exited, 5000, `the end of ${name}`);
    },
  };
}

test("a process that held the socket may die: what comes meanwhile waits for the next one", async () => {
  const socket = DatagramSocket.open(anyPort, true);
  const { port } = socket.bound;
  using asking = client();
  const first = taker("first");
  const second = taker("second");
  await first.take(socket);
  assert.equal(await answerTo(asking, "x", port), "first: x");
  await first.kill();
  const answer = once(asking, "message");
  asking.send("y", port, "127.0.0.1");
  await second.take(socket);
  assert.equal(String((await within(answer, 2000, "an answer"))[0]), "second: y");
  // The holder never read, or some of these would be missing.
  for (let n = 0; n < 50; n++) assert.equal(await answerTo(asking, `${n}`, port), `second: ${n}`);
  assert.equal(first.complaints() + second.complaints(), "");
  await second.kill();
  socket.close();
});
