// Services, backends and checks as the configuration would give them, for tests of health checks; and a
// server that treats its visitors as badly as a test says.

import { once } from "node:events";
import { type AddressInfo, createServer, isIP, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { defaultBackendTls } from "../../src/config/backend-tls-limits.ts";
import type { Snapshot } from "../../src/config/snapshot.ts";
import type {
  Backend,
  BackendService,
  HealthCheck,
  ProbeSettings,
  Service,
} from "../../src/config/service.ts";
import { Lookups } from "../../src/health/lookups.ts";
import type { ProbeTarget } from "../../src/health/probe.ts";

/** Of `http://127.0.0.1:8080`, `tls://…` and the like, or `unix:/PATH`. */
export function sampleBackend(url: string, changes: Partial<Backend> = {}): Backend {
  const isUnix = url.startsWith("unix:");
  const parsed = new URL(isUnix ? "http://localhost" : url);
  const host = parsed.hostname.replace(/^\[|\]$/g, "");
  return {
    url,
    protocol: isUnix || parsed.protocol.startsWith("http") ? "http" : "tcp",
    secure: ["https:", "tls:"].includes(parsed.protocol),
    address: isUnix
      ? { kind: "unix", path: url.slice("unix:".length) }
      : { kind: "tcp", host, port: Number(parsed.port) || 80 },
    basePath: parsed.pathname.replace(/\/$/, ""),
    authority: isUnix || isIP(host) === 6 ? "localhost" : parsed.host,
    weight: 1,
    tier: 0,
    ...changes,
  };
}

export const httpProbe: Extract<ProbeSettings, { kind: "http" }> = {
  kind: "http",
  method: "GET",
  path: "/health",
  host: undefined,
  headers: {},
  statuses: [[200, 399]],
  body: undefined,
};

export function sampleCheck(probe: ProbeSettings, changes: Partial<HealthCheck> = {}): HealthCheck {
  return {
    probe,
    port: undefined,
    interval: 10_000,
    fastInterval: 20,
    timeout: 3000,
    rise: 2,
    fall: 3,
    initially: "up",
    ...changes,
  };
}

export const sampleTls = defaultBackendTls;

export function sampleTarget(
  url: string,
  probe: ProbeSettings,
  changes: Partial<HealthCheck> = {},
): ProbeTarget {
  const { lookup } = new Lookups();
  const check = sampleCheck(probe, changes);
  return { backend: sampleBackend(url), tls: sampleTls, check, lookup };
}

export function sampleService(
  name: string,
  urls: readonly string[],
  changes: Partial<BackendService> = {},
): BackendService {
  const service: Partial<BackendService> = {
    kind: "backends",
    name,
    maintenance: undefined,
    backends: urls.map((url) => sampleBackend(url)),
    absent: [],
    onDemand: undefined,
    balance: { policy: "two-random" },
    host: "keep",
    tls: sampleTls,
    check: undefined,
    whenAllDown: "try",
    ...changes,
  };
  return service as BackendService;
}

/** Only what health looks at. */
export function sampleSnapshot(...services: readonly Service[]): Snapshot {
  const byName = new Map(services.map((each) => [each.name, each]));
  return { version: 1, services: byName } as unknown as Snapshot;
}

export interface RudeServer extends AsyncDisposable {
  readonly port: number;
  /** Connections so far. */
  readonly visits: () => number;
  /** Connections that are not closed on this side. */
  readonly open: () => number;
}

/** It closes only when `treat` does, or the visitor has left. */
export async function rudeServer(
  treat: (socket: Socket, visit: number) => void,
  tls?: { readonly key: string; readonly cert: string; readonly ALPNProtocols?: string[] },
): Promise<RudeServer> {
  const sockets = new Set<Socket>();
  const raw = new Set<Socket>();
  let visits = 0;
  const onConnection = (socket: Socket) => {
    sockets.add(socket);
    // The visitor may be gone before we are done being rude.
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    // It reads, or it would not notice that the visitor left.
    socket.resume();
    socket.on("end", () => socket.destroy());
    treat(socket, ++visits);
  };
  const server: Server =
    tls === undefined
      ? createServer({ allowHalfOpen: true }, onConnection)
      : createTlsServer({ ...tls, allowHalfOpen: true }, onConnection);
  server.on("tlsClientError", (_: Error, socket: Socket) => socket.destroy());
  // Under TLS also those that never get as far as to be visitors.
  server.on("connection", (socket: Socket) => void raw.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    visits: () => visits,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const each of [...sockets, ...raw]) each.destroy();
      await closed;
    },
  };
}
