// The configuration as the rest of the program sees it: checked, complete, plain data. Every default is
// filled in and every short form is written out, so nothing below `config` decides what an absent value
// means. It holds no functions and can be sent to another process as it is.
//
// Times are milliseconds, sizes are bytes. 0 means "no limit" wherever a limit says so.

import type { RouteTls } from "./acme-settings.ts";
import type { AdminSettings } from "./admin-settings.ts";
import type { MetricsSettings } from "./metrics-settings.ts";
import type { AlertSettings } from "./alert-settings.ts";
import type { Credentials } from "./certificate.ts";
import type { Documents, DocumentWish } from "./documents.ts";
import type { FleetSettings } from "./fleet-settings.ts";
import type { Guests } from "./guest.ts";
import type { Hsts } from "./hsts.ts";
import type { FileSection } from "./item.ts";
import type { Listed } from "./middlewares/use.ts";
import type { RouteUse } from "./middlewares/uses/route.ts";
import type { RouteTest } from "./route-test.ts";
import type { Rule } from "./rule.ts";
import type { ProviderSettings, RouteDefaults } from "./provider-settings.ts";
import type { Maintenance, Service } from "./service.ts";
import type { TlsOptions, TlsSettings } from "./tls-settings.ts";
import type { TracingSettings } from "./tracing-settings.ts";

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
  readonly services: ReadonlyMap<string, Service>;
  readonly tls: TlsSettings;
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
  /** undefined = nothing is recorded of exchanges. */
  readonly tracing: TracingSettings | undefined;
  /** undefined = nobody is told. Stays in the primary. */
  readonly alerts: AlertSettings | undefined;
  /** undefined = there is no API but the control socket. Stays in the primary. */
  readonly admin: AdminSettings | undefined;
  /** What is shown of what is counted. Stays in the primary. */
  readonly metrics: MetricsSettings;
  /** undefined = this program shares nothing with others. Stays in the primary. */
  readonly fleet: FleetSettings | undefined;
  /** What has to become of some requests, or a change is refused; left out = nothing. Stays in the primary. */
  readonly tests?: readonly RouteTest[];
  /** What is discovered, the most trusted first. Stays in the primary. */
  readonly providers: readonly ProviderSettings[];
  /** Of the file, for what is said elsewhere. Stays in the primary. */
  readonly written: Written | undefined;
  /**
   * What cookies of ours are made with, so that they name no address; hex. Others behind it, after a space each,
   * made cookies before, which are still believed. Added by the primary.
   */
  readonly secret: string;
  /** What listeners with TLS show. Added by the primary. */
  readonly credentials: Credentials;
  /** Where containers are that services name. Added by the primary. */
  readonly guests: Guests;
  /** Files and answers of URLs that middlewares lean on. Added by the primary. */
  readonly documents: Documents;
  /** Where caches keep what they have on disk, for all who serve the same; left out = nowhere. Added by the primary. */
  readonly cacheFolder?: string | undefined;
}

export interface Written {
  /** What routes are granted that do not say otherwise. */
  readonly defaults: RouteDefaults;
  /** Routes and services by section and name, as they stand there. */
  readonly items: Readonly<Record<FileSection, ReadonlyMap<string, unknown>>>;
  /** All other sections as they stand there, without providers and alerts: those hold passwords. */
  readonly sections: Readonly<Record<string, unknown>>;
  /** Where relative paths in it start. */
  readonly folder: string;
}

/** All that one provider says now; catalogs are merged into a snapshot. */
export type Catalog = Omit<
  Snapshot,
  "version" | "secret" | "credentials" | "guests" | "documents" | "cacheFolder"
>;

