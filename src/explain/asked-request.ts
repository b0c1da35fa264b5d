// A question made the request that a client would send, read as the listener reads it. Nobody is connected: what a middleware
// does to the connection goes nowhere and is noted.

import { domainToASCII } from "node:url";
import { explainLimits as limits } from "../config/explain-limits.ts";
import type { Listener, Snapshot } from "../config/snapshot.ts";
import { type FailureCode, failures } from "../http/errors.ts";
import { type ClientSide, Exchange, type ExchangeOrigin } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { RequestHead } from "../http/request-head.ts";
import { normaliseHost, splitHostPort } from "../lib/host.ts";
import { isAddress, NetworkSet, plainAddress } from "../lib/ip.ts";
import { encodePath } from "../lib/path.ts";
import { clientAddress, namedClient } from "../proxy/forwarded.ts";
import type { Question } from "./explanation.ts";

/** Of a documentation network (RFC 5737): nobody's, and in no network that a rule may name by chance. */
export const somebody = "192.0.2.1";

export interface AskedUrl {
  readonly isSecure: boolean;
  /** As the Host field says it. */
  readonly authority: string;
  readonly port: number;
  /** Path and query, as they are sent. */
  readonly target: string;
}

export interface Asked {
  readonly exchange: Exchange;
  /** Normalised. */
  readonly host: string;
  readonly clientWhy: string;
  readonly client: NobodyThere;
}

/** The other end of a connection that there is not. */
class NobodyThere implements ClientSide {
  /** Somebody closed it without an answer. */
  isAborted = false;
  writeInterim(): void {}
  writeHead(): void {}
  writeData(): void {}
  writeText(): void {}
  endAnswer(): void {}
  flush = () => true;
  pauseRequest(): void {}
  resumeRequest(): void {}
  hold(): void {}
  abort(): void {
    this.isAborted = true;
  }
  closeAfterAnswer(): void {}
  endTunnel(): void {}
  finishTunnel(): void {}
  startTunnel(): void {}
}

/** Returns a sentence when it is no URL that a request could be for. */
export function readUrl(url: string): AskedUrl | string {
  if (url.length > limits.url) return `the URL is longer than ${limits.url} characters`;
  const [, scheme = "http", written = "", rest = ""] =
    /^(?:([a-z]+):\/\/)?([^/?#]*)([^#]*)/i.exec(url) ?? [];
  const isSecure = /^(https|wss)$/i.test(scheme);
  if (!isSecure && !/^(http|ws)$/i.test(scheme)) {
    return `${scheme}:// is not spoken; write http:// or https://`;
  }
  const authority = /^[\x21-\x7e]*$/.test(written) ? written : asciiOf(written);
  const named = splitHostPort(authority);
  if (named === undefined) {
    return `${JSON.stringify(written)} is no host; write https://www.example.com/path`;
  }
  const [, path = "", query = ""] = /^([^?]*)(.*)$/s.exec(rest) ?? [];
  const target = encodePath(path === "" ? "/" : path) + encodedQuery(query);
  return { isSecure, authority, port: named.port ?? (isSecure ? 443 : 80), target };
}

/** As browsers send it. */
function encodedQuery(query: string): string {
  return query.replace(/[^\x21-\x7e]+|["<>]/g, (text) => encodeURIComponent(text.toWellFormed()));
}

/** A name in another script, with its port. */
function asciiOf(authority: string): string {
  const [, name = "", port = ""] = /^(.*?)(:\d*)?$/.exec(authority) ?? [];
  return domainToASCII(name) + port;
}

/** Returns a sentence when a client cannot send that, or no listener would take it. */
export function askedRequest(
  question: Question,
  { authority, target, isSecure, port }: AskedUrl,
  { snapshot, listener }: { readonly snapshot: Snapshot; readonly listener: Listener | undefined },
): Asked | string {
  const from = question.from ?? somebody;
  if (!isAddress(from)) return `${JSON.stringify(from)} is no IP address`;
  const lines = fieldLines(question);
  if (typeof lines === "string") return lines;
  const hosts = lines.some(([name]) => name.toLowerCase() === "host") ? [] : [["Host", authority]];
  const fields = [...hosts, ...lines].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const written = `${question.method} ${target} HTTP/1.1\r\n${fields}\r\n`;
  const text = Buffer.from(written).latin1Slice();
  const request = new RequestHead();
  const { bareLf } = snapshot.compat;
  const fault = request.read(text, 0, text.length, { ...snapshot.limits, bareLf });
  if (fault !== undefined) return refusedBy(fault);
  const host = request.host === "" ? "" : normaliseHost(request.host);
  if (host === undefined) return refusedBy("BAD_HOST");
  const peerIp = plainAddress(from);
  const trusted = NetworkSet.of(listener?.trustedProxies ?? []);
  const origin: ExchangeOrigin = {
    listener: listener?.name ?? "",
    ...{ peerIp, isSecure: isSecure && listener?.tls !== undefined, localPort: port },
    tls: isSecure
      ? { clientCertificate: "", isMisdirected: () => false, isUncovered: () => false }
      : undefined,
    ...{ version: snapshot.version, isPeerTrusted: trusted.has(peerIp), forwardedLines: "" },
  };
  const client = new NobodyThere();
  const exchange = new Exchange(client, request, origin);
  const clientWhy = believe(exchange, listener, trusted, question.from === null);
  return { exchange, host, clientWhy, client };
}

type FieldLine = readonly [name: string, value: string];

function fieldLines({ method, headers }: Question): readonly FieldLine[] | string {
  if (!/^[\x21-\x7e]{1,32}$/.test(method)) return `${JSON.stringify(method)} is no method`;
  if (headers.length > limits.headers) return `there are more than ${limits.headers} headers`;
  let bytes = 0;
  for (const [name, value] of headers) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    if (/[\r\n\0]/.test(name + value))
      return `the header ${JSON.stringify(name)} holds a line break`;
  }
  return bytes > limits.headerBytes
    ? `the headers have more than ${limits.headerBytes} bytes`
    : headers;
}

function refusedBy(code: FailureCode): string {
  const { status, text } = failures[code];
  return `${code}, answered with ${status}: ${text}`;
}

/** As the proxy finds out who asks. */
function believe(
  exchange: Exchange,
  listener: Listener | undefined,
  trusted: NetworkSet,
  isAssumed: boolean,
): string {
  const { request, origin } = exchange;
  const { clientHeader } = listener ?? {};
  if (!origin.isPeerTrusted) {
    const plain = clientHeader?.replaceAll("_", "-");
    if (plain !== undefined)
      request.fields.dropWhere((name) => name.replaceAll("_", "-") === plain);
    return isAssumed ? "assumed: somebody on the internet" : "it connects itself";
  }
  const proxy = `${origin.peerIp} is a trusted proxy`;
  if (clientHeader !== undefined) {
    exchange.clientIp = namedClient(request.fields, clientHeader, origin.peerIp);
    return `${proxy}, and names the client in ${clientHeader}`;
  }
  if (request.fields.times(Field.X_FORWARDED_FOR) === 0) return `${proxy} that names no client`;
  exchange.clientIp = clientAddress(request.fields, origin.peerIp, trusted);
  return `${proxy}, and names the client in X-Forwarded-For`;
}
