// One certificate from the order to the moment when it can be fetched (RFC 8555 section 7.4). Each step begins with
// what the authority says of the state, so a program that was killed between two of them goes on with `resume`.

import { acmeClientLimits as limits } from "../config/acme-limits.ts";
import type { Account } from "./account.ts";
import { AcmeError, rejected } from "./acme-error.ts";
import type { Directory } from "./directory.ts";
import {
  fetchCertificate,
  type CertificateWishes,
  type IssuedCertificate,
} from "./issued-certificate.ts";
import { type Authorization, type Challenge, identifierOf, list, type Order } from "./order.ts";
import { readAuthorization, readOrder, wantedName } from "./order.ts";
import { eachOf, poll } from "./poll.ts";
import type { Problem } from "./problem.ts";
import type { Answer, Wire } from "./wire.ts";

export interface OrderWishes {
  /** Asked for where the authority has profiles at all. */
  readonly profile?: string | undefined;
  /** The certificate that it takes the place of: its `ariId`. */
  readonly replaces?: string | undefined;
  /** Given the address of the order, and awaited. */
  keep?(url: string): Promise<void>;
}

export class Orders {
  readonly who: string;
  readonly #wire: Wire;
  readonly #account: Account;

  constructor(wire: Wire, account: Account) {
    this.who = wire.who;
    this.#wire = wire;
    this.#account = account;
  }

  async place(names: readonly string[], wishes: OrderWishes, signal: AbortSignal): Promise<Order> {
    const identifiers = names.map(identifierOf);
    if (names.length === 0 || names.length > limits.names) {
      throw new TypeError(`a certificate has 1 to ${limits.names} names`);
    }
    const profile = this.#profileOf(await this.#wire.directory(signal), wishes.profile);
    const { replaces } = wishes;
    const ask = (more: object) => {
      const payload = JSON.stringify({ identifiers, ...(profile && { profile }), ...more });
      return this.#account.post({ service: "newOrder" }, payload, signal);
    };
    let answer: Answer;
    try {
      answer = await ask(replaces === undefined ? {} : { replaces });
    } catch (error) {
      // Somebody has ordered in its place already: then it is one certificate more, no replacement.
      const isTaken =
        error instanceof AcmeError && (error.type === "alreadyReplaced" || error.status === 409);
      if (!isTaken || replaces === undefined) throw withNames(error, names);
      answer = await ask({}).catch((other: unknown) => {
        throw withNames(other, names);
      });
    }
    if (answer.location === undefined) throw this.#wire.lie("it names no address of our order");
    await wishes.keep?.(answer.location);
    const wanted = identifiers.map(({ value }) => value);
    return this.#orderIn(answer, answer.location, wanted);
  }

  /** An order that was begun before. Rejects with kind `order` when it is of no use any more. */
  async resume(url: string, names: readonly string[], signal: AbortSignal): Promise<Order> {
    const wanted = names.map((each) => identifierOf(each).value);
    // It was on disk meanwhile.
    if (!URL.canParse(url)) throw new AcmeError("order", "what was kept of an order is no address");
    let order: Order;
    try {
      order = await this.#order(url, wanted, signal);
    } catch (error) {
      if (!(error instanceof AcmeError)) throw error;
      // Gone, or of an account that is gone.
      const isGone = [401, 403, 404, 410].includes(error.status);
      throw isGone ? new AcmeError("order", error.message, { cause: error }) : error;
    }
    const isOver = order.status !== "valid" && (order.expires ?? Infinity) < Date.now();
    if (isOver) throw this.#useless(`the order of ${list(names)} has run out`);
    this.#assertUsable(order);
    return order;
  }

  /** What is to be proven, or is already, for each name. */
  async authorizations(order: Order, signal: AbortSignal): Promise<readonly Authorization[]> {
    const found = await eachOf(order.authorizations, async (url) => {
      const { authorization } = await this.#authorization(url, signal);
      const wanted = wantedName(authorization);
      if (order.names.includes(wanted)) return authorization;
      throw this.#wire.lie(`it wants proof for ${wanted}, which is not in the order`);
    });
    this.#assertNoFailures(found);
    return found;
  }

  /** The answer to the challenge is in its place, wherever the authority may ask. */
  async ready({ url }: Challenge, signal: AbortSignal): Promise<void> {
    await this.#account.post({ url }, "{}", signal);
  }

  /** Until the authority has seen the proofs. Rejects with kind `rejected` and all failures when it did not. */
  async proven(authorizations: readonly Authorization[], signal: AbortSignal): Promise<void> {
    const pending = authorizations.filter(({ status }) => status !== "valid");
    const seen = await eachOf(pending, ({ url, name }) =>
      poll(
        async () => {
          const { authorization, wait } = await this.#authorization(url, signal);
          const isDone = authorization.status !== "pending";
          return { value: authorization, isDone, wait };
        },
        { what: `${this.who} has not looked at ${name}`, signal },
      ),
    );
    this.#assertNoFailures(seen);
  }

