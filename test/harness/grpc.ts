// A gRPC server and a client of grpc-js whose service is described by hand: messages are bytes. What each method does is said
// where it is made. `await using` both.

import {
  type CallOptions,
  Client,
  credentials,
  type ChannelCredentials,
  type ChannelOptions,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type ServiceError,
  status as Status,
  type StatusObject,
} from "@grpc/grpc-js";
import { within } from "./barrier.ts";

const bytes = {
  requestSerialize: (value: Buffer) => value,
  requestDeserialize: (value: Buffer) => value,
  responseSerialize: (value: Buffer) => value,
  responseDeserialize: (value: Buffer) => value,
};

const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Calls/${name}`,
  requestStream,
  responseStream,
  ...bytes,
});

const service = {
  Echo: method("Echo", false, false),
  Fail: method("Fail", false, false),
  Sum: method("Sum", true, false),
  Count: method("Count", false, true),
  Chat: method("Chat", true, true),
};

export interface GrpcServer extends AsyncDisposable {
  readonly port: number;
  /** Calls that began. */
  readonly calls: number;
  /** Of calls that run now, those whose client went away included until the server sees that. */
  readonly running: number;
  /** Calls that the server saw cancelled before it had ended them. */
  readonly cancelled: number;
  /** Metadata of the last call. */
  readonly seen: Metadata;
  /** Ends it gently: GOAWAY, and what runs goes on. */
  shutDown(): Promise<void>;
}

interface Begun {
  readonly metadata: Metadata;
  sendMetadata(metadata: Metadata): void;
  on(event: "cancelled", listener: () => void): unknown;
}

interface ServerOptions {
  /** Told in the initial metadata of each answer. */
  readonly name?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly port?: number;
}

/** 128 MB: more than any test sends. */
const channel: ChannelOptions = {
  "grpc.max_receive_message_length": 128 * 1024 * 1024,
  "grpc.max_send_message_length": 128 * 1024 * 1024,
};

export async function grpcServer(options: ServerOptions = {}): Promise<GrpcServer> {
  const { name = "", tls, port: wanted = 0 } = options;
  const server = new Server(channel);
  const state = { calls: 0, running: 0, cancelled: 0, seen: new Metadata() };
  const begin = (call: Begun, isSilent = false) => {
    state.calls++;
    state.running++;
    state.seen = call.metadata;
    let isOver = false;
    const end = () => {
      if (!isOver) state.running--;
      isOver = true;
    };
    // It is told of every end, a good one too.
    call.on("cancelled", () => {
      if (!isOver) state.cancelled++;
      end();
    });
    const answer = new Metadata();
    answer.set("x-server", name);
    for (const value of call.metadata.get("x-bin-bin")) answer.add("x-back-bin", value);
    if (!isSilent) call.sendMetadata(answer);
    return end;
  };
  server.addService(service, {
    /** What came, once it is time: `wait MS` waits, and `silent MS` without having sent a head. */
    Echo(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
      const [, how, ms] =
        /(wait|silent) (\d+)$/.exec(call.request.subarray(-20).latin1Slice()) ?? [];
      const end = begin(call, how === "silent");
      const trailers = new Metadata();
      trailers.set("x-time", "now");
      const answer = () => {
        end();
        done(null, call.request, trailers);
      };
      if (ms === undefined) answer();
      else setTimeout(answer, Number(ms)).unref();
    },
    /** The status that was asked for, at once: an answer of trailers alone. */
    Fail(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
      state.calls++;
      const metadata = new Metadata();
      metadata.set("grpc-status-details-bin", Buffer.from([8, 5, 18, 1, 120]));
      metadata.set("x-why", "asked for");
      done({ code: Number(call.request.latin1Slice()), details: "nicht da: 100 % ü", metadata });
    },
    /** How many bytes came in how many messages. */
    Sum(call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
      const end = begin(call);
      let [messages, sum] = [0, 0];
      call.on("data", (message: Buffer) => {
        messages++;
        sum += message.length;
      });
      call.on("end", () => {
        if (call.cancelled) return;
        end();
        done(null, Buffer.from(`${messages} ${sum}`));
      });
    },
    /** `TIMES EVERY SIZE`: so many messages, one each so many ms, of so many bytes; 0 = what was asked, whatever stands before. */
    Count(call: ServerWritableStream<Buffer, Buffer>) {
      const end = begin(call);
      const [asked = ""] = /\d+ \d+ \d+$/.exec(call.request.latin1Slice()) ?? [];
      const [times = 0, every = 0, size = 1] = asked.split(" ").map(Number);
      let sent = 0;
      const step = () => {
        if (call.cancelled) return;
        if (sent++ === times) {
          end();
          call.end();
        } else {
          const goesOn = call.write(size === 0 ? call.request : Buffer.alloc(size, sent % 256));
          if (every > 0) setTimeout(step, every).unref();
          else if (goesOn) setImmediate(step);
          else call.once("drain", step);
        }
      };
      step();
    },
    /** Each message back at once. */
    Chat(call: ServerDuplexStream<Buffer, Buffer>) {
      const end = begin(call);
      call.on("data", (message: Buffer) => {
        if (!call.write(message)) {
          call.pause();
          call.once("drain", () => call.resume());
        }
      });
      call.on("end", () => {
        if (call.cancelled) return;
        end();
        call.end();
      });
      call.on("error", () => {});
    },
  });
  const secured =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [
          { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) },
        ]);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${wanted}`, secured, (error, found) => {
      if (error === null) resolve(found);
      else reject(error);
    });
  });
  return {
    port,
    get calls() {
      return state.calls;
    },
    get running() {
      return state.running;
    },
    get cancelled() {
      return state.cancelled;
    },
    get seen() {
      return state.seen;
    },
    shutDown: () =>
      new Promise((resolve) => {
        server.tryShutdown(() => resolve());
      }),
    [Symbol.asyncDispose]() {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

export interface Ended {
  readonly status: StatusObject;
  readonly messages: readonly Buffer[];
  readonly metadata: Metadata;
}

const patienceMs = 30_000;
const asIs = (value: Buffer) => value;

/** A client with one channel. */
export class GrpcClient implements Disposable {
  readonly client: Client;

  /** @param ca PEM of whom to trust; undefined = in the clear */
  constructor(port: number, host: string, ca?: string, options: ChannelOptions = {}) {
    const secured: ChannelCredentials =
      ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca));
    const named =
      ca === undefined
        ? { "grpc.default_authority": host }
        : { "grpc.ssl_target_name_override": host, "grpc.default_authority": host };
    this.client = new Client(`127.0.0.1:${port}`, secured, {
      ...channel,
      ...named,
      // Each client its own connection, also to the same port.
      "grpc.use_local_subchannel_pool": 1,
      ...options,
    });
  }

  /** How it ended, whatever the status. */
  unary(
    name: string,
    message: Buffer | string,
    options: CallOptions = {},
    metadata = new Metadata(),
  ) {
    const ended = Promise.withResolvers<Ended>();
    const messages: Buffer[] = [];
    let head = new Metadata();
    const call = this.client.makeUnaryRequest(
      `/test.Calls/${name}`,
      asIs,
      asIs,
      Buffer.from(message),
      metadata,
      options,
      (error: ServiceError | null, value?: Buffer) => {
        if (error === null && value !== undefined) messages.push(value);
      },
    );
    call.on("metadata", (found: Metadata) => (head = found));
    call.on("status", (status) => ended.resolve({ status, messages, metadata: head }));
    const over = within(ended.promise, patienceMs, `the end of ${name}`);
    return { call, over };
  }

  async echo(message: Buffer | string, options: CallOptions = {}): Promise<Buffer> {
    const { status, messages } = await this.unary("Echo", message, options).over;
    const [first] = messages;
    if (status.code !== Status.OK || first === undefined) {
      throw new Error(`status ${status.code}: ${status.details}`);
    }
    return first;
  }

  sum(options: CallOptions = {}) {
    const ended = Promise.withResolvers<string>();
    const call = this.client.makeClientStreamRequest(
      "/test.Calls/Sum",
      asIs,
      asIs,
      new Metadata(),
      options,
      (error: ServiceError | null, value?: Buffer) => {
        ended.resolve(
          error === null ? (value?.latin1Slice() ?? "") : `status ${error.code}: ${error.details}`,
        );
      },
    );
    return { call, over: within(ended.promise, patienceMs, "the end of Sum") };
  }

  count(what: string, options: CallOptions = {}) {
    const call = this.client.makeServerStreamRequest(
      "/test.Calls/Count",
      asIs,
      asIs,
      Buffer.from(what),
      new Metadata(),
      options,
    );
    return { call, over: gathered(call) };
  }

  chat(options: CallOptions = {}) {
    const call = this.client.makeBidiStreamRequest(
      "/test.Calls/Chat",
      asIs,
      asIs,
      new Metadata(),
      options,
    );
    return { call, over: gathered(call) };
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

interface Stream {
  on(event: "data", listener: (message: Buffer) => void): unknown;
  on(event: "metadata", listener: (metadata: Metadata) => void): unknown;
  on(event: "status", listener: (status: StatusObject) => void): unknown;
  on(event: "error", listener: () => void): unknown;
}

function gathered(call: Stream): Promise<Ended> {
  const ended = Promise.withResolvers<Ended>();
  const messages: Buffer[] = [];
  let head = new Metadata();
  call.on("data", (message) => void messages.push(message));
  call.on("metadata", (found) => (head = found));
  call.on("status", (status) => ended.resolve({ status, messages, metadata: head }));
  call.on("error", () => {});
  return within(ended.promise, patienceMs, "the end of a stream");
}
