// A warning of a listener that is written at most once in a while, and then says how often it was not: a
// flood of the same trouble must not become a flood of log lines.

/** Every connection can raise one, and the log is written synchronously. */
const pauseMs = 10_000;

export interface WarningOptions {
  readonly listener: string;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

export class Warning {
  readonly #options: WarningOptions;
  readonly #message: string;
  #unwritten = 0;
  #writtenAt = -Infinity;

  constructor(options: WarningOptions, message: string) {
    this.#options = options;
    this.#message = message;
  }

  raise(fields: Readonly<Record<string, string>>): void {
    const now = performance.now();
    if (now - this.#writtenAt < pauseMs) {
      this.#unwritten += 1;
      return;
    }
    const { listener, onProblem } = this.#options;
    const more = this.#unwritten === 0 ? {} : { unwritten: String(this.#unwritten) };
    this.#writtenAt = now;
    this.#unwritten = 0;
    onProblem(this.#message, { listener, ...fields, ...more });
  }
}
