// An exchange that cannot be carried yet: DNS is asked which container is meant, or a disk what is there. What the client
// sends meanwhile is kept, and handed to whoever carries the exchange then.

import { nameLookups } from "../config/limits.ts";
import type { FailureCode } from "../http/errors.ts";
import type { Exchange, RequestSink } from "../http/exchange.ts";
import { Intake } from "../http/intake.ts";
import { fail, unanswered } from "./fail.ts";
import { KeptBody } from "./kept-body.ts";
import type { Plan } from "./plan.ts";

export class Search implements RequestSink {
  readonly #exchange: Exchange<Plan>;
  readonly #kept = new KeptBody();
  /** What is kept has been through it; null = through none. */
  readonly #intake: Intake | null;
  #isRequestEnded = false;
  #trailers = "";
  #isOver = false;

  private constructor(exchange: Exchange<Plan>) {
    this.#exchange = exchange;
    this.#intake = exchange.client instanceof Intake ? exchange.client : null;
  }

  /**
   * @param go carries the exchange on, or answers it
   * @param drop told instead when the exchange is over before
   */
  static begin<T>(
    exchange: Exchange<Plan>,
    finding: Promise<T>,
    go: (found: T) => void,
    drop?: (found: T) => void,
  ): void {
    const search = new Search(exchange);
    exchange.sink = search;
    void finding.then((found) => {
      if (search.#isOver) drop?.(found);
      else search.#end(() => go(found));
    });
  }

  #end(go: () => void): void {
    this.#isOver = true;
    const exchange = this.#exchange;
    exchange.sink = null;
    go();
    this.#kept.forEach((page, length) => this.#next?.onRequestData(page, 0, length));
    this.#kept.clear();
    if (this.#isRequestEnded) this.#next?.onRequestEnd(this.#trailers);
    else if (this.#next !== null) exchange.client.resumeRequest();
    this.#next?.onRequestFlush();
  }

  /** Whoever carries it now; null = it was answered. */
  get #next(): RequestSink | null {
    if (this.#exchange.sink === null) return null;
    return this.#intake === null ? this.#exchange.receiver : this.#intake.receiver;
  }

  onRequestData(buffer: Buffer, start: number, end: number): void {
    this.#kept.add(buffer, start, end);
    if (this.#kept.bytes >= nameLookups.body) this.#exchange.client.pauseRequest();
  }

  onRequestEnd(trailers: string): void {
    this.#isRequestEnded = true;
    this.#trailers = trailers;
  }

  onRequestFlush(): void {}

  onClientDrain(): void {}

  onRequestFailed(code: FailureCode): void {
    this.#isOver = true;
    this.#kept.clear();
    if (!unanswered.has(code)) fail(this.#exchange, code, this.#exchange.plan?.errorPages);
  }
}
