// Settings of `bodyLimit`.

import { key, mapping, size } from "../scalar.ts";
import { report } from "../context.ts";
import { define, places } from "./definition.ts";
import type { BodyLimitUse } from "./uses/body.ts";

const settings = mapping({
  request: key(size(), "Longest body of a request; 0 = no limit.", 0),
  answer: key(size(), "Longest body of an answer; 0 = no limit.", 0),
});

export const bodyLimit = define({
  kind: "bodyLimit",
  summary: "Refuses bodies that are too long, of requests and of answers.",
  settings,
  place: places.limit,
  resolve({ request = 0, answer = 0 }, context, path): BodyLimitUse | undefined {
    if (request === 0 && answer === 0) {
      const remedy = "write request: 10MiB, answer: 10MiB, or both";
      report(context, path, { message: "limits nothing", remedy });
      return undefined;
    }
    return { kind: "bodyLimit", request, answer };
  },
});
