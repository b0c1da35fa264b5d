// The heads of some of the latest requests, for whoever wants to know what a change of routes would do to them. So few
// are noted per second that the others do not pay for it. Hot: bench/tap.ts

import { samples as limits } from "../config/traffic-limits.ts";
import type { Exchange } from "../http/exchange.ts";
import { normaliseHost } from "../lib/host.ts";
import { isSecure } from "../middlewares/requested-url.ts";
import type { Sample } from "../traffic/sample.ts";
import { isSecretField, type SecretNames } from "../traffic/secrets.ts";

export class Samples {
  /** Texts: what was cut out of a received head would keep all of that alive. */
  readonly #texts: string[] = [];
  #next = 0;
  #left: number = limits.perSecond;

  offer(exchange: Exchange, names: SecretNames): void {
    if (this.#left <= 0 || exchange.request.path === "" || exchange.isFromPeer) return;
    this.#left--;
    const text = JSON.stringify(sampleOf(exchange, names));
    if (text.length > limits.bytes) return;
    this.#texts[this.#next] = text;
    this.#next = (this.#next + 1) % limits.heads;
  }

  /** Once a second. */
  refill(): void {
    this.#left = limits.perSecond;
  }

  get all(): readonly string[] {
    return this.#texts;
  }
}

function sampleOf(exchange: Exchange, names: SecretNames): Sample {
  const { request } = exchange;
  const { fields } = request;
  const lines = Array.from({ length: fields.count }, (_, at): [string, string] => {
    const name = fields.nameAt(at).toLowerCase();
    return [name, isSecretField(name, names) ? "" : fields.valueAt(at)];
  });
  return {
    method: request.method,
    scheme: isSecure(exchange) ? "https" : "http",
    host: request.host === "" ? "" : (normaliseHost(request.host) ?? ""),
    path: request.path,
    query: request.query,
    fields: lines,
    clientIp: exchange.clientIp,
    listener: exchange.origin.listener,
    route: exchange.routeName,
    service: exchange.serviceName,
  };
}
