// The options of http-proxy: which are done here, and what is said of those that are not. None is passed over in silence.

import type { IncomingMessage } from "node:http";
import type { SecureContextOptions } from "node:tls";
import type { Readable } from "node:stream";
import type { PoolSettings } from "../../config/service.ts";
import { quote } from "../../lib/quote.ts";

/** As `url.parse` and `new URL` make them, or written by hand. */
export interface TargetDetails {
  readonly protocol?: string | null;
  /** May have a port. */
  readonly host?: string | null;
  readonly hostname?: string | null;
  readonly port?: number | string | null;
  readonly pathname?: string | null;
  readonly search?: string | null;
  /** Both of them, where there is no `pathname`. */
  readonly path?: string | null;
  /** Of a unix socket. */
  readonly socketPath?: string;
  /** PEM: what is shown to the backend. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** PEM: who may have signed its certificate. */
  readonly ca?: string | Buffer;
}

export type ProxyTarget = string | URL | TargetDetails;

type Rewrites = false | string | Readonly<Record<string, string | null>>;

export interface ServerOptions {
  readonly target?: ProxyTarget | ((request: IncomingMessage) => ProxyTarget) | undefined;
  /** Gets a copy of each request; its answer is not looked at. */
  readonly forward?: ProxyTarget | undefined;
  /** `false`: no connection is kept. Agents are refused. */
  readonly agent?: false | undefined;
  /** For `listen`: certificate and key as `https.createServer` takes them. */
  readonly ssl?: SecureContextOptions | undefined;
  /** `listen` takes WebSockets too. */
  readonly ws?: boolean | undefined;
  /** Adds to what the client said in `X-Forwarded-For`, `-Port`, `-Proto` and `-Host`. */
  readonly xfwd?: boolean | undefined;
  /** Says `http` and `https` for WebSockets, and not `ws` and `wss`. */
  readonly xfwdWsProtoAsHttp?: boolean | undefined;
  /** `false`: any certificate will do. */
  readonly secure?: boolean | undefined;
  /** PEM: who may have signed a backend's certificate. */
  readonly ca?: string | Buffer | undefined;
  /** Puts the target's path in front; by default true. */
  readonly prependPath?: boolean | undefined;
  /** Asks for the target's path alone. */
  readonly ignorePath?: boolean | undefined;
  /** `Host` says the target's, and not what the client wanted. */
  readonly changeOrigin?: boolean | undefined;
  /** Names of the answer's fields are spelled as the backend did, and not in lower case. */
  readonly preserveHeaderKeyCase?: boolean | undefined;
  /** `user:password`, sent in `Authorization`. */
  readonly auth?: string | undefined;
  /** Of redirects to the target. */
  readonly hostRewrite?: string | null | undefined;
  readonly autoRewrite?: boolean | undefined;
  readonly protocolRewrite?: string | null | undefined;
  readonly cookieDomainRewrite?: Rewrites | undefined;
  readonly cookiePathRewrite?: Rewrites | undefined;
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>> | undefined;
  /** Instead of the request's. */
  readonly method?: string | undefined;
  /** Longest wait for the answer, and longest pause in it, ms; by default none. */
  readonly proxyTimeout?: number | undefined;
  /** Of the client's connection, ms. */
  readonly timeout?: number | undefined;
  /** ms, by default 30 s. */
  readonly connectTimeout?: number | undefined;
  /** The answer is yours to give, in a listener of `proxyRes`. */
  readonly selfHandleResponse?: boolean | undefined;
  /** Sent as the body, instead of the request's. */
  readonly buffer?: Readable | undefined;
  /** Not of http-proxy: connections to one target. Only when the proxy is made. */
  readonly pool?: Partial<PoolSettings> | undefined;
}

const known: Readonly<Record<keyof ServerOptions, true>> = {
  target: true,
  forward: true,
  agent: true,
  ssl: true,
  ws: true,
  xfwd: true,
  xfwdWsProtoAsHttp: true,
  secure: true,
  ca: true,
  prependPath: true,
  ignorePath: true,
  changeOrigin: true,
  preserveHeaderKeyCase: true,
  auth: true,
  hostRewrite: true,
  autoRewrite: true,
  protocolRewrite: true,
  cookieDomainRewrite: true,
  cookiePathRewrite: true,
  headers: true,
  method: true,
  proxyTimeout: true,
  timeout: true,
  connectTimeout: true,
  selfHandleResponse: true,
  buffer: true,
  pool: true,
};

