// Asks a server about each request before a backend gets it: a friendly answer lets it pass, with what that says of the
// user; any other answer is the client's.

import { inspect } from "node:util";
import type { ForwardAuthUse } from "../config/middlewares/uses/auth.ts";
import type { Exchange } from "../http/exchange.ts";
import { setCookieOf } from "../http/cookies.ts";
import { isBounded } from "../lib/bounded-regexp.ts";
import { IdentityFields } from "./auth-identity.ts";
import { questionOf } from "./auth-question.ts";
import { type AuthAnswer, AuthServer } from "./auth-server.ts";
import type { Middleware, MiddlewareApi, Verdict } from "./middleware.ts";

/** Of its answer: about its connection, or said anew. */
const connectionFields: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "host"],
  ...["transfer-encoding", "content-length", "date", "expect"],
]);

type Pair = readonly [name: string, value: string];

export function forwardAuth(use: ForwardAuthUse, api: MiddlewareApi): Middleware {
  const server = new AuthServer(use);
  const told = new ToldFields(use);
  const cookies = new WeakMap<Exchange, readonly string[]>();
  const judge = (exchange: Exchange, answer: AuthAnswer): Verdict => {
    const pairs = pairsOf(answer.fields);
    const { status } = answer;
    if (status < 200 || status > 299) return refusalOf(use, answer, pairs);
    // Its head may be that of the next request by now.
    if (exchange.isDone) return undefined;
    told.tell(exchange, pairs);
    const given = pairs.filter(([name, value]) => isGiven(use, name, value));
    if (given.length > 0)
      cookies.set(
        exchange,
        given.map(([, value]) => value),
      );
    return undefined;
  };
  return {
    onRequest(exchange) {
      told.dropClaims(exchange);
      const question = questionOf(exchange, use);
      told.dropProofs(exchange);
      return server.ask(question).then(
        (answer) => judge(exchange, answer),
        (error: unknown): Verdict => {
          const cause = error instanceof Error ? causeOf(error) : inspect(error);
          api.warn("a server that is asked about requests does not answer", {
            address: shownAddress(use.address),
            cause,
          });
          return { failure: "AUTH_UNAVAILABLE" };
        },
      );
    },
    onResponse(exchange, { fields }) {
      const given = cookies.get(exchange);
      if (given === undefined) return;
      const names = new Set(given.map(cookieName));
      const own = fields.valuesOf("set-cookie");
      const kept = own.filter((each) => !names.has(cookieName(each)));
      // A browser would take the backend's or ours, as the order happens to be.
      if (kept.length < own.length) {
        fields.dropReceived("set-cookie");
        for (const each of kept) fields.add("Set-Cookie", each);
      }
      for (const each of given) fields.add("Set-Cookie", each);
    },
    close: () => server.close(),
  };
}

/** Where a pattern could take for ever. */
const longestName = 100;

/** What a client shows to be let in: the server has to see it, and may put something else there for the backend. */
const proofs = ["authorization", "cookie"];

/** Fields of the backend's request that the server has the only say in. */
class ToldFields {
  readonly #use: ForwardAuthUse;
  readonly #names: ReadonlyMap<string, string>;
  readonly #pattern: RegExp | undefined;
  /** Longer names are not tried, and count as claims. */
  readonly #longest: number;
  readonly #claims: IdentityFields;

  constructor(use: ForwardAuthUse) {
    const { responseHeaders, responseHeadersPattern: pattern } = use;
    this.#use = use;
    this.#names = new Map(responseHeaders.map((each) => [each.toLowerCase(), each]));
    this.#pattern = pattern === "" ? undefined : new RegExp(pattern);
    this.#longest = isBounded(pattern, "") ? Infinity : longestName;
    const lower = [...this.#names.keys()];
    this.#claims = new IdentityFields(lower.filter((each) => !proofs.includes(each)));
  }

  /** Also when its answer has none of them; and the server is not told them either. */
  dropClaims({ request }: Exchange): void {
    this.#claims.dropClaims(request);
    const pattern = this.#pattern;
    if (pattern === undefined) return;
    request.fields.dropWhere((name) => {
      const isMatch =
        name.length > this.#longest ||
        pattern.test(name) ||
        pattern.test(name.replaceAll(/[^a-z0-9]/g, "-")) ||
        pattern.test(name.replaceAll(/[^a-z0-9]/g, "_"));
      return isMatch && !connectionFields.has(name) && !proofs.includes(name);
    });
  }

  dropProofs({ request }: Exchange): void {
    for (const each of proofs) {
      if (this.#names.has(each) || this.#pattern?.test(each) === true) {
        request.fields.dropNamed(each);
      }
    }
  }

  tell(exchange: Exchange, pairs: readonly Pair[]): void {
    for (const [name, value] of pairs) {
      const lower = name.toLowerCase();
      if (lower === this.#use.userHeader) exchange.user = value;
      const isTold =
        this.#names.has(lower) ||
        (lower.length <= this.#longest && this.#pattern?.test(lower) === true);
      if (!isTold || connectionFields.has(lower)) continue;
      exchange.request.fields.add(this.#names.get(lower) ?? name, value);
    }
  }
}

function refusalOf(use: ForwardAuthUse, answer: AuthAnswer, pairs: readonly Pair[]): Verdict {
  const { status, body } = answer;
  if (status > 599 || status < 200) return { failure: "AUTH_UNAVAILABLE" };
  const named = pairs
    .filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([, value]) =>
      value
        .toLowerCase()
        .split(",")
        .map((each) => each.trim()),
    );
  const fields = pairs
    .filter(([name]) => {
      const lower = name.toLowerCase();
      return !connectionFields.has(lower) && !named.includes(lower);
    })
    .map(([name, value]): Pair => {
      const isMoved = !use.preserveLocation && name.toLowerCase() === "location";
      return [name, isMoved ? (URL.parse(value, use.address)?.href ?? value) : value];
    });
  const isSaid = fields.some(([name]) => name.toLowerCase() === "cache-control");
  // An answer to one client is not one for the next.
  return { status, fields: isSaid ? fields : [...fields, ["Cache-Control", "no-store"]], body };
}

function pairsOf(fields: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    pairs.push([fields[at] ?? "", fields[at + 1] ?? ""]);
  }
  return pairs;
}

function isGiven({ cookies }: ForwardAuthUse, name: string, value: string): boolean {
  if (name.toLowerCase() !== "set-cookie" || cookies === false) return false;
  return cookies === true || cookies.some((each) => setCookieOf(value, each) !== "");
}

function cookieName(setCookie: string): string {
  return setCookie.split("=", 1)[0]?.trim() ?? "";
}

/** An error of several addresses has no message of its own. */
function causeOf(error: Error): string {
  if (error.name === "AbortError" && error.cause instanceof Error) return error.cause.message;
  return error.message !== "" || !("code" in error) ? error.message : String(error.code);
}

/** What stands behind the ? may be a key. */
function shownAddress(address: string): string {
  const { origin, pathname } = new URL(address);
  return origin + pathname;
}
