// The same frames to node:http2 and to the program: whatever we pass on to a backend, node:http2 must have read as the same
// request, with the same method, path, host, fields and body length. And the same answers to a client of node:http2 and to
// our side towards backends: what we pass on as a whole answer must be one there. Ours may only be stricter. WIRE_SEED
// repeats a run.
//
// Differences that are meant, where node:http2 has less than we do:
//
// | what                                    | why                                                                       |
// | --------------------------------------- | ------------------------------------------------------------------------- |
// | a fault of the connection behind it     | it drops requests that were complete when it meets the fault; for us each |
// |                                         | frame counts until the fault (RFC 9113 section 5.4.1)                     |
// | the rest of a body or answer then       | the same: what it had not read yet is gone                                |
// | content-length in trailers              | a fault for it, left out by us (RFC 9110 section 6.5.1)                   |
// | END_STREAM, after all that was promised | the request that leaves is whole with its content-length's last byte      |
// | the end of an extended CONNECT          | for us its head is a whole request of HTTP/1 (RFC 8441)                   |

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  connect as connectH2,
  createServer as createH2,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, connect as openSocket, createServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "../../harness/client.ts";
import { frame, FrameReader, frameTypes, preface } from "../../harness/h2-frames.ts";
import { type Message, valuesOf } from "../../harness/message.ts";
import { startTidegate } from "../../harness/tidegate.ts";
import { type Lane, openLane } from "../lane.ts";
import { random } from "../random.ts";
import { type H2Case, readH2Cases } from "./h2-case.ts";
import { h2Config } from "./h2-fixture.ts";
import { mutateFrames } from "./mutations.ts";
import { groupsOf } from "./play.ts";

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly fields: string;
  length: number;
  isWhole: boolean;
}

interface Read {
  readonly requests: readonly Seen[];
  /** It ended the connection, for a fault. */
  readonly isBroken: boolean;
}

const laneCount = 12;
const mutationMs = 6000;
/** How long frames may stay without a result; a bound, not a pause. */
const patienceMs = 80;
const marker = Buffer.from("the-end!");

function seedOf(t: TestContext): number {
  const seed = Number(process.env["WIRE_SEED"] ?? Date.now() % 2 ** 31);
  t.diagnostic(`WIRE_SEED=${seed}`);
  return seed;
}

/** Fields a client may choose freely; all others have rules of their own. */
const free = (name: string) => name.startsWith("x-") && !/^x-(forwarded|real)/.test(name);

test("what we forward, node:http2 reads as the same request", { timeout: 60_000 }, async (t) => {
  const source = random(seedOf(t));
  await using stack = new AsyncDisposableStack();
  const lanes: Lane[] = [];
  for (let number = 1; number <= laneCount; number += 1)
    lanes.push(stack.use(await openLane(number)));
  const urls = lanes.map(({ origin }) => origin.url);
  const program = stack.use(await startTidegate({ config: h2Config("", urls) }));
  const reference = stack.use(await nodeServer());
  const given = sentBy("client");
  assert.ok(given.length > 250, `${given.length} inputs`);
  const counts = { inputs: 0, accepted: 0, forwarded: 0, same: 0 };
  const wrong: string[] = [];
  const queue = inputs(given, source);
  await Promise.all(
    lanes.map(async (lane) => {
      for (const bytes of queue) {
        if (wrong.length > 5) return;
        const [theirs, ours] = await Promise.all([
          reference.read(bytes),
          throughProxy(bytes, lane, program.port()),
        ]);
        counts.inputs += 1;
        counts.accepted += theirs.requests.length;
        counts.forwarded += ours.length;
        const difference = compare(ours, theirs, bytes);
        if (difference === undefined) counts.same += ours.length;
        else wrong.push(`${difference}\n  input ${bytes.toString("hex")}`);
      }
    }),
  );
  t.diagnostic(JSON.stringify(counts));
  for (const each of wrong) t.diagnostic(each);
  assert.deepEqual(wrong, [], wrong.join("\n"));
  assert.ok(counts.forwarded > 100, `only ${counts.forwarded} requests were forwarded at all`);
  assert.ok(counts.inputs > given.length, "no mutation was tried");
});

