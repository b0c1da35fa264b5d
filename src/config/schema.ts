// The whole of tidegate.yaml. From here come the checks, the types of what was read, the JSON Schema
// for editors and docs/reference/config.md. Only reading loads it; workers get the finished Snapshot.

import * as z from "zod";
import { formatSize } from "../lib/size.ts";
import { defaultClientTimeouts, defaultLimits, defaultMaxBody, defaultShutdown } from "./limits.ts";
import { defaultWorkers } from "./limits.ts";
import { defaultHttp2, http2Bounds } from "./http2-client-limits.ts";
import { admin } from "./admin-schema.ts";
import { alerts } from "./alerts-schema.ts";
import { fleet } from "./fleet-schema.ts";
import { listener, tcpRoute } from "./listener-schema.ts";
import { metrics } from "./metrics-schema.ts";
import { middlewareList } from "./middlewares/list-schema.ts";
import { account, controlSocket, dockerProxyApi, pidFile } from "./process-schema.ts";
import { proxyEtcApi, workers } from "./process-schema.ts";
import { providers } from "./providers-schema.ts";
import { accessLog, route } from "./route-schema.ts";
import { routeTests } from "./route-test-schema.ts";
import { durationKey, filePath, flag, integer, key, mapping, mustBe } from "./scalar.ts";
import { networkSources } from "./network-sources.ts";
import { networks, size, sizeKey } from "./scalar.ts";
import { exchangeTimeouts, service } from "./service-schema.ts";
import { tls } from "./tls-schema.ts";
import { tracing } from "./tracing-schema.ts";

const timeouts = mapping({
  head: durationKey(
    "From the first byte of a request to the end of its head, and from accept to the first byte.",
    defaultClientTimeouts.head,
  ),
  idle: durationKey("Between two requests of one client connection.", defaultClientTimeouts.idle),
  ...exchangeTimeouts,
});

const count = 100_000_000;

const limits = mapping({
  connections: key(
    integer(0, count),
    "Open client connections; 0 = no limit.",
    defaultLimits.connections,
  ),
  connectionsPerAddress: key(
    integer(0, count),
    "Open client connections from one address; 0 = no limit.",
    defaultLimits.connectionsPerAddress,
  ),
  headBytes: sizeKey("Longest request head, request line included.", defaultLimits.headBytes, 512),
  headerCount: key(integer(1, 10_000), "Most fields in a head.", defaultLimits.headerCount),
  targetBytes: sizeKey(
    "Longest request target; at most `headBytes`.",
    defaultLimits.targetBytes,
    16,
  ),
  responseHeadBytes: sizeKey(
    "Longest head of a backend's answer.",
    defaultLimits.responseHeadBytes,
    512,
  ),
  trailerBytes: sizeKey("Longest trailer section of a body.", defaultLimits.trailerBytes),
  bufferBytes: sizeKey(
    "Bytes held for a slow reader, in one direction, before the other side is paused.",
    defaultLimits.bufferBytes,
    4096,
  ),
  http2: key(
    mapping({
      streams: key(
        integer(1, http2Bounds.mostStreams),
        "Requests at once on one connection.",
        defaultHttp2.streams,
      ),
      window: key(
        size(http2Bounds.leastWindow).refine((bytes) => bytes <= http2Bounds.mostWindow, {
          error: `must be at most ${formatSize(http2Bounds.mostWindow)}\nwrite less; ${formatSize(defaultHttp2.window)} is enough for most`,
        }),
        "Bytes of request bodies that may be under way on one connection; its requests share them.",
        formatSize(defaultHttp2.window),
      ),
    }),
    "What one connection with HTTP/2 may use up.",
  ),
  maxBody: sizeKey(
    "Longest request body, for routes that do not say otherwise; 0 = no limit.",
    defaultMaxBody,
  ),
});

const debug = mapping({
  allow: key(networks(), "Networks whose requests with `X-Debug: true` get X-Debug-* headers."),
});

const compat = mapping({
  bareLf: key(
    flag(),
    "Accept a bare LF as a line end in heads, and targets with a `#` or a percent sign that stands for itself. Weakens the defence against smuggling.",
    false,
  ),
  forwarded: key(flag(), "Also send `Forwarded` (RFC 7239) to backends.", false),
  hipache: key(
    flag(),
    "Answer as Hipache does: 400 for an unknown host, 502 when nobody can answer, its headers on error pages and for X-Debug, and `ok` to `Host: __ping__`.",
    false,
  ),
  dockerProxyApi: key(
    dockerProxyApi,
    "Serve Docker Proxy's `/service/balancer/…` calls here; `true` = `127.0.0.1:16000`. Whoever can connect can use them.",
    false,
  ),
  proxyEtcApi: key(
    proxyEtcApi,
    "Serve proxy-etc's `/api/…` calls here, on this machine; `true` = `127.0.0.1:3333`. Users are those of the API.",
    false,
  ),
});

