// The same bytes to Node's HTTP parser (llhttp) and to the program: whatever we pass on to a backend,
// llhttp must have read as the same requests, with the same method, target and body length. Ours may
// only be stricter. WIRE_SEED repeats a run.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, METHODS } from "node:http";
import { type AddressInfo, connect as openSocket } from "node:net";
import { test } from "node:test";
import { within } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { type Message, valuesOf } from "../harness/message.ts";
import { startTidegate } from "../harness/tidegate.ts";
import { readCases } from "./case.ts";
import { configOf } from "./fixture.ts";
import { type Lane, openLane } from "./lane.ts";
import { mutate, random } from "./random.ts";

interface Seen {
  readonly method: string;
  readonly target: string;
  readonly length: number;
  /** llhttp takes whatever follows such a request for another protocol. */
  readonly upgrade: boolean;
}

const laneCount = 16;
const mutationMs = 5000;
/** How long a connection may stay open without a result; a bound, not a pause. */
const patienceMs = 120;
const extraMs = 25;

test("what we forward, llhttp reads as the same requests", { timeout: 60_000 }, async (t) => {
  const seed = Number(process.env["WIRE_SEED"] ?? Date.now() % 2 ** 31);
  t.diagnostic(`WIRE_SEED=${seed}`);
  await using stack = new AsyncDisposableStack();
  const lanes: Lane[] = [];
  for (let number = 1; number <= laneCount; number += 1)
    lanes.push(stack.use(await openLane(number)));
  const program = stack.use(await startTidegate({ config: configOf("", lanes) }));
  const reference = stack.use(await llhttp());

  const cases = readCases(import.meta.dirname).filter(({ config }) => config === "");
  const given = cases.map(({ client }) =>
    client.map((step) => (step.kind === "send" ? step.bytes : "")).join(""),
  );
  const valid = cases.flatMap(({ client }, index) =>
    client.some(
      (step) => step.kind === "response" || (step.kind === "status" && step.statuses[0] === 200),
    )
      ? [given[index] ?? ""]
      : [],
  );
  assert.ok(
    given.length > 300 && valid.length > 80,
    `${given.length} inputs, ${valid.length} valid`,
  );

  const end = performance.now() + mutationMs;
  const counts = { inputs: 0, accepted: 0, forwarded: 0 };
  const wrong: string[] = [];
  const queue = inputs(given, valid, seed, end);
  await Promise.all(
    lanes.map(async (lane) => {
      for (const bytes of queue) {
        if (wrong.length > 5) return;
        const theirs = await reference.read(bytes);
        const ours = await throughProxy(bytes, theirs.length, lane, program.port());
        counts.inputs += 1;
        counts.accepted += theirs.length > 0 ? 1 : 0;
        counts.forwarded += ours.length > 0 ? 1 : 0;
        const difference = compare(ours, theirs, bytes);
        if (difference !== undefined) wrong.push(`${difference}\n  input ${JSON.stringify(bytes)}`);
      }
    }),
  );
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual(wrong, [], `WIRE_SEED=${seed}\n${wrong.join("\n")}`);
  assert.ok(counts.forwarded > 100, `only ${counts.forwarded} inputs were forwarded at all`);
  assert.ok(counts.inputs > given.length, "no mutation was tried");
});

function* inputs(
  given: readonly string[],
  valid: readonly string[],
  seed: number,
  end: number,
): Generator<string> {
  yield* given;
  const source = random(seed);
  while (performance.now() < end) yield mutate(source.pick(valid), source);
}

const obeyedTrailer =
  /\r\n0+[^\r\n]*\r\n([^\r\n]+\r\n)*(content-length|transfer-encoding|connection|upgrade):/i;

const tabInCoding = /transfer-encoding:[^\r\n]*\t/i;

