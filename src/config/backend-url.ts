// Where a backend is: http://HOST:PORT[/base], https://…, unix:/run/app.sock, or nginx's way of writing
// the latter, http://unix:/run/app.sock[:/base]; HTTP/2 in the clear is h2c://HOST:PORT[/base], h2c://unix:/run/app.sock; gRPC is
// grpc://HOST:PORT, which is the same, and grpcs://HOST:PORT, over TLS and HTTP/2 alone: over HTTP/1.1 a call could not end with its
// status, so a server that does not choose HTTP/2 is none; for programs fastcgi://HOST:PORT, fastcgi://unix:/PATH, and so scgi://
// and uwsgi://; for streams tcp://HOST:PORT, tls://…, tcp://unix:/PATH and udp://HOST:PORT. Read by hand: WHATWG URL would repair what is wrong (backslashes, tabs, 127.1), and
// what was repaired is not what the operator checked.

import { normaliseHostPattern } from "../lib/host.ts";
import type { GatewayProtocol } from "./gateway.ts";
import type { Refuse } from "./scalar.ts";
import type { Backend } from "./service.ts";

export type BackendUrl = Omit<Backend, "weight" | "tier">;

// sockaddr_un holds 108 bytes on Linux, the last one a NUL.
const maxSocketPath = 107;

export const urlForms =
  "write http://HOST:PORT, https://HOST:PORT or unix:/PATH, for HTTP/2 in the clear h2c://, for gRPC grpc:// or grpcs://, for programs fastcgi://, scgi:// or uwsgi://, or for streams tcp://, tls:// or udp://";

interface Scheme {
  readonly protocol: Backend["protocol"];
  readonly speaks?: GatewayProtocol;
  /** HTTP/2 is spoken, and nothing else. */
  readonly http2?: true;
  readonly secure: boolean;
  /** undefined = it must be written. */
  readonly port: number | undefined;
}

const schemes: Readonly<Record<string, Scheme>> = {
  http: { protocol: "http", secure: false, port: 80 },
  https: { protocol: "http", secure: true, port: 443 },
  h2c: { protocol: "http", http2: true, secure: false, port: 80 },
  grpc: { protocol: "http", http2: true, secure: false, port: undefined },
  grpcs: { protocol: "http", http2: true, secure: true, port: 443 },
  tcp: { protocol: "tcp", secure: false, port: undefined },
  tls: { protocol: "tcp", secure: true, port: undefined },
  udp: { protocol: "udp", secure: false, port: undefined },
  fastcgi: { protocol: "http", speaks: "fastcgi", secure: false, port: undefined },
  scgi: { protocol: "http", speaks: "scgi", secure: false, port: undefined },
  uwsgi: { protocol: "http", speaks: "uwsgi", secure: false, port: undefined },
};

/** What else people write in front of "://", and what they mean. */
const strangers: Readonly<Record<string, string>> = {
  ws: "WebSockets pass through http:// as they are",
  wss: "WebSockets pass through https:// as they are",
  h2: "write https://HOST:PORT: HTTP/2 is spoken where the backend chooses it",
  fcgi: "write fastcgi://HOST:PORT",
  suwsgi: "TLS to programs is not supported: write uwsgi://HOST:PORT",
  ssl: "write tls://HOST:PORT",
  tcps: "write tls://HOST:PORT",
  mysql: "write tcp://HOST:PORT, for a listener with protocol: tcp",
  postgres: "write tcp://HOST:PORT, for a listener with protocol: tcp",
  postgresql: "write tcp://HOST:PORT, for a listener with protocol: tcp",
  redis: "write tcp://HOST:PORT, for a listener with protocol: tcp",
  dns: "write udp://HOST:PORT, for a listener with protocol: udp",
};

/** True for what can only be meant as a URL: the rest is the name of a service. */
export function isUrlLike(text: string): boolean {
  return text.includes("://") || text.startsWith("unix:");
}

