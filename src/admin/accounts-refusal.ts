// Why something about users or tokens was not done: a sentence for whoever asked, and what kind of mistake it is.

export class AccountRefusal extends Error {
  readonly kind: "invalid" | "missing" | "conflict";

  constructor(kind: "invalid" | "missing" | "conflict", message: string) {
    super(message);
    this.kind = kind;
  }
}
