// Asks for a name and a password (RFC 7617), and lets in who has the right ones.

import { createHmac, randomBytes } from "node:crypto";
import { credentialBytes } from "../config/auth-limits.ts";
import type { BasicAuthUse } from "../config/middlewares/uses/auth.ts";
import type { Exchange } from "../http/exchange.ts";
import type { UserList } from "../lib/user-list.ts";
import { IdentityFields, letIn, onlyValue } from "./auth-identity.ts";
import { Passwords } from "./auth-passwords.ts";
import { Users } from "./auth-users.ts";
import type { Middleware, MiddlewareApi, Refusal } from "./middleware.ts";

const busy: Refusal = { failure: "AUTH_BUSY", fields: [["Retry-After", "2"]] };

export function basicAuth(use: BasicAuthUse, api: MiddlewareApi): Middleware {
  const users = new Users(use, "htpasswd", api);
  const passwords = new Passwords();
  const decoyOf = decoys();
  const identity = new IdentityFields([use.header]);
  const challenge = `Basic realm="${use.realm}", charset="UTF-8"`;
  const refusal: Refusal = {
    failure: "UNAUTHENTICATED",
    fields: [["WWW-Authenticate", challenge]],
  };
  const judge = (exchange: Exchange, name: string, isRight: boolean | undefined) => {
    if (isRight === undefined) return busy;
    if (!isRight) return refusal;
    return letIn(exchange, use, name);
  };
  return {
    onRequest(exchange) {
      identity.dropClaims(exchange.request);
      const { list } = users;
      if (list === undefined) return { failure: "AUTH_UNAVAILABLE" };
      const given = credentialsOf(exchange);
      if (given === undefined) return refusal;
      const { name, password } = given;
      const own = list.get(name);
      const hash = own ?? decoyOf(name, list);
      if (hash === undefined) return refusal;
      const client = exchange.clientIp;
      const found = passwords.check({ name, password, hash, isDecoy: own === undefined, client });
      if (typeof found === "boolean") return judge(exchange, name, found);
      return found.then((isRight) => judge(exchange, name, isRight));
    },
  };
}

interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** undefined = there are none, or none that anybody could have. */
export function credentialsOf({ request }: Exchange): Credentials | undefined {
  const value = onlyValue(request.fields, "authorization");
  if (value === undefined || value === false || value.length > 2 * credentialBytes)
    return undefined;
  const [, encoded] = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i.exec(value) ?? [];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.length > credentialBytes) return undefined;
  // Old programs send Latin-1: the same letters are meant.
  const text = textOf(bytes);
  const colon = text.indexOf(":");
  // RFC 7617 section 2: no controls. A NUL would end the password for bcrypt.
  // oxlint-disable-next-line no-control-regex -- that is what is looked for
  if (colon < 1 || /[\u0000-\u001f\u007f]/.test(text)) return undefined;
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

function textOf(bytes: Buffer): string {
  const text = bytes.toString();
  return text.includes("\ufffd") ? bytes.latin1Slice() : text;
}

/** For names that nobody has: always the same user's hash for one name, of those that there are. */
function decoys(): (name: string, list: UserList) => string | undefined {
  const key = randomBytes(32);
  let last: UserList | undefined;
  let hashes: readonly string[] = [];
  return (name, list) => {
    if (list !== last) hashes = [...list.values()];
    last = list;
    if (hashes.length === 0) return undefined;
    const number = createHmac("sha256", key).update(name).digest().readUInt32BE();
    return hashes[number % hashes.length];
  };
}
