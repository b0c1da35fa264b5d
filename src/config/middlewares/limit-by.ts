// `by` of limits: whose requests count together.

import { parseKeySource } from "../http-scalar.ts";
import { rateLimits } from "../limit-limits.ts";
import { integer, key, mustBe, oneOrMore, parsed } from "../scalar.ts";
import type { LimitPart } from "./uses/limit.ts";

const words = ["address", "user", "all"] as const;
const forms = "address, user, all, header:NAME, cookie:NAME or query:NAME";

const part = parsed(
  { what: "what tells clients apart", remedy: `write ${forms}` },
  (value, refuse) => {
    const word = words.find((each) => each === value);
    if (word !== undefined) return { from: word };
    const named = ["header", "cookie", "query"];
    const remedy = `write ${forms}`;
    const known = parseKeySource(value, { plain: [], named }, (message) => refuse(message, remedy));
    if (known === undefined || known.from === "client-ip" || known.from === "path")
      return undefined;
    return known;
  },
);

/** Keys of a mapping. @param usual what `by` is where nothing is said */
export function byKeys(usual: string) {
  const what = "what tells clients apart";
  return {
    by: key(
      oneOrMore(part, { what }).refine((all) => all.length <= rateLimits.mostParts, {
        error: mustBe({ what: `at most ${rateLimits.mostParts} of them` }),
      }),
      "Whose requests count together: `address`, `user` (whom another middleware found the client to be, or the address), `header:NAME`, `cookie:NAME`, `query:NAME`, `all`, or a list of them, which count combined.",
      usual,
    ),
    ipv4: key(integer(8, 32), "Bits of an IPv4 address that tell clients apart.", 32),
    ipv6: key(
      integer(16, 128),
      "Bits of an IPv6 address that tell clients apart: everybody with IPv6 has at least 2^64 addresses.",
      64,
    ),
  };
}

export interface ByInput {
  readonly by?:
    | readonly ({ readonly from: string } | { readonly from: string; readonly name: string })[]
    | undefined;
  readonly ipv4?: number | undefined;
  readonly ipv6?: number | undefined;
}

/** @param usual where nothing is said */
export function partsOf(input: ByInput, usual: "address" | "all"): LimitPart[] {
  const { by = [{ from: usual }], ipv4: v4 = 32, ipv6: v6 = 64 } = input;
  return by.map((each): LimitPart => {
    const name = "name" in each ? each.name : "";
    switch (each.from) {
      case "header":
      case "cookie":
      case "query":
        return { from: each.from, name };
      case "address":
      case "user":
        return { from: each.from, v4, v6 };
      default:
        return { from: "all" };
    }
  });
}
