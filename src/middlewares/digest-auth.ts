// Asks for a name and a password that is not sent itself, but a hash of it and of the request (RFC 7616).

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { DigestAuthUse } from "../config/middlewares/uses/auth.ts";
import type { Exchange } from "../http/exchange.ts";
import { digestKey, type UserList } from "../lib/user-list.ts";
import { IdentityFields, letIn, onlyValue } from "./auth-identity.ts";
import { Users } from "./auth-users.ts";
import { Nonces, type NonceUse } from "./digest-nonces.ts";
import { type DigestAnswer, readDigest } from "./digest-parameters.ts";
import type { Middleware, MiddlewareApi, Refusal } from "./middleware.ts";

type Algorithm = DigestAnswer["algorithm"];

/** The stronger first: browsers take the first that they know. */
const algorithms: readonly (readonly [Algorithm, hash: string, digits: number])[] = [
  ["SHA-256", "sha256", 64],
  ["MD5", "md5", 32],
];

export function digestAuth(use: DigestAuthUse, api: MiddlewareApi): Middleware {
  const { realm } = use;
  const users = new Users(use, "htdigest", api);
  const nonces = new Nonces(api.peers, () => api.secret(), realm);
  const identity = new IdentityFields([use.header]);
  const offered = offers();
  /** Nobody has it: names that are not there cost what others cost. */
  const decoy = randomBytes(32).toString("hex");
  const refusal = (list: UserList, isStale = false): Refusal => ({
    failure: "UNAUTHENTICATED",
    fields: offered(list).map((algorithm) => [
      "WWW-Authenticate",
      `Digest realm="${realm}", qop="auth", algorithm=${algorithm}, nonce="${nonces.make()}", charset=UTF-8${
        isStale ? ", stale=true" : ""
      }`,
    ]),
  });
  const finish = (exchange: Exchange, name: string, list: UserList, found: NonceUse) => {
    if (found === "stale") return refusal(list, true);
    return letIn(exchange, use, name);
  };
  return {
    onRequest(exchange) {
      identity.dropClaims(exchange.request);
      const { list } = users;
      if (list === undefined) return { failure: "AUTH_UNAVAILABLE" };
      const value = onlyValue(exchange.request.fields, "authorization");
      const answer = value === undefined || value === false ? undefined : readDigest(value);
      if (answer === undefined || answer.realm !== realm) return refusal(list);
      if (answer.uri !== exchange.request.target || !nonces.isOurs(answer.nonce)) {
        return refusal(list);
      }
      const digits = answer.algorithm === "MD5" ? 32 : 64;
      const known = list.get(digestKey(realm, answer.name, digits));
      const isRight = isSigned(answer, exchange.method, known ?? decoy.slice(0, digits));
      // Who has a hash of the stronger kind is not let in by the weaker: whoever sits between could wish for it.
      const isDowngrade = digits === 32 && list.has(digestKey(realm, answer.name, 64));
      if (!isRight || known === undefined || isDowngrade) return refusal(list);
      const found = nonces.use(answer.nonce, Number.parseInt(answer.nc, 16));
      if (typeof found === "string") return finish(exchange, answer.name, list, found);
      return found.then((each) => finish(exchange, answer.name, list, each));
    },
  };
}

/** RFC 7616 section 3.4.1. @param secret the hash of name, realm and password */
function isSigned(answer: DigestAnswer, method: string, secret: string): boolean {
  const { nonce, nc, cnonce, uri, response } = answer;
  const [, hash = "sha256"] = algorithms.find(([each]) => each === answer.algorithm) ?? [];
  const hex = (text: string) => createHash(hash).update(text, "latin1").digest("hex");
  const own = hex(`${secret}:${nonce}:${nc}:${cnonce}:auth:${hex(`${method}:${uri}`)}`);
  const given = response.toLowerCase();
  return (
    own.length === given.length && timingSafeEqual(Buffer.from(own), Buffer.from(given, "latin1"))
  );
}

/** What some user has a hash for. */
function offers(): (list: UserList) => readonly Algorithm[] {
  let last: UserList | undefined;
  let found: readonly Algorithm[] = [];
  return (list) => {
    if (list === last) return found;
    last = list;
    const lengths = new Set([...list.values()].map(({ length }) => length));
    const some = algorithms.filter(([, , digits]) => lengths.has(digits)).map(([name]) => name);
    found = some.length > 0 ? some : ["SHA-256"];
    return found;
  };
}
