// Settings of `traceparent`.

import * as z from "zod";
import { key, mapping, mustBe, shareKey } from "../scalar.ts";
import { define, places } from "./definition.ts";
import type { TraceparentUse } from "./uses/trace.ts";

const whole = mapping({
  trust: key(
    z.enum(["proxies", "everybody", "nobody"], {
      error: mustBe({ what: "proxies, everybody or nobody" }),
    }),
    "Whose trace is gone on with: that of trusted proxies in front, of every client, or none.",
    "proxies",
  ),
  sample: shareKey("Of traces that begin here, how many are marked to be recorded.", 1),
});

type Written = z.output<typeof whole>;

const settings = z.union([z.literal(true).transform((): Written => ({})), whole], {
  error: mustBe({ what: "true or { trust, sample }" }),
});

export const traceparent = define({
  kind: "traceparent",
  summary: "Carries W3C trace context on to the backend, or begins a trace.",
  settings,
  place: places.trace + 10,
  resolve({ trust = "proxies", sample = 1 }: Written): TraceparentUse {
    return { kind: "traceparent", trust, sample };
  },
});
