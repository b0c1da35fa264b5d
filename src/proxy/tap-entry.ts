// An exchange as it is shown to whoever watches: copied, cut, and without what lets somebody in.

import { watching } from "../config/traffic-limits.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import type { OpenEntry, TrafficEntry } from "../traffic/entry.ts";
import type { Judged } from "../traffic/filter.ts";
import { noNames, type SecretNames, shownHost, shownTarget } from "../traffic/secrets.ts";
import { isSecure } from "../middlewares/requested-url.ts";

export function entryOf(exchange: Exchange, names: SecretNames): TrafficEntry {
  const { request, backendMs } = exchange;
  const { fields } = request;
  return {
    ...whoOf(exchange, names),
    time: Date.now(),
    id: cut(exchange.requestId),
    failure: exchange.failure ?? "",
    duration: rounded(performance.now() - exchange.startedAt),
    backendTime: backendMs < 0 ? null : rounded(backendMs),
    attempts: exchange.attempts,
    userAgent: fields.times(Field.USER_AGENT) === 0 ? "" : cut(fields.first(Field.USER_AGENT)),
  };
}

export function openEntryOf(
  exchange: Exchange,
  names: SecretNames,
  { id, isTunnel }: { readonly id: string; readonly isTunnel: boolean },
): OpenEntry {
  const since = Math.round(performance.timeOrigin + exchange.startedAt);
  return { id, since, isTunnel, ...whoOf(exchange, names) };
}

/** What filters look at: only what one asks for is made, and one object serves all exchanges. */
export class JudgedExchange implements Judged {
  exchange: Exchange | undefined = undefined;
  names: SecretNames = noNames;

  get #exchange(): Exchange {
    if (this.exchange === undefined) throw new Error("there is no exchange to judge");
    return this.exchange;
  }

  get route(): string {
    return this.#exchange.routeName;
  }

  get status(): number {
    return this.#exchange.status;
  }

  get method(): string {
    return this.#exchange.request.method;
  }

  get host(): string {
    return shownHost(this.#exchange.request.host);
  }

  get target(): string {
    return targetOf(this.#exchange, this.names);
  }

  get client(): string {
    return this.#exchange.clientIp;
  }

  get duration(): number {
    return performance.now() - this.#exchange.startedAt;
  }

  get failure(): string {
    return this.#exchange.failure ?? "";
  }
}

function whoOf(exchange: Exchange, names: SecretNames) {
  const { request, origin } = exchange;
  return {
    listener: origin.listener,
    client: exchange.clientIp,
    method: cut(request.method),
    scheme: isSecure(exchange) ? ("https" as const) : ("http" as const),
    protocol: request.protocol,
    host: cut(shownHost(request.host)),
    target: cut(targetOf(exchange, names)),
    route: exchange.routeName,
    service: exchange.serviceName,
    backend: shownTarget(exchange.backendUrl),
    status: exchange.status,
    requestBytes: exchange.requestBytes,
    bytes: exchange.bodyBytes,
  };
}

/** Of a long one as much as is looked at: ten thousand parameters would take longer than their request. */
function targetOf({ request: { target } }: Exchange, names: SecretNames): string {
  return shownTarget(target.slice(0, 4 * watching.text), names);
}

function cut(text: string): string {
  return text.length <= watching.text ? text : `${text.slice(0, watching.text - 1)}…`;
}

/** Microseconds are more than anybody asks for. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
