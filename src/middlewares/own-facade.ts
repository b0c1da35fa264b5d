// The request and the answer as a middleware of somebody's own sees them, until they are over.

import type { AnswerHead } from "../http/answer-review.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Fields } from "../http/fields.ts";
import type { Answer as OwnAnswer, Headers, Outcome, Request, Response } from "../own/contract.ts";
import type { Answer } from "./middleware.ts";
import { checkField, checkQuery, normalPath } from "./own-checks.ts";
import { isSecure } from "./requested-url.ts";

/** @throws when there is nothing left to look at: heads are used again, and the next one is another client's. */
type Guard = () => void;

class OwnHeaders implements Headers {
  readonly #kept: Fields;
  readonly #guard: Guard;
  readonly #isRequest: boolean;

  constructor(fields: Fields, guard: Guard, isRequest: boolean) {
    this.#kept = fields;
    this.#guard = guard;
    this.#isRequest = isRequest;
  }

  get #fields(): Fields {
    this.#guard();
    return this.#kept;
  }

  #drop(name: string): void {
    const lower = name.toLowerCase();
    // Some backends cannot tell `X_User`, which a client may send, from the `X-User` that is written here.
    if (this.#isRequest) this.#fields.dropSpelled(lower);
    else this.#fields.dropNamed(lower);
  }

  get(name: string): string | undefined {
    return this.#fields.passedOn(name.toLowerCase());
  }

  set(name: string, text: string): void {
    checkField(name, text);
    this.#drop(name);
    this.#fields.add(name, text);
  }

  add(name: string, text: string): void {
    checkField(name, text);
    this.#fields.add(name, text);
  }

  remove(name: string): void {
    checkField(name, "");
    this.#drop(name);
  }

  entries(): readonly (readonly [string, string])[] {
    const lines = this.#fields.serialise().split("\r\n");
    return lines.flatMap((line) => {
      const colon = line.indexOf(":");
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()] as const];
    });
  }
}

export class OwnRequest implements Request {
  readonly headers: Headers;
  readonly state: Record<string, unknown> = {};
  /** It is told of the end just now. */
  mayBeOver = false;
  readonly #kept: Exchange;
  #isEnded = false;

  constructor(exchange: Exchange) {
    this.#kept = exchange;
    this.headers = new OwnHeaders(exchange.request.fields, () => this.#guard(), true);
  }

  /** Whoever still holds it can do nothing with it any more. */
  end(): void {
    this.#isEnded = true;
  }

  #guard(): void {
    if (!this.#isEnded && (this.mayBeOver || !this.#kept.isDone)) return;
    throw new Error("the request is over: keep what you need of it, not the request");
  }

  get #exchange(): Exchange {
    this.#guard();
    return this.#kept;
  }

  get method(): string {
    return this.#exchange.method;
  }

  get scheme(): "http" | "https" {
    return isSecure(this.#exchange) ? "https" : "http";
  }

  get host(): string {
    return this.#exchange.request.host;
  }

  get clientIp(): string {
    return this.#exchange.clientIp;
  }

  get user(): string {
    return this.#exchange.user;
  }

  get route(): string {
    return this.#exchange.routeName;
  }

  get path(): string {
    return this.#exchange.path;
  }

  set path(path: string) {
    this.#exchange.path = normalPath(path);
  }

  get query(): string {
    return this.#exchange.query;
  }

  set query(query: string) {
    checkQuery(query);
    const { request } = this.#exchange;
    request.query = query;
    request.hasQuery = query !== "";
  }
}

export class OwnResponse implements Response {
  readonly headers: Headers;
  readonly #kept: AnswerHead;
  #isEnded = false;

  constructor(answer: AnswerHead) {
    this.#kept = answer;
    this.headers = new OwnHeaders(answer.fields, () => this.#guard(), false);
  }

  /** As that of a request. */
  end(): void {
    this.#isEnded = true;
  }

  #guard(): void {
    if (this.#isEnded) throw new Error("the head of the answer is written: nothing changes it now");
  }

  get #answer(): AnswerHead {
    this.#guard();
    return this.#kept;
  }

  get status(): number {
    return this.#answer.status;
  }

  set status(status: number) {
    // Those without a body are framed otherwise (RFC 9112 section 6.3).
    const isBare = (each: number) => each < 200 || each === 204 || each === 304;
    if (!Number.isInteger(status) || status > 599 || isBare(status) || isBare(this.status)) {
      throw new TypeError(`the status ${this.status} cannot become ${status}`);
    }
    this.#answer.status = status;
  }

  get isOurs(): boolean {
    return this.#answer.isOurs;
  }
}

export function outcomeOf({ status, bodyBytes, startedAt, failure }: Exchange): Outcome {
  return { status, bytes: bodyBytes, ms: performance.now() - startedAt, failure };
}

/** @throws for what cannot be sent */
export function answerOf({ status, headers = {}, body = "" }: OwnAnswer): Answer {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(`${status} is not a status to answer with`);
  }
  const fields = Object.entries(headers).flatMap(([name, said]) => {
    const values = typeof said === "string" ? [said] : said;
    for (const each of values) checkField(name, each);
    return values.map((each) => [name, each] as const);
  });
  // Answers are written as single bytes.
  const bytes = typeof body === "string" ? Buffer.from(body) : Buffer.from(body);
  return { status, fields, body: bytes.latin1Slice() };
}
