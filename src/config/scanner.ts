// What the little languages of the configuration (rules, expressions of circuit breakers) are read with: a
// place in a text, the next token, and faults that say where they are.

/** Never leaves the reader of a language, who turns it into an outcome. */
export class SyntaxFault extends Error {
  /** Counts characters from 0. */
  readonly at: number;

  constructor(at: number, why: string) {
    super(why);
    this.at = at;
  }
}

export class Scanner {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Goes on behind this token, and the space around it. False: something else is here. */
  take(token: string): boolean {
    this.skipSpace();
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    this.skipSpace();
    return true;
  }

  skipSpace(): void {
    while (/\s/.test(this.text.charAt(this.at))) this.at += 1;
  }

  /** What is here, for messages. */
  here(): string {
    const rest = this.text.slice(this.at, this.at + 12);
    return rest === "" ? "the end" : JSON.stringify(rest);
  }

  fail(why: string): never {
    throw new SyntaxFault(this.at, why);
  }
}
