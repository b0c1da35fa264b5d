// Sends spans to a collector, many at once. No exchange waits for it. What it does not take now is sent again while there is
// room; what there is no room for is dropped, counted and told.

import type { TracingSettings } from "../config/tracing-settings.ts";
import { tracingLimits as limits } from "../config/tracing-limits.ts";
import { Backoff } from "../lib/backoff.ts";
import { programVersion } from "../lib/version.ts";
import { Warning } from "../lib/warning.ts";
import { type WebAnswer, webAnswer } from "../lib/web-call.ts";
import { otlpBody } from "./otlp.ts";
import type { Span } from "./span.ts";

/** Statuses after which the same may be sent again (OTLP over HTTP, "Retryable Response Codes"). */
const momentary: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export class SpanSender {
  readonly #settings: TracingSettings;
  readonly #warning: Warning;
  /** Of a collector that fails. */
  #backoff = new Backoff(limits.pause);
  readonly #stopping = new AbortController();
  #waiting: Span[] = [];
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #isClosing = false;
  /** `performance.now()` until which the collector is left alone. */
  #restUntil = 0;

  constructor(
    settings: TracingSettings,
    onProblem: (message: string, fields: Readonly<Record<string, string>>) => void,
  ) {
    this.#settings = settings;
    this.#warning = new Warning("traces cannot be sent", {}, onProblem);
  }

  /** All of one exchange. */
  add(spans: readonly Span[]): void {
    if (this.#waiting.length + spans.length > limits.waiting) {
      this.#drop(spans.length, "more of them came than the collector takes");
      return;
    }
    this.#waiting.push(...spans);
    if (this.#waiting.length >= limits.batch) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), limits.delay).unref();
  }

  #drop(count: number, cause: string): void {
    this.#dropped += count;
    this.#warning.raise({ cause, spans: String(this.#dropped) });
  }

  #send(): void {
    if (this.#sending !== undefined || this.#isClosing) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0 || this.#stopping.signal.aborted) return;
    const rest = this.#restUntil - performance.now();
    if (rest > 0) {
      this.#timer = setTimeout(() => this.#send(), rest).unref();
      return;
    }
    const batch = this.#waiting.slice(0, limits.batch);
    this.#waiting = this.#waiting.slice(limits.batch);
    this.#sending = this.#post(batch).finally(() => {
      this.#sending = undefined;
      if (this.#isClosing) return;
      if (this.#waiting.length >= limits.batch) this.#send();
      else if (this.#waiting.length > 0)
        this.#timer ??= setTimeout(() => this.#send(), limits.delay).unref();
    });
  }

  async #post(batch: readonly Span[]): Promise<void> {
    let cause: string;
    try {
      const answer = await this.#answer(batch);
      if (answer.status < 300) {
        this.#backoff = new Backoff(limits.pause);
        return;
      }
      cause = `the collector answered ${answer.status}`;
      if (!momentary.has(answer.status)) {
        this.#drop(batch.length, cause);
        return;
      }
      this.#rest(Number(answer.headers["retry-after"]));
    } catch (error) {
      cause = error instanceof Error ? error.message : String(error);
      this.#rest(0);
    }
    const room = Math.max(0, limits.waiting - this.#waiting.length);
    this.#waiting = [...batch.slice(0, room), ...this.#waiting];
    if (batch.length > room) this.#drop(batch.length - room, cause);
    else this.#warning.raise({ cause, spans: String(this.#dropped) });
  }

  #answer(batch: readonly Span[]): Promise<WebAnswer> {
    const { url, headers, ca, service } = this.#settings;
    return webAnswer(
      {
        url: new URL(url),
        method: "POST",
        headers: { "User-Agent": "Tidegate", ...headers, "Content-Type": "application/json" },
        body: otlpBody(batch, service, programVersion()),
        tls: ca === undefined ? undefined : { ca, certificate: undefined, key: undefined },
        who: `the collector at ${new URL(url).origin}`,
        place: "tracing",
        signal: this.#stopping.signal,
        timeout: limits.timeout,
      },
      limits.answer,
    );
  }

  /** Who does not answer, or says that it has too much to do, gets time. @param asked seconds that it wants */
  #rest(asked: number): void {
    const wanted = Number.isFinite(asked) ? Math.min(asked * 1000, limits.pause.longest) : 0;
    this.#restUntil = performance.now() + Math.max(wanted, this.#backoff.next(0));
  }

  /** Sends what is left, within a limit. Who does not take a part of it is not asked to take the rest. */
  async close(): Promise<void> {
    const { signal } = this.#stopping;
    this.#isClosing = true;
    const late = setTimeout(() => this.#stopping.abort(), limits.lastWords);
    await this.#sending;
    clearTimeout(this.#timer);
    for (let isTaken = true; isTaken && this.#waiting.length > 0 && !signal.aborted;) {
      const before = this.#waiting.length;
      await this.#post(this.#waiting.splice(0, limits.batch));
      isTaken = this.#waiting.length < before;
    }
    this.#waiting = [];
    clearTimeout(late);
    this.#stopping.abort();
  }
}
