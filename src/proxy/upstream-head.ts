// The head of a request as a backend gets it. What the client sent is not changed, only what is passed on.

import type { Backend, Service } from "../config/snapshot.ts";
import { listHas } from "../http/characters.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { CHUNKED } from "../http/framing.ts";
import { replaceForwarded } from "./forwarded.ts";
import { dropHopByHop } from "./hop-by-hop.ts";

export interface UpstreamHead {
  readonly isUpgrade: boolean;
  /** The complete head for one backend of the service. */
  textFor(backend: Backend): string;
}

class Head implements UpstreamHead {
  readonly isUpgrade: boolean;
  readonly #method: string;
  readonly #target: string;
  /** Host line; "" when it depends on the backend or stands in `#rest`. */
  readonly #hostLine: string;
  readonly #isHostOfBackend: boolean;
  readonly #rest: string;

  constructor(exchange: Exchange, host: Service["host"], withForwarded: boolean) {
    const { request } = exchange;
    const { fields } = request;
    const upgrade = request.isUpgrade ? upgradeOf(fields.joined(Field.UPGRADE)) : "";
    const wantsTrailers =
      fields.times(Field.TE) > 0 && listHas(fields.joined(Field.TE), "trailers");
    this.isUpgrade = upgrade !== "";
    this.#method = request.method;
    this.#target = targetOf(exchange);
    this.#isHostOfBackend = host === "backend" || (host === "keep" && request.host === "");
    const isHostKept = host === "keep" && request.authority === "";
    // What we say about the client stands in the lines that replace its own claims.
    const forwarded = replaceForwarded(exchange, withForwarded);
    dropHopByHop(fields);
    if (!isHostKept || request.host === "") fields.drop(Field.HOST);
    this.#hostLine = isHostKept ? "" : hostLineOf(host, request.host);
    let rest = fields.serialise() + forwarded;
    if (request.bodyLength === CHUNKED) rest += "Transfer-Encoding: chunked\r\n";
    if (this.isUpgrade) rest += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
    // RFC 9110 section 10.1.4: TE is ours to send, and we do pass trailers on.
    else if (wantsTrailers) rest += "Connection: TE\r\nTE: trailers\r\n";
    this.#rest = rest;
  }

  textFor(backend: Backend): string {
    const host = this.#isHostOfBackend ? `Host: ${backend.authority}\r\n` : this.#hostLine;
    const base = this.#target === "*" ? "" : backend.basePath;
    return `${this.#method} ${base}${this.#target} HTTP/1.1\r\n${host}${this.#rest}\r\n`;
  }
}

/** Prepares the head; takes the fields that are not passed on out of the request. Call it once. */
export function upstreamHead(
  exchange: Exchange,
  host: Service["host"],
  withForwarded: boolean,
): UpstreamHead {
  return new Head(exchange, host, withForwarded);
}

function hostLineOf(host: Service["host"], received: string): string {
  if (host === "backend") return "";
  return `Host: ${host === "keep" ? received : host.value}\r\n`;
}

/** The bytes that came, unless a middleware changed the path. */
function targetOf({ path, request }: Exchange): string {
  const kept = path === request.path ? request.rawPath : path;
  return request.hasQuery ? `${kept}?${request.query}` : kept;
}

/**
 * Protocols offered by the client, h2c left out: a backend that took it would speak HTTP/2 through a
 * tunnel in which no route, limit or guard of ours applies.
 */
function upgradeOf(value: string): string {
  return value
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "" && !/^h2c?$/i.test(each))
    .join(", ");
}