export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | {
      readonly kind: "unix";
      readonly path: string;
      /** Container whose path it is, `PROVIDER/NAME`; left out = this machine's. */
      readonly guest?: string;
    };

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
  /** TLS ends here; undefined = what comes is in the clear. For http. */
  readonly tls: TlsOptions | undefined;
  /** For http: clients may speak HTTP/2, under TLS when it was agreed on, in the clear when they begin with it. */
  readonly http2: boolean;
  /** Networks (CIDR) whose X-Forwarded-* and Forwarded headers are believed. */
  readonly trustedProxies: readonly string[];
  /** More of them, from lists that are kept fresh; the primary adds them above. Left out = none. */
  readonly trustedLists?: readonly TrustedList[];
  /** Lower-case name of the field in which trusted proxies name the client; left out = X-Forwarded-For. */
  readonly clientHeader?: string;
  /** For http: what requests go through before the route's own; left out = nothing. */
  readonly middlewares?: readonly MiddlewareUse[];
  readonly timeouts: ClientTimeouts;
}

/** Networks that somebody publishes. */
export interface TrustedList {
  readonly wish: DocumentWish;
  /** Until the list could be had. */
  readonly builtIn: readonly string[];
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

export interface StreamTls {
  /** PEM texts of what is shown; undefined = what requests for the same name are shown. */
  readonly own: { readonly certificate: string; readonly key: string } | undefined;
  /** Its names get a certificate by themselves; left out = certificates are somebody else's affair. */
  readonly issued?: RouteTls;
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
  /** TLS ends here; undefined = what the client sends is passed on, TLS or not. */
  readonly tls: StreamTls | undefined;
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
  /** What the one who wrote it calls its site, for logs; only some sources know such a name. */
  readonly site?: string;
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
  /** Its names get a certificate by themselves; left out = certificates are somebody else's affair. */
  readonly tls?: RouteTls;
  /** What browsers that come by https are told. */
  readonly hsts?: Hsts;
  /** Path that the application was taken from, and where it is mounted: what its answers say of URLs is put right. */
  readonly restoreUrls?: RestoredUrls;
  /** Request bodies are taken whole before a backend is asked. */
  readonly spool?: SpoolSettings;
  /** Where what programs write to their error stream goes; left out = the log of the program. */
  readonly errorLog?: string;
}

/** `Location`, `Refresh`, `Content-Location`, and `Path` and `Domain` of cookies, from what the backend calls itself to what clients see. */
export interface RestoredUrls {
  /** Prefix of the path as the backend has it, without a trailing slash; "" = its root. */
  readonly from: string;
  /** As clients have it; "" = the root. */
  readonly to: string;
  /** Host names (lower-case, with a port if there is one) that the backend may call itself, besides the one it was sent. */
  readonly hosts: readonly string[];
  /** Domains of cookies that are replaced by none (the requested host). */
  readonly cookieDomains: readonly string[];
}

export interface SpoolSettings {
  /** What is longer goes to a file, bytes. */
  readonly memory: number;
}

/** One entry of a chain, in the order it runs. `kind` is a key of the middleware registry. */
export type MiddlewareUse = RouteUse | Listed;

export interface AccessLog {
  readonly enabled: boolean;
  /** `combined`, `json`, `hipache`, or a template of nginx-like `$variables`. */
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
  readonly http2: Http2Limits;
}

/** Of one client's connection that speaks HTTP/2. */
export interface Http2Limits {
  /** Requests at once. */
  readonly streams: number;
  /** Bytes of bodies that may be under way to us. */
  readonly window: number;
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
  /** Accept a bare LF as a line end in heads, and sloppy targets. Weakens the defence against smuggling. */
  readonly bareLf: boolean;
  /** Also send RFC 7239 `Forwarded`. */
  readonly forwarded: boolean;
  /** Failures, pings and debugging headers as Hipache's clients know them. */
  readonly hipache: boolean;
  /** Where to serve Docker Proxy's `/service/balancer/…` calls, usually 127.0.0.1:16000; undefined = nowhere. */
  readonly dockerProxyApi: Address | undefined;
  /** Where to serve proxy-etc's `/api/…` calls, usually 127.0.0.1:3333; undefined = nowhere. */
  readonly proxyEtcApi: Address | undefined;
}
