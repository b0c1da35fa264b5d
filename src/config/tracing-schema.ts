// The schema of `tracing`. Its headers are secret, and people put secrets into the wrong place: no message
// here repeats what was written.

import * as z from "zod";
import { webHeaders, webUrl } from "./alerts-schema.ts";
import { filePath, key, mustBe, parsed, shareKey } from "./scalar.ts";
import { secretMapping } from "./secret-scalar.ts";
import { defaultTracing } from "./tracing-limits.ts";

const whole = secretMapping({
  otlp: webUrl("http://127.0.0.1:4318", false).meta({
    description:
      "The collector that spans are sent to, by OTLP over HTTP. Without a path `/v1/traces` is meant.",
  }),
  headers: key(webHeaders, "Header fields that the collector wants, an access token say."),
  ca: key(filePath(), "PEM file with the authorities to trust instead of the system's."),
  sample: shareKey("Of traces that begin here, how many are recorded.", defaultTracing.sample),
  trust: key(
    z.enum(["proxies", "everybody", "nobody"], {
      error: mustBe({ what: "proxies, everybody or nobody" }),
    }),
    "Whose trace is gone on with: that of trusted proxies in front, of every client, or none.",
    defaultTracing.trust,
  ),
  service: key(
    parsed({ what: "a name" }, (value, refuse) =>
      /^[\w./ -]{1,64}$/.test(value)
        ? value
        : refuse("is no name for a service", "write letters, digits, dots and dashes"),
    ),
    "What the collector calls this program (`service.name`).",
    defaultTracing.service,
  ),
});

export const tracing = whole;

export type TracingInput = z.output<typeof tracing>;
