// An exchange as the access log reads it. A format only pays for what it shows. One object serves all
// lines of a process, since a line is made at once. Hot: bench/access-log.ts

import type { Exchange } from "../http/exchange.ts";
import { Field, type FieldId } from "../http/fields.ts";
import type { LogEntry } from "./access-log.ts";

export class LoggedExchange implements LogEntry {
  exchange: Exchange | undefined = undefined;

  get #exchange(): Exchange {
    if (this.exchange === undefined) throw new Error("no exchange to log");
    return this.exchange;
  }

  get remoteAddress(): string {
    return this.#exchange.clientIp;
  }

  get authorization(): string | undefined {
    return this.#field(Field.AUTHORIZATION);
  }

  get user(): string {
    return this.#exchange.user;
  }

  get requestId(): string {
    return this.#exchange.requestId;
  }

  get traceId(): string {
    return this.#exchange.traceId;
  }

  get timeMs(): number {
    return Date.now();
  }

  get requestLine(): string {
    return this.#exchange.request.line;
  }

  get method(): string {
    return this.#exchange.request.method;
  }

  get target(): string {
    return this.#exchange.request.target;
  }

  get version(): string {
    return this.#exchange.request.protocol;
  }

  get host(): string {
    return this.#exchange.request.host;
  }

  get referer(): string | undefined {
    return this.#field(Field.REFERER);
  }

  get userAgent(): string | undefined {
    return this.#field(Field.USER_AGENT);
  }

  get requestBytes(): number {
    return this.#exchange.request.bytes + this.#exchange.requestBytes;
  }

  get status(): number {
    return this.#exchange.status;
  }

  get bodyBytes(): number {
    return this.#exchange.bodyBytes;
  }

  get durationMs(): number {
    return performance.now() - this.#exchange.startedAt;
  }

  get backendMs(): number | undefined {
    const { backendMs } = this.#exchange;
    return backendMs < 0 ? undefined : backendMs;
  }

  get attempts(): number {
    return this.#exchange.attempts;
  }

  get routeName(): string {
    return this.#exchange.routeName;
  }

  get serviceName(): string {
    return this.#exchange.serviceName;
  }

  get site(): string {
    return this.#exchange.site;
  }

  get backendUrl(): string {
    return this.#exchange.backendUrl;
  }

  get grpcStatus(): number {
    return this.#exchange.grpcStatus;
  }

  get failure(): string {
    return this.#exchange.failure ?? "";
  }

  #field(id: FieldId): string | undefined {
    const { fields } = this.#exchange.request;
    return fields.times(id) === 0 ? undefined : fields.first(id);
  }
}
