// Settings of `decompress`.

import * as z from "zod";
import { flag, key, mapping, mustBe, sizeKey } from "../scalar.ts";
import { define, places } from "./definition.ts";
import type { DecompressUse } from "./uses/body.ts";

const settings = z.union(
  [
    z.literal(true).transform((): Written => ({})),
    mapping({
      requests: key(flag(), "What clients send is unpacked for the backend.", true),
      answers: key(flag(), "Answers are unpacked for clients that do not take them packed.", true),
      maxSize: sizeKey("Longest unpacked request; 0 = `maxBody` is enough.", 0),
    }),
  ],
  { error: mustBe({ what: "true or { requests, answers, maxSize }" }) },
);

export interface Written {
  readonly requests?: boolean | undefined;
  readonly answers?: boolean | undefined;
  readonly maxSize?: number | undefined;
}

export const decompress = define({
  kind: "decompress",
  summary:
    "Unpacks gzip, br, zstd and deflate: requests for backends, answers for clients that cannot.",
  settings,
  place: places.rewrite,
  resolve({ requests = true, answers = true, maxSize = 0 }: Written): DecompressUse {
    return { kind: "decompress", requests, answers, maxSize };
  },
});
