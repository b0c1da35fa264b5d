// What comes back for a check by request: the status has to be one of those wanted, and the body has to contain the text wanted.

import type { ProbeSettings } from "../config/service.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import type { ResponseHead } from "../http/response-head.ts";
import { quote } from "../lib/quote.ts";
import type { ResponseSink } from "../upstream/backend-connection.ts";
import { type Attempt, maxAnswerBytes } from "./attempt.ts";

type HttpSettings = Extract<ProbeSettings, { kind: "http" }>;

export class CheckedAnswer implements ResponseSink {
  readonly #attempt: Attempt;
  readonly #settings: HttpSettings;
  readonly #wanted: Buffer;
  #status = 0;
  readonly #body: Buffer;
  #length = 0;

  constructor(attempt: Attempt, settings: HttpSettings) {
    this.#attempt = attempt;
    this.#settings = settings;
    this.#wanted = Buffer.from(settings.body ?? "");
    this.#body = Buffer.allocUnsafe(settings.body === undefined ? 0 : maxAnswerBytes);
  }

  onResponseHead({ status }: ResponseHead): void {
    this.#status = status;
    const { statuses, body } = this.#settings;
    if (!statuses.some(([from, to]) => status >= from && status <= to)) {
      return this.#attempt.bad(`answered ${status}`);
    }
    if (body === undefined) return this.#attempt.good(`${status}`);
    this.#attempt.waitsFor = "end of the answer";
  }

  onResponseData(buffer: Buffer, start: number, end: number): void {
    // From where a part of it could stand: not all again for each byte.
    const from = Math.max(0, this.#length - this.#wanted.length);
    const stop = Math.min(end, start + maxAnswerBytes - this.#length);
    this.#length += buffer.copy(this.#body, this.#length, start, stop);
    if (this.#body.subarray(0, this.#length).indexOf(this.#wanted, from) !== -1) {
      this.#attempt.good(`${this.#status}`);
    } else if (this.#length === maxAnswerBytes) {
      this.#lacks("the first 64 KiB of its body");
    }
  }

  onResponseEnd(): void {
    this.#lacks("its body");
  }

  onResponseFailed(code: FailureCode, cause = ""): void {
    const text = cause === "" ? factsOf(code).text : cause;
    this.#attempt.bad(`did not answer as it should: ${quote(text)}`);
  }

  #lacks(where: string): void {
    const missing = JSON.stringify(quote(this.#settings.body ?? ""));
    this.#attempt.bad(`answered ${this.#status} without ${missing} in ${where}`);
  }

  onInterim(): void {}
  onResponseFlush(): void {}
  onUpstreamDrain(): void {}
  onErrorText(): void {}
  onBackendData(): void {}
  onBackendEnd(): void {}
  onBackendClosed(): void {}
}
