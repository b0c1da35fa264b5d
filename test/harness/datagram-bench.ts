// What tests of UDP need: backends and clients with real sockets, and a listener's settings without a
// configuration file.

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { defaultBackendTls } from "../../src/config/backend-tls-limits.ts";
import {
  defaultClientTimeouts,
  defaultDatagrams,
  defaultHold,
  defaultPassive,
  defaultPool,
  defaultRetry,
} from "../../src/config/limits.ts";
import type { DatagramLimits, Listener } from "../../src/config/snapshot.ts";
import type { Backend, BackendService, PassiveHealth } from "../../src/config/service.ts";
import { within } from "./barrier.ts";

export interface UdpServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** What came, as text, and from which port. */
  readonly heard: { readonly text: string; readonly port: number }[];
  /** Sends without being asked. */
  send(text: string, port: number): void;
}

export interface UdpServerOptions {
  readonly port?: number;
  readonly host?: string;
  /** Takes everything and says nothing, as a log server does. */
  readonly isSilent?: boolean;
  readonly answer?: (text: string) => string | undefined;
}

/** Answers `NAME: TEXT`. */
export async function startUdpServer(
  name: string,
  options: UdpServerOptions = {},
): Promise<UdpServer> {
  const { host = "127.0.0.1", isSilent = false } = options;
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const heard: { text: string; port: number }[] = [];
  const answer = options.answer ?? ((text: string) => `${name}: ${text}`);
  socket.on("message", (bytes, { address, port }) => {
    const text = bytes.toString();
    heard.push({ text, port });
    const reply = isSilent ? undefined : answer(text);
    if (reply !== undefined) socket.send(reply, port, address);
  });
  socket.bind(options.port ?? 0, host);
  await once(socket, "listening");
  socket.unref();
  const { port } = socket.address();
  return {
    port,
    url: `udp://${host.includes(":") ? `[${host}]` : host}:${port}`,
    heard,
    send: (text, to) => socket.send(text, to, host),
    async [Symbol.asyncDispose]() {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
}

export interface UdpClient extends Disposable {
  readonly port: number;
  readonly heard: string[];
  send(text: string | Uint8Array): Promise<void>;
  /** The next datagram that comes; asked for in time. */
  next(ms?: number): Promise<string>;
  ask(text: string, ms?: number): Promise<string>;
}

export async function udpClient(
  port: number,
  host = "127.0.0.1",
  from?: string,
): Promise<UdpClient> {
  const socket: Socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const heard: string[] = [];
  socket.on("message", (bytes) => heard.push(bytes.toString()));
  socket.bind(0, from);
  await once(socket, "listening");
  // A test that fails must not keep the process.
  socket.unref();
  const send = (text: string | Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      // Told at once: the loop must turn, or a receiver in this process gets nothing before its buffer is full.
      socket.send(text, port, host, (error) =>
        error === null ? setImmediate(resolve) : reject(error),
      );
    });
  const next = async (ms = 3000) => {
    const [bytes] = await within(once(socket, "message"), ms, "a datagram");
    return String(bytes);
  };
  return {
    port: socket.address().port,
    heard,
    send,
    next,
    async ask(text, ms) {
      const answer = next(ms);
      await send(text);
      return answer;
    },
    [Symbol.dispose]: () => void socket.close(),
  };
}

const origin = { provider: "test", place: "here" };

export function udpListener(
  datagrams: Partial<DatagramLimits> = {},
  others: Partial<Listener> = {},
): Listener {
  return {
    name: "dns",
    origin,
    bind: [],
    protocol: "udp",
    service: "s",
    streamTimeouts: { connect: 1000, idle: 0 },
    datagrams: { ...defaultDatagrams, ...datagrams },
    proxyProtocol: false,
    http2: false,
    tls: undefined,
    trustedProxies: [],
    timeouts: defaultClientTimeouts,
    ...others,
  };
}

export function udpBackend(url: string): Backend {
  const { hostname, port, host } = new URL(url);
  return {
    url,
    protocol: "udp",
    secure: false,
    address: { kind: "tcp", host: hostname.replaceAll(/[[\]]/g, ""), port: Number(port) },
    basePath: "",
    authority: host,
    weight: 1,
    tier: 0,
  };
}

export function udpService(
  urls: readonly string[],
  passive: Partial<PassiveHealth> = {},
): BackendService {
  return {
    kind: "backends",
    name: "s",
    origin,
    maintenance: undefined,
    backends: urls.map(udpBackend),
    absent: [],
    onDemand: undefined,
    balance: { policy: "round-robin" },
    slowStart: 0,
    sticky: undefined,
    host: "keep",
    pool: defaultPool,
    tls: defaultBackendTls,
    retry: defaultRetry,
    check: undefined,
    passive: { ...defaultPassive, ...passive },
    whenAllDown: "try",
    hold: { ...defaultHold, holdFor: 0 },
    breaker: undefined,
    proxyProtocol: undefined,
  };
}
