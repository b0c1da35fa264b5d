// Settings of those that answer by themselves: the same as a route's keys of these names.

import { respond as respondSchema } from "../redirect-schema.ts";
import { respondOf } from "../resolve-redirect.ts";
import { flag } from "../scalar.ts";
import { define, places } from "./definition.ts";
import type { WhoamiUse } from "./uses/route.ts";

export const respond = define({
  kind: "respond",
  summary: "Answers with a fixed text.",
  settings: respondSchema,
  place: places.respond,
  resolve: (settings, context, path) => respondOf(context, settings, path),
});

export const whoami = define({
  kind: "whoami",
  summary: "Answers with the request as it arrived.",
  settings: flag(),
  place: places.respond + 1,
  resolve: (isOn): WhoamiUse | undefined => (isOn ? { kind: "whoami" } : undefined),
});
