// Settings of `requestId`.

import * as z from "zod";
import { flag, key, mapping, mustBe, parsed } from "../scalar.ts";
import { define, places } from "./definition.ts";
import { whyNotChanged } from "./header-names.ts";
import type { RequestIdUse } from "./uses/trace.ts";

/** Of whom the program, or HTTP itself, says what they are. */
const said =
  /^(?:host|date|server|vary|location|cookie|set-cookie|authorization|content-.*|x-forwarded-.*|x-real-ip|forwarded|client-cert(?:-chain)?)$/i;

const headerName = parsed(
  { what: "a header name", remedy: "write X-Request-Id" },
  (value, refuse) => {
    const wrong = whyNotChanged(value)?.message;
    if (wrong !== undefined) return refuse(wrong);
    return said.test(value.replaceAll("_", "-")) ? refuse(`${value} says something else`) : value;
  },
);

const settings = z.union(
  [
    z.literal(true).transform((): Written => ({})),
    mapping({
      header: key(headerName, "The field that carries it, both ways.", "X-Request-Id"),
      trust: key(flag(), "Keeps what a trusted proxy in front sent.", true),
    }),
  ],
  { error: mustBe({ what: "true or { header, trust }" }) },
);

export interface Written {
  readonly header?: string | undefined;
  readonly trust?: boolean | undefined;
}

export const requestId = define({
  kind: "requestId",
  summary: "Gives each request an id, for the backend and for the client.",
  settings,
  place: places.trace,
  resolve({ header = "X-Request-Id", trust = true }: Written): RequestIdUse {
    return { kind: "requestId", header, trust };
  },
});
