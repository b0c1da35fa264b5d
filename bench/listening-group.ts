// The servers that bench/listening.ts compares: a parent and two worker processes that share a port in one
// of four ways. Run as `node bench/listening-group.ts WAY`; the parent is told over IPC what to do.
// A worker answers every connection with its process id.

import { fork, type ChildProcess } from "node:child_process";
import cluster from "node:cluster";
import { once } from "node:events";
import net, { createServer, type Server } from "node:net";
import { fileURLToPath } from "node:url";
import { within } from "./harness/deadline.ts";

/** How the workers come by their connections. */
export const ways = [
  "round-robin",
  "shared handle",
  "socket each",
  "socket each, not held",
] as const;
export type Way = (typeof ways)[number];

/**
 * To the parent: `cpu` (answered with the microseconds used by all), `replace` and `crash` with the worker's
 * place, and `busy` with milliseconds, which end in `done`.
 */
export interface Message {
  readonly kind: string;
  readonly value: number;
}

export function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "kind" in value && "value" in value;
}

/** Waits for one message of a kind. */
export async function messageOf(child: NodeJS.EventEmitter, kind: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const look = (message: unknown): void => {
    if (isMessage(message) && message.kind === kind) resolve(message.value);
  };
  child.on("message", look);
  try {
    return await within(10_000, `the message ${kind}`, promise);
  } finally {
    child.off("message", look);
  }
}

const backlog = 4096;
const workerCount = 2;
const host = "127.0.0.1";

// --- a worker ----------------------------------------------------------------------------------

/** In a cluster it listens by itself; else the parent sends it a bound socket. */
function work(): void {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", () => socket.write(`${process.pid}\n`));
  });
  server.on("listening", () => tell("listening", portOf(server)));
  process.on("message", (message: unknown, handle: unknown) => {
    if (!isMessage(message)) return;
    // In a cluster, whoever asks for port 0 gets the same one.
    if (message.kind === "listen" && cluster.isWorker) server.listen(0, host, backlog);
    else if (message.kind === "listen") server.listen(handle, backlog);
    else if (message.kind === "cpu") tell("cpu", cpuMicros());
    else if (message.kind === "busy") stall(message.value);
    else if (message.kind === "leave") leave(server);
  });
  process.on("disconnect", () => process.exit());
  tell("ready", 0);
}

/** As a garbage collection or a large task does, but longer. */
function stall(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
  tell("free", 0);
}

/** Accepts no more, finishes what it has, and ends. */
function leave(server: Server): void {
  if (cluster.isWorker) cluster.worker?.disconnect();
  else server.close(() => process.exit());
}

function tell(kind: string, value: number): void {
  process.send?.({ kind, value } satisfies Message);
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

// --- the parent --------------------------------------------------------------------------------

async function parent(way: Way): Promise<void> {
  const team = new Team(way);
  // Whatever goes wrong, nobody stays behind: the children end when this process does.
  process.on("disconnect", () => process.exit());
  for (let index = 0; index < workerCount; index++) await team.start(index);
  process.on("message", (message: unknown) => {
    if (isMessage(message)) void team.do(message).then((answer) => tell("done", answer));
  });
  tell("port", team.port);
}

class Team {
  port = 0;
  readonly #way: Way;
  readonly #workers: ChildProcess[] = [];
  /** One bound socket per place, kept open for ever. Nothing is accepted here. */
  readonly #held: object[] = [];

  constructor(way: Way) {
    this.#way = way;
    cluster.schedulingPolicy = way === "round-robin" ? cluster.SCHED_RR : cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: fileURLToPath(import.meta.url), args: [way, "worker"] });
  }

  /** Starts a worker in a place, beside the one that may be there. */
  async start(place: number): Promise<void> {
    const isCluster = this.#way === "round-robin" || this.#way === "shared handle";
    const child = isCluster
      ? cluster.fork().process
      : fork(fileURLToPath(import.meta.url), [this.#way, "worker"]);
    this.#workers[place] = child;
    await messageOf(child, "ready");
    const listening = messageOf(child, "listening");
    const message = { kind: "listen", value: 0 };
    const handle = isCluster ? undefined : (this.#held[place] ?? openSocket(this.port));
    // Node knows how to send its own handles; its types know only some of them.
    Reflect.apply(child.send, child, [message, handle]);
    this.port = await listening;
    if (handle === undefined) return;
    if (this.#way === "socket each") this.#held[place] = handle;
    else closeSocket(handle);
  }

  async do({ kind, value }: Message): Promise<number> {
    if (kind === "cpu") return this.#cpu();
    const place = kind === "busy" ? 0 : value;
    const worker = this.#workers[place];
    if (worker === undefined) throw new Error(`there is no worker ${place}`);
    if (kind === "busy") {
      worker.send({ kind, value });
      return messageOf(worker, "free");
    }
    const gone = once(worker, "exit");
    if (kind === "crash") worker.kill("SIGKILL");
    else await this.start(place);
    // The new one serves before the old one is told to go.
    if (kind === "replace") worker.send({ kind: "leave", value: 0 });
    await gone;
    if (kind === "crash") await this.start(place);
    return 0;
  }

  async #cpu(): Promise<number> {
    const answers = this.#workers.map((each) => {
      const answer = messageOf(each, "cpu");
      each.send({ kind: "cpu", value: 0 });
      return answer;
    });
    const used = await Promise.all(answers);
    return used.reduce((sum, each) => sum + each, cpuMicros());
  }
}

/** libuv's UV_TCP_REUSEPORT. */
const reusePort = 2;

/** A socket that is bound, and that nobody listens on yet. */
function openSocket(port: number): object {
  const create: unknown = Reflect.get(net, "_createServerHandle");
  if (typeof create !== "function") throw new Error("this Node.js opens sockets in another way");
  const handle: unknown = Reflect.apply(create, net, [host, port, 4, undefined, reusePort]);
  if (typeof handle === "object" && handle !== null) return handle;
  throw new Error(`no socket for port ${port}: error ${String(handle)}`);
}

function closeSocket(handle: object): void {
  const close: unknown = Reflect.get(handle, "close");
  if (typeof close === "function") Reflect.apply(close, handle, []);
}

const [way, slot] = process.argv.slice(2);
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (slot === undefined) await parent(ways.find((each) => each === way) ?? "socket each");
  else work();
}