/** Requests llhttp read completely, in order. */
async function llhttp(): Promise<AsyncDisposable & { read(bytes: string): Promise<Seen[]> }> {
  const read = new Map<number, Seen[]>();
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    collect(request, read);
    response.end();
  });
  server.on("checkExpectation", (request, response) => {
    collect(request, read);
    response.end();
  });
  server.on("clientError", (_error, socket) => socket.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    async read(bytes) {
      const socket = openSocket({ port, host: "127.0.0.1" });
      socket.on("error", () => undefined); // a reset is an answer too: what was read before it counts
      socket.resume();
      await once(socket, "connect");
      const key = socket.localPort ?? 0;
      read.set(key, []);
      const closed = once(socket, "close");
      socket.end(Buffer.from(bytes, "latin1"));
      await within(closed, 5000, "llhttp to finish");
      const seen = read.get(key) ?? [];
      read.delete(key);
      return seen;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function collect(request: IncomingMessage, read: ReadonlyMap<number, Seen[]>): void {
  const seen = read.get(request.socket.remotePort ?? 0);
  let length = 0;
  request.on("data", (bytes: Buffer) => (length += bytes.length));
  request.on("end", () => {
    const upgrade = request.headers.upgrade !== undefined;
    seen?.push({ method: request.method ?? "", target: request.url ?? "", length, upgrade });
  });
}

/** Requests the origin received completely. Waits for as many as llhttp found, or a close, or patience. */
async function throughProxy(
  bytes: string,
  expected: number,
  lane: Lane,
  port: number,
): Promise<Message[]> {
  lane.strays = "";
  const run = lane.begin([], (answer) => [answer]);
  await using client = await connect(port, { from: run.address, timeoutMs: patienceMs });
  await client.send(bytes);
  try {
    for (let answers = 0; answers < expected; answers += 1) await client.readResponse();
    // One request more than llhttp found would be forwarded now.
    await within(client.waitClose(), expected === 0 ? patienceMs : extraMs, "a close");
  } catch {
    // Closed, refused or silent: all are fine, what counts is what the origin received.
  }
  await client[Symbol.asyncDispose]();
  lane.end();
  if (run.problems.length > 0)
    throw new Error(`${run.problems.join()} for ${JSON.stringify(bytes)}`);
  // What an earlier client of this lane had sent may come late; it was compared, or given up, with that one.
  return run.requests.filter(({ headers }) => valuesOf(headers, "x-real-ip").includes(run.address));
}

/**
 * Four differences are meant. llhttp knows a fixed list of methods, for us any token is one. It obeys
 * framing and connection fields of a trailer section, which we drop (RFC 9110 section 6.5.1). After a
 * request with Upgrade it reads no HTTP, whatever the answer; we do when the upgrade was not accepted.
 * And a tab after `chunked` is part of the value for it, for us white space (RFC 9110 section 5.6.3).
 */
function compare(
  ours: readonly Message[],
  theirs: readonly Seen[],
  bytes: string,
): string | undefined {
  for (const [index, request] of ours.entries()) {
    const other = theirs[index];
    const [method = "", target = ""] = request.startLine.split(" ");
    if (!METHODS.includes(method)) return undefined;
    if (other === undefined) {
      const chunked = ours.slice(0, index + 1).some(({ framing }) => framing === "chunked");
      if (chunked && (obeyedTrailer.test(bytes) || tabInCoding.test(bytes))) return undefined;
      return `llhttp has no request ${index + 1}, we forward ${request.startLine}`;
    }
    const same =
      method === other.method &&
      target === normalised(other.target, method) &&
      request.body.length === other.length;
    if (!same) {
      const mine = `${request.startLine} with ${request.body.length} bytes`;
      return `we forward ${mine}, llhttp reads ${JSON.stringify(other)}`;
    }
    if (other.upgrade) return undefined;
  }
  return undefined;
}

/** The two rewritings we make on purpose: absolute-form to path, dot segments resolved. */
function normalised(target: string, method: string): string {
  const origin = /^https?:\/\/[^/?]*(.*)$/i.exec(target)?.[1] ?? target;
  if (origin === "" && method === "OPTIONS") return "*";
  const [path = "", ...query] = (
    origin.startsWith("?") || origin === "" ? `/${origin}` : origin
  ).split("?");
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  for (const [index, segment] of segments.entries()) {
    const plain = segment.replace(/%2e/gi, ".");
    const isDots = plain === "." || plain === "..";
    if (plain === "..") kept.pop();
    if (!isDots) kept.push(segment);
    else if (index === segments.length - 1) kept.push("");
  }
  if (path === "*") return "*";
  return [`/${kept.join("/")}`, ...query].join("?");
}
