// A warning that is written at most once in a while, and then says how often it was not: a flood of the
// same trouble must not become a flood of log lines.

type Fields = Readonly<Record<string, string>>;

/** Every connection or request can raise one, and the log is written synchronously. */
const pauseMs = 10_000;

export class Warning {
  readonly #message: string;
  readonly #about: Fields;
  readonly #onProblem: (message: string, fields: Fields) => void;
  #unwritten = 0;
  #writtenAt = -Infinity;

  /** @param about fields of every line: which listener, which route */
  constructor(
    message: string,
    about: Fields,
    onProblem: (message: string, fields: Fields) => void,
  ) {
    this.#message = message;
    this.#about = about;
    this.#onProblem = onProblem;
  }

  raise(fields: Fields): void {
    const now = performance.now();
    if (now - this.#writtenAt < pauseMs) {
      this.#unwritten += 1;
      return;
    }
    const more = this.#unwritten === 0 ? {} : { unwritten: String(this.#unwritten) };
    this.#writtenAt = now;
    this.#unwritten = 0;
    this.#onProblem(this.#message, { ...this.#about, ...fields, ...more });
  }
}
