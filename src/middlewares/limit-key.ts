// Whose requests count together: from a request to the key that it is counted by.

import { hash } from "node:crypto";
import { rateLimits } from "../config/limit-limits.ts";
import type { LimitPart } from "../config/middlewares/uses/limit.ts";
import type { Exchange } from "../http/exchange.ts";
import { cookieOf } from "../http/cookies.ts";
import { addressBytes } from "../lib/ip.ts";
import { ownText } from "../lib/own-text.ts";

export type KeyOf = (exchange: Exchange) => string;

export function keyMaker(parts: readonly LimitPart[]): KeyOf {
  const [first, ...more] = parts.map(partMaker);
  if (first === undefined) return () => "";
  if (more.length === 0) return (exchange) => bounded(first(exchange));
  const all = [first, ...more];
  // With their lengths, so that no value can pose as two.
  return (exchange) =>
    bounded(
      all
        .map((each) => {
          const value = each(exchange);
          return `${value.length}:${value}`;
        })
        .join(""),
    );
}

/** What clients choose may be of any length. */
function bounded(key: string): string {
  return key.length <= rateLimits.keyLength ? ownText(key) : `#${hash("sha256", key, "base64url")}`;
}

function partMaker(part: LimitPart): KeyOf {
  switch (part.from) {
    case "address":
      return ({ clientIp }) => networkOf(clientIp, part);
    case "user":
      // A user may be called as an address is.
      return ({ user, clientIp }) => (user === "" ? networkOf(clientIp, part) : `user ${user}`);
    case "header":
      return ({ request: { fields } }) => {
        // Which of several a backend takes is its affair: whoever sends them counts as one who sends none.
        if (fields.valuesOf(part.name).length > 1) return "";
        // What another middleware says of the client stands for what he says himself.
        return fields.passedOn(part.name) ?? fields.get(part.name) ?? "";
      };
    case "cookie":
      return ({ request }) => cookieOf(request.fields.get("cookie"), part.name);
    case "query":
      return ({ query }) => {
        const [value = "", ...more] = new URLSearchParams(query).getAll(part.name);
        return more.length === 0 ? value : "";
      };
    case "all":
      return () => "";
  }
}

/** The network that an address is in; what is no address stands for itself. */
export function networkOf(
  address: string,
  { v4, v6 }: { readonly v4: number; readonly v6: number },
): string {
  if (v4 === 32 && !address.includes(":")) return address;
  const bytes = addressBytes(address.split("%", 1)[0] ?? "");
  if (bytes === undefined) return address;
  // ::ffff:10.0.0.1 is an IPv4 address (RFC 4291 section 2.5.5.2).
  const isMapped = bytes.length === 16 && bytes.subarray(0, 12).equals(mapped);
  const own = isMapped ? bytes.subarray(12) : bytes;
  const bits = own.length === 4 ? v4 : v6;
  for (let at = 0; at < own.length; at++) {
    const left = Math.min(8, Math.max(0, bits - at * 8));
    own[at] = own[at]! & (0xff00 >> left);
  }
  return own.length === 4
    ? own.join(".")
    : `${own.toString("hex", 0, Math.ceil(bits / 8))}/${bits}`;
}

const mapped = Buffer.from("00000000000000000000ffff", "hex");
