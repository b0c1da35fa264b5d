// The configuration as the rest of the program sees it: checked, complete, plain data. Every default is
// filled in and every short form is written out, so nothing below `config` decides what an absent value
// means. It holds no functions and can be sent to another process as it is.
//
// Times are milliseconds, sizes are bytes. 0 means "no limit" wherever a limit says so.

import type { AlertSettings } from "./alert-settings.ts";
import type { BreakerExpression } from "./breaker-expression.ts";
import type { Rule } from "./rule.ts";

/** Where an item was written, for messages: `tidegate.yaml:12:3`. */
export interface Origin {
  /** Which provider said it: `file`, later `docker`, `redis` … `default` for what is built in. */
  readonly provider: string;
  /** Human readable place inside that provider, `file:line:column` for a file. */
  readonly place: string;
}

export interface Snapshot {
  /** Counts up by one with every snapshot that went live. */
  readonly version: number;
  readonly listeners: readonly Listener[];
  readonly routes: readonly Route[];
  /** Which service connections of TCP listeners go to, by what is known before the first byte is passed on. */
  readonly streamRoutes: readonly StreamRoute[];
  readonly services: Readonly<Record<string, Service>>;
  readonly accessLog: AccessLog;
  readonly limits: Limits;
  readonly shutdown: Shutdown;
  readonly errorPages: string | undefined;
  readonly debug: DebugHeaders;
  readonly compat: Compat;
  readonly workers: WorkerSettings;
  /** Who the processes that see foreign bytes run as, when started by root. */
  readonly runAs: RunAs;
  /** Path of the control socket; undefined = chosen by who runs the program. */
  readonly controlSocket: string | undefined;
  /** File that holds the process id; undefined = none. */
  readonly pidFile: string | undefined;
  /** Folder for what outlives the program (alerts not yet sent, the secret of cookies); undefined = chosen by who runs it. */
  readonly stateFolder: string | undefined;
  /** undefined = nobody is told. Stays in the primary. */
  readonly alerts: AlertSettings | undefined;
  /** What cookies of ours are made with, so that they name no address; hex. Added by the primary. */
  readonly secret: string;
}

/** All that one provider says now; catalogs are merged into a snapshot. */
export type Catalog = Omit<Snapshot, "version" | "secret">;

