// `reverse_proxy` of a Caddyfile as a service. Its options are read as in labels of Caddy.

import type { Directive } from "../../providers/labels/caddy-tree.ts";
import { readProxy } from "../../providers/labels/caddy-proxy.ts";
import type { Note } from "../../config/finding.ts";
import { absolute } from "./files.ts";
import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";

interface Proxy {
  /** What a route says as `service`. */
  readonly service: unknown;
  /** Middlewares for what the backends are asked. */
  readonly lists: readonly Settings[];
}

/** undefined = it leads nowhere that is understood. */
export function proxyOf(
  directive: Directive,
  upstreams: readonly string[],
  outline: Outline,
): Proxy | undefined {
  const { below, label } = directive;
  const to = below.filter(({ name }) => name === "to").flatMap(({ args }) => args);
  const notes: Note[] = [];
  const options = below
    .filter(({ name, args }) => name !== "to" && !isOfAddresses(name, args))
    .map((each) => (each.name === "transport" ? withoutFiles(each) : each));
  const read = readProxy({ ...directive, below: options }, ["{{upstreams}}"], notes);
  for (const { about, message, remedy } of notes) {
    const isOfLabels = remedy === undefined || /label|upstreams/.test(remedy);
    outline.note(`${about}: ${message}${isOfLabels ? "" : `; ${remedy}`}`);
  }
  const written = [...upstreams, ...to];
  const backends = written.flatMap((each) => {
    const scheme = read?.scheme;
    const urls = urlsOf(each, scheme === "https" || scheme === "h2c" ? scheme : "http");
    if (urls.length === 0) {
      outline.note(`${label}: ${shown(each)} is no address that is understood, and is left out`);
    }
    return urls;
  });
  if (backends.length === 0 || read === undefined) return undefined;
  const usual = backends.length > 1 ? { balance: "random" } : {};
  const settings = { ...read.settings, ...tlsOf(below, read.settings["tls"], outline) };
  const said = Object.keys(settings).length;
  const isPlain = said === 0 && backends.length === 1;
  const service = isPlain ? backends[0] : { backends, ...usual, ...settings };
  return { service, lists: read.lists };
}

const files = new Set(["tls_trust_pool", "tls_trusted_ca_certs", "tls_client_auth"]);

function withoutFiles(transport: Directive): Directive {
  return { ...transport, below: transport.below.filter(({ name }) => !files.has(name)) };
}

/** What labels may not name: files. `before` is what they may. */
function tlsOf(below: readonly Directive[], before: unknown, outline: Outline): Settings {
  const tls = new Map<string, unknown>(
    typeof before === "object" && before !== null ? Object.entries(before) : [],
  );
  const options = below.filter(({ name }) => name === "transport").flatMap((each) => each.below);
  for (const { name, args, label } of options.filter((each) => files.has(each.name))) {
    const paths = name === "tls_trust_pool" && args[0] === "file" ? args.slice(1) : args;
    const [first, second] = paths.map((path) => absolute(path, label));
    const isOdd = name === "tls_trust_pool" && args[0] !== "file";
    if (name === "tls_client_auth" && first !== undefined && second !== undefined) {
      tls.set("cert", first).set("key", second);
    } else if (name !== "tls_client_auth" && !isOdd && paths.length === 1) tls.set("ca", first);
    else outline.note(`${label}: ${name}: is not carried over; see tls of a service`);
  }
  return tls.size === 0 ? {} : { tls: Object.fromEntries(tls) };
}

/** What is so here anyway. */
function isOfAddresses(name: string, args: readonly string[]): boolean {
  const isHost = name === "header_up" && /^host$/i.test(args[0] ?? "");
  const keepsHost = isHost && /^\{(http\.request\.)?host(port)?\}$/.test(args[1] ?? "");
  return keepsHost || name === "stream_close_delay" || name === "stream_timeout";
}

function urlsOf(text: string, usual: "http" | "https" | "h2c"): string[] {
  const [, network = "", socket] = /^(unix(?:\+h2c)?)\/+(\/.+|[^/].*)$/.exec(text) ?? [];
  if (socket !== undefined) {
    const isTwo = usual === "h2c" || network !== "unix";
    return [`${isTwo ? "h2c://" : ""}unix:${socket.startsWith("/") ? socket : `/${socket}`}`];
  }
  const [, scheme, host = "", first, last] =
    /^(?:(https?|h2c):\/\/)?(\[[0-9a-f:.]+\]|[\w.-]*)(?::(\d{1,5})(?:-(\d{1,5}))?)?\/?$/i.exec(
      text,
    ) ?? [];
  if (host === "" && first === undefined) return [];
  const kind = scheme?.toLowerCase() ?? usual;
  const at = host === "" ? "127.0.0.1" : host;
  if (first === undefined) return [`${kind}://${at}`];
  const from = Number(first);
  // A range of ports is a handful of copies of a program.
  const to = Math.min(Number(last ?? first), from + 1000);
  return Array.from(
    { length: Math.max(to - from + 1, 1) },
    (_, index) => `${kind}://${at}:${from + index}`,
  );
}