const shutdown = mapping({
  grace: durationKey(
    "How long running requests may take to finish after SIGTERM.",
    defaultShutdown.grace,
  ),
  tunnelGrace: durationKey(
    "How long WebSockets and other tunnels may go on after SIGTERM.",
    defaultShutdown.tunnelGrace,
  ),
});

function byName<Value extends z.ZodType>(value: Value, what: string) {
  return z.record(z.string(), value, { error: mustBe({ what: `a mapping of name to ${what}` }) });
}

export const config = mapping({
  listeners: key(
    byName(listener, "address"),
    'Where clients connect: name to address. Without it: `web: ":8080"`.',
  ),
  routes: key(
    byName(route, "route"),
    "What is served: `HOST[/PATH]` to URL, list of URLs, or mapping.",
  ),
  ownMiddlewares: key(
    filePath(),
    "Folder of middlewares that you write in TypeScript: `hello.ts` there is `- hello` in the lists of this file.",
  ),
  middlewares: key(
    byName(middlewareList, "list of middlewares"),
    "Sets of middlewares by name: routes, services and listeners write `- NAME` in their own lists, and everybody else `NAME@file`.",
  ),
  services: key(
    byName(service, "service"),
    "Groups of backends that routes use by name: URL, list of URLs, or mapping.",
  ),
  tcpRoutes: key(
    byName(tcpRoute, "route"),
    "Where connections of tcp listeners go, by the name a TLS client asks for: name to mapping.",
  ),
  tests: key(
    routeTests,
    "Requests, and what has to become of them: `check` says which fail, and a change that breaks one is refused.",
  ),
  tls: key(tls, "Certificates, and how TLS is spoken on listeners that have it."),
  providers: key(
    providers,
    "Where to look for what is routed by itself. The first has the first choice of hosts; this file always wins.",
  ),
  timeouts: key(timeouts, "What clients and backends are granted; 0 = for ever."),
  limits: key(limits, "What one client may use up."),
  trustedProxies: key(
    networkSources(),
    "Networks of proxies in front, whose X-Forwarded-* and Forwarded headers are believed; `cloudflare`, `private`, `loopback`, or lists of them in files and URLs.",
  ),
  accessLog: key(accessLog, "A line per request: `false`, `true`, a path, or format and path."),
  errorPages: key(
    filePath(),
    "Folder with `error_<status>.html` and `error_default.html`, instead of the built-in page.",
  ),
  metrics: key(
    metrics,
    "What is counted, for Prometheus: where it is served without login, and how much of it.",
  ),
  tracing: key(
    tracing,
    "Record what becomes of requests, and send it to a collector of OpenTelemetry.",
  ),
  alerts: key(alerts, "Who is told, and of what, when something is down or goes wrong."),
  admin: key(
    admin,
    "The REST API that changes routes while the program runs, and its users: `false`, or a mapping. Without it: at `127.0.0.1:8081`.",
  ),
  fleet: key(
    fleet,
    "Several programs like this one that share, over an etcd, what they know of backends and what operators ordered.",
  ),
  debug: key(debug, "Who may ask for the X-Debug-* headers. Without it: nobody."),
  compat: key(compat, "What old software needs; all off."),
  workers: key(
    workers,
    "Processes that serve: how many, or a mapping. `auto` = one for each CPU core, 0 = none, everything in a single process. Going to or from 0 needs a new start.",
    defaultWorkers.count,
  ),
  user: key(
    account("user"),
    "Who the processes that serve run as, when root starts the program. Read at the start only.",
  ),
  group: key(account("group"), "Their group; without it the user's own. Read at the start only."),
  controlSocket: key(
    controlSocket,
    "Socket for `tidegate status` and the like, a path of at most 107 bytes. Without it: `/run/tidegate/control.sock`, or a private place where that may not be written. Read at the start only.",
  ),
  pidFile: key(
    pidFile,
    "File to write the main process's id to. Without it: none. Read at the start only.",
  ),
  stateFolder: key(
    filePath(),
    "Folder for what outlives the program: the secret of cookies, alerts not yet sent, what was found and who has which host. Without it: `$STATE_DIRECTORY`, `/var/lib/tidegate`, or a private place where that may not be written. Read at the start only.",
  ),
  shutdown: key(shutdown, "How the program ends."),
});
