// Programs behind FastCGI, SCGI or uwsgi asked through a backend as a service has it, without the rest of the proxy: with the
// connections, the pool and the clocks of the program itself.

import type { GatewayProtocol, GatewaySettings } from "../../src/config/gateway.ts";
import type { Address } from "../../src/config/snapshot.ts";
import type { BackendService, PoolSettings } from "../../src/config/service.ts";
import { encodeParams } from "../../src/gateway/params.ts";
import type { FailureCode } from "../../src/http/errors.ts";
import { Wheel } from "../../src/lib/wheel.ts";
import type { BackendConnection, ResponseSink } from "../../src/upstream/backend-connection.ts";
import { LiveBackend, type UpstreamOptions } from "../../src/upstream/live-backend.ts";
import { lease, optionsOf, serviceOf } from "./upstream-sample.ts";

export interface GatewayOptions {
  readonly speaks: GatewayProtocol;
  readonly address: Address;
  readonly pool?: Partial<PoolSettings>;
  readonly multiplex?: boolean;
  readonly upstream?: Partial<UpstreamOptions>;
}

/** As the configuration makes it, with a pool that keeps nothing. */
export function gatewayBackend(options: GatewayOptions): LiveBackend {
  const { speaks, address, pool, upstream, multiplex = false } = options;
  const plain = serviceOf(["http://127.0.0.1:1"]);
  const backend = { ...plain.backends[0]!, url: `${speaks}://x`, speaks, address };
  const service: BackendService = {
    ...plain,
    backends: [backend],
    gateway: { ...noScripts, multiplex },
    pool: { ...plain.pool, maxIdle: 0, ...pool },
  };
  return new LiveBackend(
    service,
    backend,
    { ...optionsOf(new Wheel(5)), ...upstream },
    { onStanding() {}, onLoad() {}, tell() {} },
  );
}

const noScripts: GatewaySettings = {
  root: "",
  index: "",
  extensions: [],
  script: undefined,
  params: {},
  streamsUnknownLength: false,
  multiplex: false,
  sendFiles: undefined,
};

export interface Asked {
  readonly method?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: readonly Uint8Array[];
  readonly responseTimeout?: number;
  readonly bodyTimeout?: number;
}

export interface Told {
  status: number;
  reason: string;
  /** Field lines as they would be passed on. */
  fields: string;
  body: Buffer;
  /** A number, or CHUNKED. */
  bodyLength: number;
  errors: string[];
  failure: FailureCode | "";
  cause: string;
  ended: boolean;
}

/** An exchange that keeps what comes, and can be held. */
export class Asking implements ResponseSink {
  readonly told: Told;
  readonly done: Promise<Told>;
  readonly headDone: Promise<void>;
  drained = 0;
  received = 0;
  /** Does not keep the body. */
  isCounting = false;
  readonly #pieces: Buffer[] = [];
  readonly #resolve: (told: Told) => void;
  readonly #onHead: () => void;
  onDrained: () => void = () => {};
  /** Called after each read. */
  onFlush: () => void = () => {};

  constructor() {
    const { promise, resolve } = Promise.withResolvers<Told>();
    const head = Promise.withResolvers<void>();
    this.done = promise;
    this.#resolve = resolve;
    this.headDone = head.promise;
    this.#onHead = () => head.resolve();
    this.told = {
      status: 0,
      reason: "",
      fields: "",
      body: Buffer.alloc(0),
      bodyLength: 0,
      errors: [],
      failure: "",
      cause: "",
      ended: false,
    };
  }

  onInterim(): void {
    throw new Error("programs send no interim answers");
  }

  onResponseHead(...[head]: Parameters<ResponseSink["onResponseHead"]>): void {
    const { told } = this;
    told.status = head.status;
    told.reason = head.reason;
    told.fields = head.fields.serialise();
    told.bodyLength = head.bodyLength;
    this.#onHead();
  }

  onResponseData(buffer: Buffer, start: number, end: number): void {
    this.received += end - start;
    if (!this.isCounting) this.#pieces.push(Buffer.from(buffer.subarray(start, end)));
  }

  onResponseEnd(): void {
    this.told.ended = true;
    this.#finish();
  }

  onResponseFlush(): void {
    this.onFlush();
  }

  onUpstreamDrain(): void {
    this.drained++;
    this.onDrained();
  }

  onResponseFailed(code: FailureCode, cause = ""): void {
    this.told.failure = code;
    this.told.cause = cause;
    this.#finish();
  }

  onErrorText(text: string): void {
    this.told.errors.push(text);
  }

  onBackendData(): void {}
  onBackendEnd(): void {}
  onBackendClosed(): void {}

  #finish(): void {
    this.told.body = Buffer.concat(this.#pieces);
    this.#onHead();
    // It settles behind the last bytes of a read.
    setImmediate(() => this.#resolve(this.told));
  }
}

/** Names and values as FastCGI's client would have them, before those of the test. */
export function paramsOf(asked: Asked): string[] {
  const length = (asked.body ?? []).reduce((sum, each) => sum + each.length, 0);
  const all: Record<string, string> = {
    GATEWAY_INTERFACE: "CGI/1.1",
    REQUEST_METHOD: asked.method ?? "GET",
    SERVER_PROTOCOL: "HTTP/1.1",
    REQUEST_URI: "/",
    SCRIPT_NAME: "",
    PATH_INFO: "/",
    QUERY_STRING: "",
    SERVER_NAME: "localhost",
    SERVER_PORT: "80",
    CONTENT_LENGTH: asked.body === undefined ? "" : `${length}`,
    ...asked.params,
  };
  return Object.entries(all).flat();
}

/** Writes a request whole, waiting where the backend is slow. */
export async function send(
  connection: BackendConnection,
  asking: Asking,
  speaks: GatewayProtocol,
  asked: Asked = {},
): Promise<void> {
  connection.begin(
    asking,
    encodeParams(speaks, paramsOf(asked)),
    asked.method ?? "GET",
    false,
    asked.responseTimeout ?? 10_000,
    asked.bodyTimeout ?? 10_000,
  );
  for (const piece of asked.body ?? []) {
    const bytes = Buffer.from(piece);
    connection.writeData(bytes, 0, bytes.length, false);
    if (connection.flush()) continue;
    await new Promise<void>((resolve) => {
      asking.onDrained = resolve;
      void asking.done.then(() => resolve());
    });
  }
  connection.endRequest("", false);
  connection.flush();
}

/** One request on a connection of the backend's pool, from its beginning to its end. */
export async function askProgram(
  backend: LiveBackend,
  speaks: GatewayProtocol,
  asked: Asked = {},
): Promise<Told> {
  const connection = backend.pool.takeIdle() ?? (await lease(backend.pool));
  const asking = new Asking();
  await send(connection, asking, speaks, asked);
  return asking.done;
}