export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export interface Listener {
  readonly name: string;
  readonly origin: Origin;
  readonly bind: readonly Address[];
  readonly protocol: "http" | "tcp" | "udp";
  /** Where connections (tcp) or datagrams (udp) go that no stream route claims; undefined = they are refused. */
  readonly service: string | undefined;
  /** For tcp and udp without a route. */
  readonly streamTimeouts: StreamTimeouts;
  /** For udp. */
  readonly datagrams: DatagramLimits;
  /** A PROXY protocol header (v1 or v2) must come first, and only trusted proxies may connect. */
  readonly proxyProtocol: boolean;
  /** Networks (CIDR) whose X-Forwarded-* and Forwarded headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly timeouts: ClientTimeouts;
}

/** What we grant a client, per connection; all in milliseconds, 0 = for ever. */
export interface ClientTimeouts {
  /** From the first byte of a request to the end of its head (and from accept to the first byte). */
  readonly head: number;
  /** Between two requests of one connection. */
  readonly idle: number;
}

/** What we grant a connection that is carried as it is; milliseconds, 0 = for ever. */
export interface StreamTimeouts {
  /** Until a backend accepted the connection. */
  readonly connect: number;
  /** Longest silence in both directions together. */
  readonly idle: number;
}

/** A client address with a port has one session; its answers find the way back by it. */
export interface DatagramLimits {
  /** Sessions of this listener; a datagram that would open one more is dropped. */
  readonly sessions: number;
  readonly sessionsPerAddress: number;
  /** How long a session is kept without a datagram in either direction, ms. */
  readonly idle: number;
}

export interface StreamRoute {
  readonly name: string;
  readonly origin: Origin;
  /** Names of the TCP listeners it is for; undefined = all of them. */
  readonly listeners: readonly string[] | undefined;
  /** Of `hostSni`, `alpn` and `clientIp`, with `all`, `any` and `not`. */
  readonly rule: Rule;
  readonly priority: number | undefined;
  readonly service: string;
  /** PEM texts: TLS ends here; undefined = what the client sends is passed on, TLS or not. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
  readonly timeouts: StreamTimeouts;
}

/** What we grant one exchange; all in milliseconds, 0 = for ever. */
export interface ExchangeTimeouts {
  /** Longest pause in a request body, and longest time a client may take none of the answer. */
  readonly body: number;
  /** Until a backend accepted the connection, TLS included. */
  readonly connect: number;
  /** From the end of the request to the head of the answer. */
  readonly response: number;
  /** Longest pause in an answer's body. */
  readonly responseBody: number;
  /** Longest silence, in both directions, of an upgraded connection. */
  readonly tunnel: number;
}

export interface Route {
  readonly name: string;
  readonly origin: Origin;
  readonly rule: Rule;
  /** Explicit rank; undefined = by specificity. Higher goes first. */
  readonly priority: number | undefined;
  readonly middlewares: readonly MiddlewareUse[];
  /** Name of the service; undefined when a middleware always answers (redirect). */
  readonly service: string | undefined;
  /** Of this route alone; its service may have one too. */
  readonly maintenance: Maintenance | undefined;
  readonly timeouts: ExchangeTimeouts;
  /** Longest request body in bytes; 0 = no limit. */
  readonly maxBody: number;
  /** Folder with `error_<code>.html` and `error_default.html`; undefined = the built-in page. */
  readonly errorPages: string | undefined;
  /** undefined = the global one. */
  readonly accessLog: AccessLog | undefined;
}

/** One entry of a route's chain, in the order it runs. `kind` is a key of the middleware registry. */
export type MiddlewareUse =
  | { readonly kind: "stripPrefix"; readonly prefixes: readonly string[] }
  | { readonly kind: "addPrefix"; readonly prefix: string }
  | { readonly kind: "replacePrefix"; readonly from: string; readonly to: string }
  | { readonly kind: "replacePath"; readonly pattern: string; readonly replacement: string }
  | { readonly kind: "redirect"; readonly to: string; readonly status: 301 | 302 | 303 | 307 | 308 }
  | {
      readonly kind: "respond";
      readonly status: number;
      readonly body: string;
      readonly contentType: string;
    }
  | { readonly kind: "whoami" };

/** Backends, or other services in some order. Which one an exchange goes to is decided when it begins. */
export type Service = BackendService | SplitService | FailoverService | MirrorService;

interface NamedService {
  readonly name: string;
  readonly origin: Origin;
  /** While it is set, everybody else is told that the service is being worked on. */
  readonly maintenance: Maintenance | undefined;
}

export interface BackendService extends NamedService {
  readonly kind: "backends";
  readonly backends: readonly Backend[];
  readonly balance: Balance;
  /** A backend that is new, or was down, gets its full share only after so long, ms; 0 = at once. */
  readonly slowStart: number;
  readonly sticky: Sticky | undefined;
  /** true: the client's Host goes to the backend; false: the backend's own name does; or a fixed value. */
  readonly host: "keep" | "backend" | { readonly value: string };
  readonly pool: PoolSettings;
  readonly tls: BackendTls;
  readonly retry: RetrySettings;
  /** undefined = backends are not asked. */
  readonly check: HealthCheck | undefined;
  readonly passive: PassiveHealth;
  /** When no backend is up: `try` them all the same, or `refuse`. */
  readonly whenAllDown: "try" | "refuse";
  readonly hold: HoldSettings;
  readonly breaker: Breaker | undefined;
  /** PROXY protocol header sent to TCP backends; undefined = none. */
  readonly proxyProtocol: "v1" | "v2" | undefined;
}

/** Canary: each part gets its share, or those who ask for it. */
export interface SplitService extends NamedService {
  readonly kind: "split";
  readonly parts: readonly SplitPart[];
  /** A client stays with the part it got; undefined = each request is dealt anew. Always `kind: "cookie"`. */
  readonly sticky: Sticky | undefined;
}

export interface SplitPart {
  readonly service: string;
  /** 0 to 1000; 0 = only who asks for it. */
  readonly weight: number;
  /** Whoever sends this gets this part, the first that fits. */
  readonly when: KeyValue | undefined;
}

/** A field or cookie with this value. */
export interface KeyValue {
  readonly from: "header" | "cookie";
  /** Lower-case for a header. */
  readonly name: string;
  readonly value: string;
}

/** The first service that has a backend up; on these statuses also the next one after it. */
export interface FailoverService extends NamedService {
  readonly kind: "failover";
  readonly services: readonly string[];
  readonly statuses: readonly StatusRange[];
}

/** A copy of some requests goes to others, whose answers nobody sees. */
export interface MirrorService extends NamedService {
  readonly kind: "mirror";
  readonly service: string;
  readonly copies: readonly { readonly service: string; readonly percent: number }[];
  /** Requests with a longer body are not copied, bytes. */
  readonly maxBody: number;
}

/** Both ends included. */
export type StatusRange = readonly [from: number, to: number];

export interface Backend {
  /** As written, for messages and logs; unique within its service. */
  readonly url: string;
  readonly protocol: "http" | "tcp" | "udp";
  /** TLS to the backend. */
  readonly secure: boolean;
  readonly address: Address;
  /** Path put in front of every request's path, without a trailing slash; usually "". */
  readonly basePath: string;
  /** What the Host header says when the service says `host: backend`. */
  readonly authority: string;
  /** 0 to 1000; 0 = only for sessions it has. */
  readonly weight: number;
  /** 0 goes first; a higher one is used while nobody of a lower one is up. */
  readonly tier: number;
}

export type Balance =
  | {
      readonly policy: "round-robin" | "two-random" | "least-connections" | "least-time" | "random";
    }
  | {
      readonly policy: "hash";
      readonly key: KeySource;
      /** No backend gets more than so many times its share; 0 = no bound. */
      readonly bound: number;
    };

/** Header names are lower-case. */
export type KeySource =
  | { readonly from: "client-ip" | "path" }
  | { readonly from: "header" | "cookie" | "query"; readonly name: string };

export type Sticky =
  /** A cookie of ours. */
  | {
      readonly kind: "cookie";
      readonly name: string;
      readonly path: string;
      readonly domain: string | undefined;
      /** Seconds; undefined = until the browser is closed. */
      readonly maxAge: number | undefined;
      readonly sameSite: "lax" | "strict" | "none";
      readonly httpOnly: boolean;
      readonly secure: "auto" | "always" | "never";
      /** Cookie whose value is `HOST:PORT` of a backend, accepted as well. */
      readonly legacy: string | undefined;
    }
  /** The application's own session: a cookie or field it sets. */
  | {
      readonly kind: "application";
      readonly source: { readonly from: "header" | "cookie"; readonly name: string };
      /** How long a session is remembered that nobody uses, ms. */
      readonly idle: number;
      /** Sessions remembered; beyond it the least recently used is forgotten. */
      readonly sessions: number;
    };

export interface HealthCheck {
  readonly probe: ProbeSettings;
  /** Another port than the backend's; undefined = the same. */
  readonly port: number | undefined;
  /** Milliseconds. */
  readonly interval: number;
  /** While it is down, or one more answer would change that; ms. */
  readonly fastInterval: number;
  readonly timeout: number;
  /** Good answers in a row until it is up. */
  readonly rise: number;
  /** Bad answers in a row until it is down. */
  readonly fall: number;
  /** What it is before the first answer. */
  readonly initially: "up" | "down";
}

export type ProbeSettings =
  | {
      readonly kind: "http";
      readonly method: "GET" | "HEAD" | "OPTIONS" | "POST";
      readonly path: string;
      /** undefined = the backend's own. */
      readonly host: string | undefined;
      readonly headers: Readonly<Record<string, string>>;
      readonly statuses: readonly StatusRange[];
      /** Must occur in the first 64 KiB of the body; undefined = anything will do. */
      readonly body: string | undefined;
    }
  /** Connects; sends and waits for this text where there is one. */
  | { readonly kind: "tcp"; readonly send: string | undefined; readonly expect: string | undefined }
  /** grpc.health.v1.Health/Check for this service name; "" = the whole server. */
  | { readonly kind: "grpc"; readonly service: string }
  | { readonly kind: "mysql" }
  | { readonly kind: "postgres" };

/** What is learnt from the traffic itself. */
export interface PassiveHealth {
  /** Connections that fail in a row until a backend is dead; 0 = never. */
  readonly connectFailures: number;
  /** Exchanges that fail in a row until a backend is dead; 0 = never. */
  readonly failures: number;
  /** Share of failed exchanges within `window` that makes a backend dead, 0 to 1; 0 = never. */
  readonly ratio: number;
  /** Fewer exchanges within `window` say nothing. */
  readonly minRequests: number;
  /** Milliseconds. */
  readonly window: number;
  /** An answer that takes longer counts as failed, ms; 0 = none does. */
  readonly slow: number;
  /** Answers that count as failed. */
  readonly statuses: readonly StatusRange[];
  /** How long a dead backend gets nothing, ms; then one exchange is tried. */
  readonly deadFor: number;
}

/** Waiting for a backend instead of answering 502 or 503. */
export interface HoldSettings {
  /** Longest wait while no backend is up, ms; 0 = none. */
  readonly holdFor: number;
  /** Exchanges that may wait in one worker; the next is answered 503. */
  readonly maxHeld: number;
  /** Longest wait while an operator paused the service, ms. */
  readonly pauseFor: number;
}

export interface Maintenance {
  /** Networks (CIDR) that are served as ever. */
  readonly allow: readonly string[];
  /** HTML text; undefined = the built-in page. */
  readonly page: string | undefined;
  /** Sent as Retry-After, s. */
  readonly retryAfter: number;
}

/** Cuts a service off while the expression holds. */
export interface Breaker {
  readonly expression: BreakerExpression;
  /** As written. */
  readonly text: string;
  /** How often it is looked at, ms. */
  readonly checkPeriod: number;
  /** How long everything is refused, ms. */
  readonly fallbackDuration: number;
  /** How long it takes to let everything through again, ms. */
  readonly recoveryDuration: number;
  readonly status: number;
}

export interface PoolSettings {
  /** Connections to one backend at once, of all workers together; more exchanges wait. */
  readonly maxConnections: number;
  /** Exchanges that may wait for a connection to one backend; the next gets 503. */
  readonly maxWaiting: number;
  /** Longest wait for a connection, ms; then 503. */
  readonly maxWait: number;
  /** Idle connections kept to one backend. */
  readonly maxIdle: number;
  /** How long an idle connection is kept, ms. */
  readonly idleTimeout: number;
}

export interface BackendTls {
  readonly verify: boolean;
  /** PEM text of the authorities to trust instead of the system's; undefined = the system's. */
  readonly ca: string | undefined;
  /** Name sent and verified; undefined = the backend's host name. */
  readonly serverName: string | undefined;
}

export interface RetrySettings {
  /** Further attempts after the first. */
  readonly attempts: number;
  /** A request body up to this many bytes is kept, so that the request can be sent again; 0 = none. */
  readonly replayBody: number;
  /**
   * Whether POST, PATCH and the like may be sent again on another connection when a reused connection
   * died without a byte of answer. RFC 9110 section 9.2.2 forbids it in general, so it is off.
   */
  readonly nonIdempotent: boolean;
  /** Longest wait for the head of an answer while other backends are left, ms; 0 = as the route says. */
  readonly tryTimeout: number;
  /** Answers that another backend is asked about, for requests that may be repeated. */
  readonly statuses: readonly StatusRange[];
  /** Retries over time, as a share of requests, 0 to 1; a few are always granted. */
  readonly budget: number;
}

export interface AccessLog {
  readonly enabled: boolean;
  /** `combined`, `json`, or a template of nginx-like `$variables`. */
  readonly format: string;
  /** `stdout`, `stderr`, or a file's path. */
  readonly path: string;
}

export interface Limits {
  /** Open client connections, of all workers together. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Longest request head, bytes, request line included. */
  readonly headBytes: number;
  readonly headerCount: number;
  /** Longest request target, bytes. */
  readonly targetBytes: number;
  /** Longest head of a backend's answer, bytes. */
  readonly responseHeadBytes: number;
  /** Trailer section of a chunked body, bytes. */
  readonly trailerBytes: number;
  /** Bytes of one direction held back for a slow reader before the other side is paused. */
  readonly bufferBytes: number;
}

export interface WorkerSettings {
  /** Processes that serve; `auto` = one for each CPU core. 0 = everything in a single process. */
  readonly count: number | "auto";
  /** Resident memory of one worker, bytes, beyond which it is replaced; 0 = no limit. */
  readonly memoryLimit: number;
  /** How often memory is looked at, ms. */
  readonly checkInterval: number;
  /** How long a worker that is being replaced may take to finish its exchanges, ms. */
  readonly gracefulWait: number;
  /** How long tunnels of a worker that is being replaced may go on, ms. */
  readonly tunnelWait: number;
  /** A worker without a sign of life for so long is killed and replaced, ms; 0 = never. */
  readonly hangTimeout: number;
  /** How long a process that lost its parent serves on, waiting for a successor, ms. */
  readonly orphanWait: number;
}

export interface RunAs {
  /** User name or number; undefined = stay who we are. */
  readonly user: string | undefined;
  /** Group name or number; undefined = the user's primary group. */
  readonly group: string | undefined;
}

export interface Shutdown {
  /** How long running exchanges may take to finish after SIGTERM, ms. */
  readonly grace: number;
  /** How long tunnels may go on after SIGTERM, ms. */
  readonly tunnelGrace: number;
}

export interface DebugHeaders {
  /** Networks (CIDR) whose requests with `X-Debug: true` are answered with X-Debug-* headers. */
  readonly allow: readonly string[];
}

export interface Compat {
  /** Accept a bare LF as a line end in request heads. Weakens the defence against smuggling. */
  readonly bareLf: boolean;
  /** Also send RFC 7239 `Forwarded`. */
  readonly forwarded: boolean;
  /** Where to serve Docker Proxy's `/service/balancer/…` calls, usually 127.0.0.1:16000; undefined = nowhere. */
  readonly dockerProxyApi: Address | undefined;
}