  /** Everything is proven: wants the certificate of this request (DER). @returns the order, `valid` */
  async finalize(order: Order, request: Buffer, signal: AbortSignal): Promise<Order> {
    const until = (isDone: (order: Order) => boolean) => this.#until(order, isDone, signal);
    const ready = await until(({ status }) => status !== "pending");
    if (ready.status === "ready") {
      try {
        const payload = JSON.stringify({ csr: request.toString("base64url") });
        const answer = await this.#account.post({ url: ready.finalize }, payload, signal);
        const next = this.#orderIn(answer, order.url, order.names);
        this.#assertUsable(next);
        if (next.status === "valid") return next;
      } catch (error) {
        // It has the request already: its answer got lost.
        if (!(error instanceof AcmeError) || error.type !== "orderNotReady") throw error;
      }
    }
    return until(({ status }) => status === "valid");
  }

  /** Of an order that is `valid`. */
  certificate(
    order: Order,
    wishes: CertificateWishes,
    signal: AbortSignal,
  ): Promise<IssuedCertificate> {
    const ask = (url: string) => this.#account.post({ url }, "", signal);
    return fetchCertificate(order, wishes, { wire: this.#wire, ask });
  }

  #profileOf({ profiles }: Directory, wanted: string | undefined): string | undefined {
    if (wanted === undefined || profiles.size === 0) return undefined;
    if (profiles.has(wanted)) return wanted;
    const known = [...profiles.keys()].join(", ");
    throw new AcmeError("refused", `${this.who} has no profile ${wanted}; it has ${known}`);
  }

  async #order(url: string, names: readonly string[], signal: AbortSignal): Promise<Order> {
    return this.#orderIn(await this.#account.post({ url }, "", signal), url, names);
  }

  #orderIn(answer: Answer, url: string, names: readonly string[]): Order {
    const order = readOrder(this.#wire.json(answer), url, this.#wire);
    const wanted = new Set(names);
    if (wanted.size === order.names.length && order.names.every((each) => wanted.has(each))) {
      return order;
    }
    throw this.#wire.lie(`its order is for ${list(order.names)}, and not for ${list(names)}`);
  }

  async #until(
    { url, names }: Order,
    isDone: (order: Order) => boolean,
    signal: AbortSignal,
  ): Promise<Order> {
    const what = `${this.who} has not made the certificate for ${list(names)}`;
    return poll(
      async () => {
        const answer = await this.#account.post({ url }, "", signal);
        const value = this.#orderIn(answer, url, names);
        this.#assertUsable(value);
        return { value, isDone: isDone(value), wait: answer.wait };
      },
      { what, signal },
    );
  }

  async #authorization(url: string, signal: AbortSignal) {
    const answer = await this.#account.post({ url }, "", signal);
    const authorization = readAuthorization(this.#wire.json(answer), url, this.#wire);
    return { authorization, wait: answer.wait };
  }

  #assertUsable({ status, names, problem }: Order): void {
    if (status !== "invalid") return;
    const why = problem?.detail ?? "";
    throw this.#useless(`it has given up the order of ${list(names)}${why && `: ${why}`}`, problem);
  }

  #useless(what: string, problem?: Problem): AcmeError {
    return new AcmeError("order", `${this.who}: ${what}`, { problem });
  }

  #assertNoFailures(authorizations: readonly Authorization[]): void {
    const failed = authorizations.filter(
      ({ status }) => status !== "valid" && status !== "pending",
    );
    if (failed.length === 0) return;
    const failures = failed.map((each) => {
      const { status, challenges } = each;
      const problem = challenges.find(({ problem: found }) => found !== undefined)?.problem;
      return {
        name: wantedName(each),
        type: problem?.type ?? "",
        detail: problem?.detail ?? `it is ${status}`,
      };
    });
    throw rejected(this.who, failures);
  }
}

/** Of a single name that it does not want Let's Encrypt says which in its words alone: `Cannot issue for "a.lan": …`. */
function withNames(error: unknown, names: readonly string[]): unknown {
  const isOfNames =
    error instanceof AcmeError &&
    (error.type === "rejectedIdentifier" || error.type === "malformed") &&
    error.failures.every(({ name }) => name === undefined);
  if (!isOfNames) return error;
  const { message, type, status } = error;
  const failures = names
    .filter((each) => message.includes(`"${identifierOf(each).value}"`))
    .map((name) => ({ name, type, detail: message }));
  if (failures.length === 0) return error;
  return new AcmeError("rejected", message, { failures, status, cause: error });
}