export function parseBackendUrl(text: string, refuse: Refuse): BackendUrl | undefined {
  if (/[\s\p{Cc}\\]/u.test(text)) {
    return refuse(`${JSON.stringify(text)} contains a space, a control or a backslash`, urlForms);
  }
  const [, wrapper = "", socket, socketBase = ""] =
    /^(?:(https?|h2c|grpcs?|tcp|tls|udp|fastcgi|scgi|uwsgi):\/\/)?unix:([^:]*)(?::(.*))?$/i.exec(
      text,
    ) ?? [];
  if (socket !== undefined) {
    return parseSocket(
      { url: text, scheme: wrapper.toLowerCase(), path: socket },
      socketBase,
      refuse,
    );
  }
  const [, written = "", rest] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  if (rest === undefined) {
    const remedy = /^[\w.-]+(:\d+)?(\/.*)?$/.test(text) ? `write http://${text}` : urlForms;
    return refuse(`${JSON.stringify(text)} has no scheme`, remedy);
  }
  const name = written.toLowerCase();
  const scheme = Object.hasOwn(schemes, name) ? schemes[name] : undefined;
  if (scheme === undefined) {
    const meant = Object.hasOwn(strangers, name) ? strangers[name] : undefined;
    return refuse(`${written}:// is not supported`, meant ?? urlForms);
  }
  if (/[?#]/.test(rest))
    return refuse("a backend URL has no query and no fragment", "leave it out");
  if (/^[^/]*@/.test(rest)) {
    return refuse("a backend URL has no user and password", "leave them out");
  }
  return parseTcp(text, rest, scheme, refuse);
}

function parseTcp(url: string, rest: string, scheme: Scheme, refuse: Refuse) {
  const slash = rest.indexOf("/");
  const authority = slash === -1 ? rest : rest.slice(0, slash);
  const basePath = slash === -1 ? "" : rest.slice(slash).replace(/\/+$/, "");
  const [, name, digits] = /^(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/.exec(authority) ?? [];
  if (name === undefined) {
    const remedy = /^[0-9a-f:.]+$/i.test(authority)
      ? `put an IPv6 address in brackets: ${url.slice(0, url.indexOf(":"))}://[::1]:80`
      : urlForms;
    return refuse(`${JSON.stringify(authority)} is not HOST:PORT`, remedy);
  }
  const host = name.includes("*") ? undefined : normaliseHostPattern(name);
  if (host === undefined)
    return refuse(`${JSON.stringify(name)} is not a host name or address`, urlForms);
  const { protocol, speaks, http2, secure } = scheme;
  if (digits === undefined && scheme.port === undefined) {
    return refuse(`${url} has no port`, `write ${url.replace(/\/+$/, "")}:PORT`);
  }
  const port = digits === undefined ? scheme.port : parsePort(digits);
  if (port === undefined || port === 0) {
    return refuse(`${JSON.stringify(digits)} is not a port`, "write a number from 1 to 65535");
  }
  if (speaks !== undefined && slash !== -1) {
    const remedy = `leave out ${rest.slice(slash)}: where its scripts are is said by root`;
    return refuse(`a ${speaks} backend has no path`, remedy);
  }
  if (protocol !== "http" && basePath !== "") {
    return refuse(`a ${protocol} backend has no path`, `leave out ${basePath}`);
  }
  const bare = host.startsWith("[") ? host.slice(1, -1) : host;
  return {
    url,
    protocol,
    ...(speaks === undefined ? {} : { speaks }),
    ...(http2 === undefined ? {} : { http2 }),
    secure,
    address: { kind: "tcp", host: bare, port },
    basePath,
    authority: port === scheme.port ? host : `${host}:${port}`,
  } as const;
}

interface SocketUrl {
  readonly url: string;
  /** "" = none was written. */
  readonly scheme: string;
  readonly path: string;
}

function parseSocket({ url, scheme, path }: SocketUrl, base: string, refuse: Refuse) {
  if (scheme === "https" || scheme === "tls" || scheme === "grpcs") {
    const plain = { https: "", tls: "tcp://", grpcs: "grpc://" }[scheme];
    const remedy = `write ${plain}unix:${path}`;
    return refuse("TLS over a unix socket is not supported", remedy);
  }
  if (scheme === "udp") return refuse("datagrams over a unix socket are not supported", urlForms);
  if (!path.startsWith("/")) {
    return refuse(`${JSON.stringify(path)} is not an absolute path`, "write unix:/run/app.sock");
  }
  if (Buffer.byteLength(path) > maxSocketPath) {
    return refuse(`the socket's path is longer than ${maxSocketPath} bytes`);
  }
  const { protocol = "http", speaks, http2 } = schemes[scheme] ?? {};
  if (base !== "" && (protocol === "tcp" || speaks !== undefined)) {
    return refuse(`a ${scheme} backend has no path`, `write ${scheme}://unix:${path}`);
  }
  if (base !== "" && !base.startsWith("/")) {
    return refuse(`${JSON.stringify(base)} is not a path`, `write unix:${path}:/${base}`);
  }
  return {
    url,
    protocol,
    ...(speaks === undefined ? {} : { speaks }),
    ...(http2 === undefined ? {} : { http2 }),
    secure: false,
    address: { kind: "unix", path },
    basePath: base.replace(/\/+$/, ""),
    authority: "localhost",
  } as const;
}

/** As `parseBackendUrl`, where what is spoken is known already: also `unix:/PATH` and `HOST:PORT`. */
export function parseGatewayUrl(
  text: string,
  speaks: GatewayProtocol,
  refuse: Refuse,
): BackendUrl | undefined {
  const forms = `write unix:/PATH or HOST:PORT`;
  if (/^https?:/i.test(text)) {
    const remedy = `${forms}; for a server that speaks HTTP use backends instead of ${speaks}`;
    return refuse(`${JSON.stringify(text)} speaks HTTP, not ${speaks}`, remedy);
  }
  if (text.startsWith("/")) {
    return refuse(`${JSON.stringify(text)} is a path`, `write unix:${text}`);
  }
  if (/^\d+$/.test(text)) {
    return refuse(`${JSON.stringify(text)} is a port alone`, `write 127.0.0.1:${text}`);
  }
  const isBare = !text.includes("://");
  const url = parseBackendUrl(isBare ? `${speaks}://${text}` : text, (message, remedy) =>
    refuse(message, remedy === urlForms ? forms : remedy),
  );
  if (url === undefined || url.speaks === speaks) return url;
  const found = url.speaks ?? url.protocol;
  return refuse(`${JSON.stringify(text)} speaks ${found}, not ${speaks}`, forms);
}

export function parsePort(digits: string): number | undefined {
  if (!/^\d{1,5}$/.test(digits)) return undefined;
  const port = Number(digits);
  return port <= 65_535 ? port : undefined;
}
