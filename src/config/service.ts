// Services as the rest of the program sees them: where requests go, how one of several backends is chosen, and
// what is known of a backend's health. Part of the Snapshot; plain data, every default filled in.
//
// Times are milliseconds, sizes are bytes. 0 means "no limit" wherever a limit says so.

import type { BreakerExpression } from "./breaker-expression.ts";
import type { FilesService } from "./files.ts";
import type { GatewayProtocol, GatewaySettings } from "./gateway.ts";
import type { Listed } from "./middlewares/use.ts";
import type { ByAddress } from "./provider-settings.ts";
import type { Address, Origin } from "./snapshot.ts";

/** Backends, or other services in some order. Which one an exchange goes to is decided when it begins. */
export type Service =
  | BackendService
  | FilesService
  | SplitService
  | FailoverService
  | MirrorService
  | AddressedService;

interface NamedService {
  readonly name: string;
  readonly origin: Origin;
  /** While it is set, everybody else is told that the service is being worked on. */
  readonly maintenance: Maintenance | undefined;
  /** What requests go through after the route's own, where a route leads here itself; left out = nothing. */
  readonly middlewares?: readonly Listed[];
}

export interface BackendService extends NamedService {
  readonly kind: "backends";
  /** Only what was discovered may have none, for a while. */
  readonly backends: readonly Backend[];
  /** Those that belong to it and cannot be used now. */
  readonly absent: readonly AbsentBackend[];
  /** undefined = nobody is started because a request came. */
  readonly onDemand: OnDemand | undefined;
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
  /** For backends that speak FastCGI, SCGI or uwsgi; left out = they speak HTTP. */
  readonly gateway?: GatewaySettings;
  /** Container whose own paths the sockets are, `PROVIDER/NAME`; left out = this machine's. Each backend's address says so too. */
  readonly guest?: string;
}

/** A container that would be a backend. */
export interface AbsentBackend {
  /** The container's name. */
  readonly name: string;
  /** `unreachable`: it runs, but has no address or port that can be used. `missing`: nobody knows it. */
  readonly state: "stopped" | "starting" | "unhealthy" | "paused" | "unreachable" | "missing";
  /** A sentence for operators. */
  readonly why: string;
}

/** Its containers are started when a request comes, and stopped when none does. */
export interface OnDemand {
  /** Meanwhile a request waits, or a browser is shown a page that moves on by itself. */
  readonly wait: "hold" | "page";
  /** How long a request waits, and how long the page says that something is being started; ms. */
  readonly startTimeout: number;
  /** Stopped after so long without a request, ms; 0 = never. */
  readonly idleStop: number;
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

/** The service of the container that has the address which the requested host's AAAA record names. */
export interface AddressedService extends NamedService {
  readonly kind: "addressed";
  /** By IPv6 address, in its shortest form (RFC 5952) without brackets. */
  readonly members: Readonly<Record<string, string>>;
  readonly settings: ByAddress;
}

/** Both ends included. */
export type StatusRange = readonly [from: number, to: number];

export interface Backend {
  /** As written, for messages and logs; unique within its service. */
  readonly url: string;
  readonly protocol: "http" | "tcp" | "udp";
  /** With protocol `http`: what is spoken instead of HTTP; left out = HTTP. */
  readonly speaks?: GatewayProtocol;
  /** HTTP/2 is spoken and nothing else: in the clear without being agreed, over TLS where ALPN chose it. */
  readonly http2?: true;
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
  /** Its authority, name and dates. */
  readonly verify: boolean;
  /** PEM text of the authorities to trust instead of the system's; undefined = the system's. */
  readonly ca: string | undefined;
  /** Name sent and verified; undefined = the backend's host name. */
  readonly serverName: string | undefined;
  /** Base64 of the SHA-256 of public keys, one of which it must have; empty = any will do. */
  readonly pins: readonly string[];
  /** What we show, PEM; undefined = nothing. */
  readonly client: { readonly certificate: string; readonly key: string } | undefined;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** HTTP/2 is offered beside HTTP/1.1, and the backend chooses. */
  readonly http2: boolean;
  /** Offered where bytes are carried as they are; empty = the extension is not sent. */
  readonly alpn: readonly string[];
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
