// Keys and tokens in requests: where they stand, and how they are taken out, so that no backend and no log of one
// sees them.

import type { CredentialPlace } from "../config/middlewares/uses/auth.ts";
import { cookiesOf } from "../http/cookies.ts";
import type { Exchange } from "../http/exchange.ts";
import { onlyValue } from "./auth-identity.ts";

export interface Credential {
  readonly value: string;
  readonly place: CredentialPlace;
}

/** The first that is there. undefined = none is; false = one is there twice, and nobody knows which is meant. */
export function credentialIn(
  exchange: Exchange,
  places: readonly CredentialPlace[],
): Credential | undefined | false {
  for (const place of places) {
    const value = valueAt(exchange, place);
    if (value === false) return false;
    if (value !== undefined && value !== "") return { value, place };
  }
  return undefined;
}

function valueAt(exchange: Exchange, { from, name }: CredentialPlace): string | undefined | false {
  const { fields } = exchange.request;
  switch (from) {
    case "header":
      return fields.timesSpelled(name) > 1 ? false : onlyValue(fields, name);
    case "bearer": {
      const value = onlyValue(fields, "authorization");
      return value === false || value === undefined ? value : bearerOf(value);
    }
    case "cookie": {
      // The backend may read another one than the one that was checked.
      const found = cookiesOf(fields.valuesPassedOn("cookie").join("; "), name);
      return found.length > 1 ? false : found[0];
    }
    case "query": {
      const found = exchange.query.split("&").filter((each) => isParameter(each, name));
      if (found.length > 1) return false;
      const [pair = ""] = found;
      return pair === "" ? undefined : decoded(pair.slice(pair.indexOf("=") + 1));
    }
  }
}

/** RFC 6750 section 2.1. */
function bearerOf(authorization: string): string | undefined {
  return /^bearer +([\w.~+/-]+=*) *$/i.exec(authorization)?.[1];
}

/** However its name is encoded. */
function isParameter(pair: string, name: string): boolean {
  const sign = pair.indexOf("=");
  return sign > 0 && decoded(pair.slice(0, sign)) === name;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

/**
 * Only what was looked at may be believed by the backend: what stands in the other places is taken out, also where it stands
 * twice, and other things than keys and tokens stay.
 */
export function removeOthers(
  exchange: Exchange,
  places: readonly CredentialPlace[],
  taken: CredentialPlace,
): void {
  for (const place of places) {
    if (place === taken) continue;
    const value = valueAt(exchange, place);
    if (value !== undefined && value !== "") removeCredential(exchange, place);
  }
}

/** The backend does not see it. */
export function removeCredential(exchange: Exchange, { from, name }: CredentialPlace): void {
  const { request } = exchange;
  switch (from) {
    case "header":
      request.fields.dropSpelled(name);
      return;
    case "bearer":
      request.fields.dropNamed("authorization");
      return;
    case "query": {
      const left = request.query.split("&").filter((each) => !isParameter(each, name));
      request.query = left.join("&");
      request.hasQuery = request.query !== "";
      // Programs behind a gateway are told what was asked for, too.
      const [path = ""] = request.target.split("?", 1);
      request.target = request.hasQuery ? `${path}?${request.query}` : path;
      return;
    }
    case "cookie": {
      const all = request.fields.valuesPassedOn("cookie").join("; ").split(";");
      const left = all.filter((each) => each.split("=", 1)[0]?.trim() !== name);
      request.fields.dropNamed("cookie");
      const value = left.join(";").trim();
      if (value !== "") request.fields.add("Cookie", value);
    }
  }
}