test("what we answer with, node:http2 reads as the same answer", { timeout: 60_000 }, async (t) => {
  const source = random(seedOf(t));
  await using stack = new AsyncDisposableStack();
  const answerers: Answerer[] = [];
  for (let number = 1; number <= laneCount; number += 1)
    answerers.push(stack.use(await answerer()));
  const urls = answerers.map(({ port }) => `h2c://127.0.0.1:${port}`);
  const config = h2Config("service:\n  retry:\n    attempts: 0", urls);
  const program = stack.use(await startTidegate({ config }));
  const given = sentBy("backend");
  assert.ok(given.length > 60, `${given.length} inputs`);
  const counts = { inputs: 0, accepted: 0, passed: 0 };
  const wrong: string[] = [];
  const queue = inputs(given, source);
  await Promise.all(
    answerers.map(async (each, index) => {
      for (const bytes of queue) {
        if (wrong.length > 5) return;
        each.answer = bytes;
        const theirs = await nodeAsks(each.port);
        const ours = await proxyAsks(program.port(), `127.${index + 1}.0.1`);
        await each.settle();
        counts.inputs += 1;
        counts.accepted += theirs.isWhole ? 1 : 0;
        if (ours === undefined) continue;
        counts.passed += 1;
        const same = theirs.status === ours.status && theirs.length === ours.body.length;
        if (same || theirs.isBroken) continue;
        wrong.push(
          `we pass on ${ours.status} with ${ours.body.length} bytes, node:http2 reads ${JSON.stringify(theirs)}\n  input ${bytes.toString("hex")}`,
        );
      }
    }),
  );
  t.diagnostic(JSON.stringify(counts));
  for (const each of wrong) t.diagnostic(each);
  assert.deepEqual(wrong, [], wrong.join("\n"));
  assert.ok(counts.passed > 50, `only ${counts.passed} answers were passed on at all`);
});

/** All that each case sends on its first connection. */
function sentBy(side: H2Case["side"]): Buffer[] {
  const found: Buffer[] = [];
  for (const each of readH2Cases(import.meta.dirname)) {
    if (each.side !== side || each.file === "floods.md") continue;
    const script = each.side === "client" ? each.script : each.connections[0];
    if (script === undefined || script.isRaw) continue;
    if (each.side === "client" && each.config !== "") continue;
    const bytes = Buffer.concat(groupsOf(script.steps));
    if (bytes.length > 0 && bytes.length < 60_000) found.push(bytes);
  }
  return found;
}

function* inputs(given: readonly Buffer[], source: ReturnType<typeof random>): Generator<Buffer> {
  yield* given;
  const end = performance.now() + mutationMs;
  while (performance.now() < end) yield mutateFrames(source.pick(given), source);
}

// Requests.

