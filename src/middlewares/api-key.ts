// Lets programs in that have a key. Only hashes of keys are known here; and those are looked up by a hash of them that
// nobody else can make, so that the time it takes says nothing.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { credentialBytes } from "../config/auth-limits.ts";
import type { ApiKeyUse } from "../config/middlewares/uses/auth.ts";
import type { UserList } from "../lib/user-list.ts";
import { credentialIn, removeCredential, removeOthers } from "./auth-credential.ts";
import { IdentityFields, tellUser } from "./auth-identity.ts";
import { Users } from "./auth-users.ts";
import type { Middleware, MiddlewareApi, Refusal } from "./middleware.ts";

export function apiKey(use: ApiKeyUse, api: MiddlewareApi): Middleware {
  const users = new Users({ users: use.keys, documents: use.documents }, "apikeys", api);
  const identity = new IdentityFields([use.header]);
  const ownerOf = owners();
  const refusal: Refusal = { failure: "UNAUTHENTICATED", fields: challengesOf(use) };
  return {
    onRequest(exchange) {
      identity.dropClaims(exchange.request);
      const { list } = users;
      if (list === undefined) return { failure: "AUTH_UNAVAILABLE" };
      const given = credentialIn(exchange, use.from);
      if (given === undefined || given === false) return refusal;
      if (given.value.length > credentialBytes) return refusal;
      const owner = ownerOf(given.value, list);
      if (owner === undefined) return refusal;
      if (use.forwardKey) removeOthers(exchange, use.from, given.place);
      else for (const place of use.from) removeCredential(exchange, place);
      tellUser(exchange, use.header, owner);
      return undefined;
    },
  };
}

/** RFC 9110 section 11.6.1 wants one with every 401; there is none that names another place than Authorization. */
function challengesOf({ from }: ApiKeyUse): NonNullable<Refusal["fields"]> {
  const hasBearer = from.some((each) => each.from === "bearer");
  return [["WWW-Authenticate", hasBearer ? 'Bearer realm="api"' : 'ApiKey realm="api"']];
}

function owners(): (key: string, list: UserList) => string | undefined {
  const secret = randomBytes(32);
  const hidden = (hash: string) => createHmac("sha256", secret).update(hash).digest("base64");
  let last: UserList | undefined;
  let byHash = new Map<string, string>();
  return (key, list) => {
    if (list !== last) {
      byHash = new Map([...list].map(([hash, owner]) => [hidden(hash), owner]));
      last = list;
    }
    // Fields are a character for each byte.
    const hash = createHash("sha256").update(key, "latin1").digest("hex");
    return byHash.get(hidden(hash));
  };
}
