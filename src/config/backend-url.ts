// Where a backend is: http://HOST:PORT[/base], https://…, unix:/run/app.sock, or nginx's way of writing
// the latter, http://unix:/run/app.sock[:/base]. Read by hand: WHATWG URL would repair what is wrong
// (backslashes, tabs, 127.1), and what was repaired is not what the operator checked.

import { normaliseHostPattern } from "../lib/host.ts";
import type { Refuse } from "./scalar.ts";
import type { Backend } from "./snapshot.ts";

export type BackendUrl = Omit<Backend, "weight">;

// sockaddr_un holds 108 bytes on Linux, the last one a NUL.
const maxSocketPath = 107;

const forms = "write http://HOST:PORT, https://HOST:PORT or unix:/PATH";

/** True for what can only be meant as a URL: the rest is the name of a service. */
export function isUrlLike(text: string): boolean {
  return text.includes("://") || text.startsWith("unix:");
}

export function parseBackendUrl(text: string, refuse: Refuse): BackendUrl | undefined {
  if (/[\s\p{Cc}\\]/u.test(text)) {
    return refuse(`${JSON.stringify(text)} contains a space, a control or a backslash`, forms);
  }
  const [, socket, socketBase = ""] = /^(?:https?:\/\/)?unix:([^:]*)(?::(.*))?$/i.exec(text) ?? [];
  if (socket !== undefined) return parseSocket(text, socket, socketBase, refuse);
  const [, scheme = "", rest] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  if (rest === undefined) {
    const remedy = /^[\w.-]+(:\d+)?(\/.*)?$/.test(text) ? `write http://${text}` : forms;
    return refuse(`${JSON.stringify(text)} has no scheme`, remedy);
  }
  const secure = scheme.toLowerCase() === "https";
  if (!secure && scheme.toLowerCase() !== "http") {
    const remedy = /^wss?$/i.test(scheme)
      ? `WebSockets pass through ${scheme.toLowerCase() === "ws" ? "http" : "https"}:// as they are`
      : forms;
    return refuse(`${scheme}:// is not supported`, remedy);
  }
  if (/[?#]/.test(rest))
    return refuse("a backend URL has no query and no fragment", "leave it out");
  if (/^[^/]*@/.test(rest)) {
    return refuse("a backend URL has no user and password", "leave them out");
  }
  return parseTcp(text, rest, secure, refuse);
}

function parseTcp(url: string, rest: string, secure: boolean, refuse: Refuse) {
  const slash = rest.indexOf("/");
  const authority = slash === -1 ? rest : rest.slice(0, slash);
  const basePath = slash === -1 ? "" : rest.slice(slash).replace(/\/+$/, "");
  const [, name, digits] = /^(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/.exec(authority) ?? [];
  if (name === undefined) {
    const remedy = /^[0-9a-f:.]+$/i.test(authority)
      ? "put an IPv6 address in brackets: http://[::1]:80"
      : forms;
    return refuse(`${JSON.stringify(authority)} is not HOST:PORT`, remedy);
  }
  const host = name.includes("*") ? undefined : normaliseHostPattern(name);
  if (host === undefined)
    return refuse(`${JSON.stringify(name)} is not a host name or address`, forms);
  const usual = secure ? 443 : 80;
  const port = digits === undefined ? usual : parsePort(digits);
  if (port === undefined || port === 0) {
    return refuse(`${JSON.stringify(digits)} is not a port`, "write a number from 1 to 65535");
  }
  const bare = host.startsWith("[") ? host.slice(1, -1) : host;
  return {
    url,
    secure,
    address: { kind: "tcp", host: bare, port },
    basePath,
    authority: port === usual ? host : `${host}:${port}`,
  } as const;
}

function parseSocket(url: string, path: string, base: string, refuse: Refuse) {
  if (url.toLowerCase().startsWith("https:")) {
    return refuse("TLS over a unix socket is not supported", `write unix:${path}`);
  }
  if (!path.startsWith("/")) {
    return refuse(`${JSON.stringify(path)} is not an absolute path`, "write unix:/run/app.sock");
  }
  if (Buffer.byteLength(path) > maxSocketPath) {
    return refuse(`the socket's path is longer than ${maxSocketPath} bytes`);
  }
  if (base !== "" && !base.startsWith("/")) {
    return refuse(`${JSON.stringify(base)} is not a path`, `write unix:${path}:/${base}`);
  }
  return {
    url,
    secure: false,
    address: { kind: "unix", path },
    basePath: base.replace(/\/+$/, ""),
    authority: "localhost",
  } as const;
}

export function parsePort(digits: string): number | undefined {
  if (!/^\d{1,5}$/.test(digits)) return undefined;
  const port = Number(digits);
  return port <= 65_535 ? port : undefined;
}