async function nodeServer(): Promise<AsyncDisposable & { read(bytes: Buffer): Promise<Read> }> {
  const byPort = new Map<number, { requests: Seen[]; isBroken: boolean }>();
  const server = createH2({ settings: { enableConnectProtocol: true } });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("session", (session) => {
    const read = byPort.get(session.socket.remotePort ?? 0);
    session.on("error", () => read !== undefined && (read.isBroken = true));
    session.on("frameError", () => read !== undefined && (read.isBroken = true));
  });
  server.on("sessionError", () => undefined);
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const read = byPort.get(stream.session?.socket.remotePort ?? 0);
    read?.requests.push(collect(stream, headers));
    stream.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    async read(bytes) {
      const socket = openSocket({ port, host: "127.0.0.1" });
      await once(socket, "connect");
      const read = { requests: [], isBroken: false };
      byPort.set(socket.localPort ?? 0, read);
      if (await untilMarked(socket, bytes)) read.isBroken = true;
      byPort.delete(socket.localPort ?? 0);
      socket.destroy();
      return read;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function collect(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Seen {
  const fields = Object.entries(headers)
    .filter(([name]) => free(name))
    .map(([name, value]) => `${name}: ${String(value)}`);
  const seen = {
    // What we make of a WebSocket for a backend of HTTP/1.
    method: headers[":protocol"] === undefined ? String(headers[":method"]) : "GET",
    path: String(headers[":path"]),
    host: headers[":authority"] ?? headers.host ?? "",
    fields: fields.toSorted().join("\n"),
    length: 0,
    isWhole: false,
  };
  stream.on("data", (bytes: Buffer) => (seen.length += bytes.length));
  stream.on("end", () => (seen.isWhole = true));
  stream.respond({ ":status": 200 }, { endStream: true });
  return seen;
}

/**
 * Sends it, and a ping; waits for the answer, an end, or patience. Then what is on its way has arrived.
 * @returns whether the connection was ended for a fault
 */
async function untilMarked(socket: Socket, bytes: Buffer): Promise<boolean> {
  let isBroken = false;
  const done = Promise.withResolvers<void>();
  const reader = new FrameReader();
  socket.on("error", () => done.resolve()); // a reset is an answer too
  socket.on("close", () => done.resolve());
  socket.on("end", () => done.resolve());
  socket.on("data", (some: Buffer) => {
    for (const { type, flags, payload } of reader.push(some)) {
      const isMarker = type === frameTypes.PING && flags === 1 && payload.equals(marker);
      if (type === frameTypes.GOAWAY) isBroken = true;
      if (isMarker || isBroken) done.resolve();
    }
  });
  const settings = frame(frameTypes.SETTINGS, 0, 0);
  socket.write(Buffer.concat([preface, settings, bytes, frame(frameTypes.PING, 0, 0, marker)]));
  await Promise.race([done.promise, pause(patienceMs)]);
  await pause(15);
  return isBroken;
}

async function throughProxy(bytes: Buffer, lane: Lane, port: number): Promise<Message[]> {
  lane.strays = "";
  const run = lane.begin([], (answer) => [answer]);
  const socket = openSocket({ port, host: "127.0.0.1", localAddress: run.address });
  await once(socket, "connect");
  await untilMarked(socket, bytes);
  socket.destroy();
  lane.end();
  if (run.problems.length > 0)
    throw new Error(`${run.problems.join()} for ${bytes.toString("hex")}`);
  return run.requests.filter(({ headers }) => valuesOf(headers, "x-real-ip").includes(run.address));
}

function compare(ours: readonly Message[], theirs: Read, bytes: Buffer): string | undefined {
  const left = [...theirs.requests];
  for (const request of ours) {
    const [method = "", path = ""] = request.startLine.split(" ");
    const host = valuesOf(request.headers, "host")[0] ?? "";
    const names = [...new Set(request.headers.map(([name]) => name.toLowerCase()))].filter(free);
    const fields = names
      .map((name) => `${name}: ${valuesOf(request.headers, name).join(", ")}`)
      .toSorted()
      .join("\n");
    const at = left.findIndex(
      (each) =>
        each.method === method &&
        each.path.replace(/\/\.\.?(?=\/|$)/g, "") === path.replace(/\/\.\.?(?=\/|$)/g, "") &&
        each.host === host &&
        each.fields === fields &&
        ((each.isWhole && each.length === request.body.length) ||
          theirs.isBroken ||
          (!each.isWhole && isMeant(request, each, bytes))),
    );
    if (at >= 0) left.splice(at, 1);
    else if (!theirs.isBroken)
      return `we forward ${request.startLine} with ${request.body.length} bytes and ${fields}, node:http2 reads ${JSON.stringify(theirs)}`;
  }
  return undefined;
}

/** What node:http2 does not take for a whole request, and we do. */
function isMeant({ headers, framing, body }: Message, each: Seen, bytes: Buffer): boolean {
  const hasAllThatWasPromised = framing === "length" && body.length === each.length;
  const isTunnel = valuesOf(headers, "upgrade").length > 0;
  return (
    isTunnel || hasAllThatWasPromised || (framing === "chunked" && bytes.includes("content-length"))
  );
}

// Answers.

interface Answerer extends AsyncDisposable {
  readonly port: number;
  answer: Buffer;
  /** All connections are over, so that the next is a new one. */
  settle(): Promise<void>;
}

/** Says its settings, and `answer` once it was asked for something. */
async function answerer(): Promise<Answerer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let seen = 0;
    const reader = new FrameReader();
    socket.on("error", () => undefined); // a reset is an end like any other
    socket.on("close", () => sockets.delete(socket));
    socket.write(frame(frameTypes.SETTINGS, 0, 0));
    socket.on("data", (bytes: Buffer) => {
      const rest = bytes.subarray(Math.min(bytes.length, Math.max(0, preface.length - seen)));
      seen += bytes.length;
      for (const { type } of reader.push(rest))
        if (type === frameTypes.HEADERS) {
          socket.write(self.answer);
          // What it did not say by now it never says.
          setTimeout(() => socket.end(), 40).unref();
        }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const self: Answerer = {
    port: (server.address() as AddressInfo).port,
    answer: Buffer.alloc(0),
    async settle() {
      const open = [...sockets];
      const closed = open.map((socket) => once(socket, "close"));
      for (const socket of open) socket.end();
      await Promise.race([Promise.all(closed), pause(200)]);
      for (const socket of open) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return self;
}

interface Answered {
  status: number;
  length: number;
  isWhole: boolean;
  isBroken: boolean;
}

async function nodeAsks(port: number): Promise<Answered> {
  const session = connectH2(`http://127.0.0.1:${port}`, { settings: { enablePush: false } });
  const answered = { status: 0, length: 0, isWhole: false, isBroken: false };
  const done = Promise.withResolvers<void>();
  session.on("error", () => (answered.isBroken = true));
  session.on("stream", (pushed) => pushed.on("error", () => undefined));
  session.on("goaway", () => (answered.isBroken = true));
  session.on("close", () => done.resolve());
  const stream = session.request({ ":path": "/", ":authority": "a.test" });
  stream.on("response", (headers) => (answered.status = Number(headers[":status"])));
  stream.on("data", (bytes: Buffer) => (answered.length += bytes.length));
  stream.on("end", () => (answered.isWhole = !stream.aborted));
  stream.on("error", () => (answered.isBroken = answered.isWhole));
  stream.on("close", () => done.resolve());
  await Promise.race([done.promise, pause(patienceMs)]);
  session.destroy();
  return answered;
}

/** Answers of our own, for a backend that failed. */
const ours = new Set([502, 503, 504]);

/** undefined: it was refused, or cut. */
async function proxyAsks(
  port: number,
  from: string,
): Promise<(Message & { status: number }) | undefined> {
  await using client = await connect(port, { from, timeoutMs: 1000 });
  await client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  try {
    for (;;) {
      const response = await client.readResponse();
      if (response.status >= 200) return ours.has(response.status) ? undefined : response;
    }
  } catch {
    return undefined;
  }
}
