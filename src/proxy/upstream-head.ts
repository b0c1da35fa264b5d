// The head of a request as a backend gets it. What the client sent is not changed, only what is passed on.

import type { Backend, BackendService } from "../config/service.ts";
import { listHas } from "../http/characters.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { CHUNKED } from "../http/framing.ts";
import { replaceForwarded } from "./forwarded.ts";
import { dropHopByHop } from "./hop-by-hop.ts";

export interface UpstreamHead {
  readonly isUpgrade: boolean;
  /** Protocols that the client would go over to, in lower case; "" = none. */
  readonly upgrade: string;
  /** Lines that say who asks, which are among the others. */
  readonly forwarded: string;
  /** The complete head for one backend. */
  textFor(backend: Backend, host: HostChoice): string;
}

type HostChoice = BackendService["host"];

class Head implements UpstreamHead {
  readonly isUpgrade: boolean;
  readonly upgrade: string;
  readonly forwarded: string;
  readonly #method: string;
  readonly #target: string;
  /** The client's Host; "" = it sent none. */
  readonly #host: string;
  /** The client's Host line stands where it stood, among the others. */
  readonly #isHostInPlace: boolean;
  readonly #rest: string;

  constructor(exchange: Exchange, isHostKept: boolean, withForwarded: boolean, mount: string) {
    const { request } = exchange;
    const { fields } = request;
    const upgrade = request.isUpgrade ? upgradeOf(fields.joined(Field.UPGRADE)) : "";
    const isAsked = fields.times(Field.TE) > 0 && listHas(fields.joined(Field.TE), "trailers");
    const wantsTrailers = isAsked || exchange.call !== null;
    this.isUpgrade = upgrade !== "";
    this.upgrade = upgrade.toLowerCase();
    this.#method = request.method;
    this.#target = targetOf(exchange);
    this.#host = request.host;
    this.#isHostInPlace = isHostKept && request.authority === "" && request.host !== "";
    // What we say about the client stands in the lines that replace its own claims.
    const forwarded = replaceForwarded(exchange, withForwarded, mount);
    this.forwarded = forwarded;
    dropHopByHop(fields);
    if (!this.#isHostInPlace) fields.drop(Field.HOST);
    let rest = fields.serialise() + forwarded;
    if (request.bodyLength === CHUNKED) rest += "Transfer-Encoding: chunked\r\n";
    if (this.isUpgrade) rest += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
    // RFC 9110 section 10.1.4: TE is ours to send, and we do pass trailers on.
    else if (wantsTrailers) rest += "Connection: TE\r\nTE: trailers\r\n";
    this.#rest = rest;
  }

  textFor(backend: Backend, host: HostChoice): string {
    const line = this.#isHostInPlace ? "" : `Host: ${this.#hostFor(backend, host)}\r\n`;
    const base = this.#target === "*" ? "" : backend.basePath;
    return `${this.#method} ${base}${this.#target} HTTP/1.1\r\n${line}${this.#rest}\r\n`;
  }

  #hostFor(backend: Backend, host: HostChoice): string {
    if (host === "backend" || (host === "keep" && this.#host === "")) return backend.authority;
    return host === "keep" ? this.#host : host.value;
  }
}

/**
 * Prepares the head; takes the fields that are not passed on out of the request. Call it once.
 * @param isHostKept every backend it may be for gets the client's Host
 * @param mount what backends are told as X-Forwarded-Prefix; "" = nothing
 */
export function upstreamHead(
  exchange: Exchange,
  isHostKept: boolean,
  withForwarded: boolean,
  mount: string = "",
): UpstreamHead {
  return new Head(exchange, isHostKept, withForwarded, mount);
}

/** The bytes that came, unless a middleware changed the path. */
export function pathAsSent({ path, request }: Pick<Exchange, "path" | "request">): string {
  return path === request.path ? request.rawPath : path;
}

function targetOf(exchange: Exchange): string {
  const { request } = exchange;
  const path = pathAsSent(exchange);
  return request.hasQuery ? `${path}?${request.query}` : path;
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