/** Why not, and what to do instead. */
const refused: Readonly<Record<string, string>> = {
  agent:
    "connections are kept by Tidegate itself, which takes no agent; leave it out, or write `agent: false` for a connection to each request",
  followRedirects:
    "a redirect is for the client, who is told where it stands; leave it out, or follow it in a listener of `proxyRes` with `selfHandleResponse`",
  toProxy:
    "requests are not sent through another proxy; let the target be the server that is meant",
  localAddress:
    "connections leave from the address that the system chooses; have its routes choose another",
  fetch: "requests are sent by Tidegate itself; leave it out",
  fetchOptions: "requests are sent by Tidegate itself; use the events `proxyReq` and `proxyRes`",
};

const refusedOfTargets: readonly string[] = ["pfx", "passphrase", "ciphers", "secureProtocol"];

/** What cannot be done is said when it is asked for. @throws TypeError */
export function checkOptions(options: ServerOptions): void {
  for (const [name, value] of Object.entries<unknown>({ ...options })) {
    if (value === undefined || value === false || value === null) continue;
    const why = Object.hasOwn(refused, name) ? refused[name] : undefined;
    if (why !== undefined) throw new TypeError(`options.${name} is not done: ${why}`);
    if (!Object.hasOwn(known, name)) {
      throw new TypeError(`options.${name}: there is no such option; leave it out`);
    }
  }
  checkTarget(options.target, "target");
  checkTarget(options.forward, "forward");
}

function checkTarget(target: unknown, name: string): void {
  if (typeof target !== "object" || target === null || target instanceof URL) return;
  for (const each of refusedOfTargets) {
    if (!(each in target) || Reflect.get(target, each) === undefined) continue;
    const instead = "write `cert`, `key` and `ca` as PEM, without a passphrase";
    throw new TypeError(`options.${name}.${each} is not done: ${instead}`);
  }
}

/** Where a request goes. */
export interface Place {
  readonly isSecure: boolean;
  /** Without brackets; "" with a socket. */
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  /** What `Host` says with `changeOrigin`. */
  readonly authority: string;
  /** With a query, if there is one. */
  readonly path: string;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly ca: string | undefined;
}

const schemes: ReadonlyMap<string, boolean> = new Map([
  ["http:", false],
  ["ws:", false],
  ["https:", true],
  ["wss:", true],
]);

const forms = "write it as http://HOST:PORT, https://HOST:PORT, or { host, port, protocol }";

/** @throws TypeError that says what is wrong */
export function placeOf(target: ProxyTarget): Place {
  const details = typeof target === "string" ? urlOf(target) : target;
  const protocol = (details.protocol ?? "http:").replace(/:?$/, ":");
  const isSecure = schemes.get(protocol);
  if (isSecure === undefined) {
    throw new TypeError(`the target's protocol is ${quote(protocol)}: ${forms}`);
  }
  const { socketPath, cert, key, ca } = "href" in details ? noExtras(details) : details;
  const given = hostOf(details);
  const port = Number(details.port || given.port || (isSecure ? 443 : 80));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new TypeError(`the target's port is ${quote(String(details.port))}: ${forms}`);
  }
  if (given.host === "" && socketPath === undefined) {
    throw new TypeError(`the target has no host: ${forms}`);
  }
  const name = given.host.includes(":") ? `[${given.host}]` : given.host || "localhost";
  const isUsual = socketPath !== undefined || port === (isSecure ? 443 : 80);
  return {
    ...{ isSecure, host: given.host, port, socketPath },
    authority: isUsual ? name : `${name}:${port}`,
    path: pathOf(details),
    cert: cert?.toString(),
    key: key?.toString(),
    ca: ca?.toString(),
  };
}

/** A URL has none of them, but one that `url.parse` made may have been added to. */
function noExtras(details: URL | TargetDetails): TargetDetails {
  return details instanceof URL ? {} : details;
}

function urlOf(text: string): URL {
  if (!URL.canParse(text)) throw new TypeError(`the target ${quote(text)} is no URL: ${forms}`);
  return new URL(text);
}

function pathOf(details: URL | TargetDetails): string {
  const { pathname, search } = details;
  if (pathname === undefined && "path" in details) return details.path ?? "";
  return `${pathname ?? ""}${search ?? ""}`;
}

function hostOf({ hostname, host }: URL | TargetDetails): { host: string; port: string } {
  const text = hostname || host || "";
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1] ?? "", port: bracketed[2] ?? "" };
  const colon = text.indexOf(":");
  // More than one colon is an address.
  if (colon < 0 || colon !== text.lastIndexOf(":")) return { host: text, port: "" };
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}
