// Settings of `contentType`.

import * as z from "zod";
import { flag, key, mapping, mustBe, parsed } from "../scalar.ts";
import { define, places } from "./definition.ts";
import type { ContentTypeUse } from "./uses/answer.ts";

const mediaTypeForm = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;\s*[\w-]+=(?:[\w.+-]+|"[\w .+-]*"))*$/;

const mediaType = parsed(
  { what: "a media type", remedy: "write text/html or the like" },
  (value, refuse) =>
    mediaTypeForm.test(value) ? value : refuse(`${JSON.stringify(value)} is not a media type`),
);

const charset = parsed(
  { what: "the name of a charset", remedy: 'write utf-8, or "" for none' },
  (value, refuse) =>
    /^[\w.:-]*$/.test(value) ? value : refuse(`${JSON.stringify(value)} is not a charset`),
);

const whole = mapping({
  types: key(
    z.record(z.string(), mediaType, { error: mustBe({ what: "a mapping of endings to types" }) }),
    "Further types by ending, such as `foo: text/x-foo`; they come before the usual ones.",
  ),
  default: key(
    mediaType,
    "Of answers whose path has no known ending. Without it they stay as they are.",
  ),
  charset: key(charset, "Of texts that name none.", "utf-8"),
  nosniff: key(flag(), "Browsers are told to believe it.", true),
});

type Written = z.output<typeof whole>;

const settings = z.union([z.literal(true).transform((): Written => ({})), whole], {
  error: mustBe({ what: "true or a mapping" }),
});

export const contentType = define({
  kind: "contentType",
  summary: "Says what an answer is where the backend does not, by the ending of the path.",
  settings,
  place: places.answer + 20,
  resolve({
    types = {},
    default: fallback = "",
    charset: chosen = "utf-8",
    nosniff = true,
  }: Written): ContentTypeUse {
    const byEnding = Object.entries(types).map(
      ([ending, type]) => [ending.replace(/^\./, "").toLowerCase(), type] as const,
    );
    return {
      kind: "contentType",
      types: Object.fromEntries(byEnding),
      fallback,
      charset: chosen,
      nosniff,
    };
  },
});
