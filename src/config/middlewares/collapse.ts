// Settings of `collapse`.

import * as z from "zod";
import { cacheLockTimeout } from "../cache-limits.ts";
import { isToken } from "../http-scalar.ts";
import { durationKey, flag, key, mapping, mustBe, oneOrMore, parsed } from "../scalar.ts";
import { define, places } from "./definition.ts";
import type { CollapseUse } from "./uses/collapse.ts";

const fieldName = parsed({ what: "a header name", remedy: "write X-Language" }, (value, refuse) =>
  isToken(value) ? value.toLowerCase() : refuse(`${JSON.stringify(value)} is not a header name`),
);

export interface Written {
  readonly headers?: readonly string[] | undefined;
  readonly lockTimeout?: number | undefined;
}

const settings = z.union(
  [
    flag().transform((isOn): Written | undefined => (isOn ? {} : undefined)),
    mapping({
      headers: key(
        oneOrMore(fieldName, { what: "a header name, or a list of them" }),
        "Request fields that make two requests different, besides those that say what form of the answer is wanted.",
      ),
      lockTimeout: durationKey("How long others wait for who asks.", cacheLockTimeout, 100),
    }),
  ],
  { error: mustBe({ what: "true or a mapping", remedy: "write collapse: true" }) },
);

export const collapse = define({
  kind: "collapse",
  summary:
    "Has the backend asked once for all who ask the same at the same time, and keeps nothing.",
  settings,
  place: places.cache,
  resolve(written: Written | undefined): CollapseUse | undefined {
    if (written === undefined) return undefined;
    return {
      kind: "collapse",
      headers: (written.headers ?? []).toSorted(),
      lockTimeout: written.lockTimeout ?? cacheLockTimeout,
    };
  },
});
