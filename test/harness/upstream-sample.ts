// Services as the configuration would make them, and somebody who wants connections of them, for tests of
// what stands between an exchange and its backends. The connections are real.

import { Guests } from "../../src/guest/guests.ts";
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { readConfig } from "../../src/config/read.ts";
import type { Snapshot } from "../../src/config/snapshot.ts";
import type { BackendService } from "../../src/config/service.ts";
import type { FailureCode } from "../../src/http/errors.ts";
import { Tally } from "../../src/lib/tally.ts";
import { Wheel } from "../../src/lib/wheel.ts";
import { Caps } from "../../src/upstream/caps.ts";
import type { BackendConnection, ResponseSink } from "../../src/upstream/backend-connection.ts";
import type { ServiceOptions } from "../../src/upstream/live-service.ts";
import type { Pool, PoolTicket, Waiter } from "../../src/upstream/pool.ts";
import type { Asker } from "../../src/upstream/pooled.ts";
import type { Mark } from "../../src/upstream/state.ts";
import { StateBook } from "../../src/upstream/state-book.ts";

/** @param settings as in the file; `routes` may be left out */
export function snapshotOf(settings: object, version = 1): Snapshot {
  const text = JSON.stringify({ routes: {}, ...settings });
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
  if (snapshot === undefined) assert.fail(problems.map(({ message }) => message).join("\n"));
  return { ...snapshot, version, secret: "5ec2e7" };
}

/** The service `s` of these settings, or of backends with these URLs. */
export function serviceOf(settings: object | readonly string[]): BackendService {
  const s = Array.isArray(settings) ? { backends: settings } : settings;
  const service = snapshotOf({ services: { s } }).services.get("s");
  assert.ok(service?.kind === "backends");
  return service;
}

export interface Options extends ServiceOptions {
  readonly marks: Mark[];
  /** Service, session and backend. */
  readonly sessions: (readonly [string, string, string])[];
  /** Services. */
  readonly wanted: string[];
}

/** What a service needs, with everything noted that it tells. */
export function optionsOf(wheel = new Wheel(5), states = new StateBook()): Options {
  const marks: Mark[] = [];
  const sessions: (readonly [string, string, string])[] = [];
  const wanted: string[] = [];
  return {
    wheel,
    states,
    marks,
    sessions,
    wanted,
    caps: new Caps(new Tally()),
    secret: () => "5ec2e7",
    limits: { headBytes: 4096, headerCount: 50, trailerBytes: 512 },
    bufferBytes: 65_536,
    guests: new Guests(),
    onMark: (mark) => void marks.push(mark),
    onSession: (...session) => void sessions.push(session),
    onWanted: (service) => void wanted.push(service),
  };
}

export function askerOf({ headers = {}, ...rest }: AskerOptions = {}): Asker {
  const header = (name: string) => headers[name];
  return { clientIp: "192.0.2.1", path: "/", query: "", ...rest, header };
}

export type AskerOptions = Partial<Omit<Asker, "header">> & {
  readonly headers?: Readonly<Record<string, string>>;
};

export type Outcome = BackendConnection | FailureCode;

/** Somebody who waits for a connection, and notes how often it was told. */
export class Customer implements Waiter<BackendConnection> {
  ticket: PoolTicket<BackendConnection> | null = null;
  told = 0;
  readonly outcome: Promise<Outcome>;
  readonly #resolve: (outcome: Outcome) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.outcome = promise;
    this.#resolve = resolve;
  }

  onLease(connection: BackendConnection): void {
    this.told++;
    this.#resolve(connection);
  }

  onNoLease(code: FailureCode): void {
    this.told++;
    this.#resolve(code);
  }
}

export function ask(pool: Pool<BackendConnection>, timeoutMs = 2000): Customer {
  const customer = new Customer();
  pool.open(customer, timeoutMs);
  assert.equal(customer.told, 0, "it was told within the call");
  return customer;
}

export async function lease(
  pool: Pool<BackendConnection>,
  timeoutMs = 2000,
): Promise<BackendConnection> {
  const outcome = await ask(pool, timeoutMs).outcome;
  if (typeof outcome === "string") assert.fail(outcome);
  return outcome;
}

/** One exchange on the connection; resolves when the answer is complete and the pool has it back. */
export async function exchange(connection: BackendConnection, timeoutMs = 2000): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const sink = {
    onResponseHead: () => {},
    onResponseFlush: () => {},
    onResponseEnd: () => resolve(),
    onResponseFailed: (code: FailureCode) => reject(new Error(code)),
  } as unknown as ResponseSink;
  connection.begin(sink, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET", false, timeoutMs, timeoutMs);
  connection.endRequest("", false);
  connection.flush();
  await promise;
  await new Promise(setImmediate); // it settles behind the last bytes of a read
}

export interface PlainOrigin extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Open connections. */
  readonly sockets: ReadonlySet<Socket>;
}

/** Answers whatever comes with an empty 200. @param port one that was free a moment ago */
export async function plainOrigin(port = 0): Promise<PlainOrigin> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // a pool that closes may reset
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const bound = (server.address() as AddressInfo).port;
  return {
    port: bound,
    url: `http://127.0.0.1:${bound}`,
    sockets,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A port where nobody listens any more. */
export async function freedPort(): Promise<number> {
  const gone = await plainOrigin();
  await gone[Symbol.asyncDispose]();
  return gone.port;
}
