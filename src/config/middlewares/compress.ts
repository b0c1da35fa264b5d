// Settings of `compress`.

import * as z from "zod";
import { integer, key, list, mapping, mustBe, sizeKey } from "../scalar.ts";
import { bodyTypes } from "./body-types.ts";
import { define, places } from "./definition.ts";
import type { Coding, CompressUse } from "./uses/body.ts";

/** nginx waits for 20 bytes, Apache for none; below a packet nothing is won. */
const usualMinSize = 1024;
const usualCodings: readonly Coding[] = ["zstd", "br", "gzip"];
/** Where a little more time makes hardly smaller bodies. */
const usualLevels: Readonly<Record<Coding, number>> = { zstd: 3, br: 4, gzip: 5 };

const usualTypes = [
  "text/*",
  "*+json",
  "*+xml",
  "*+text",
  "application/json",
  "application/x-ndjson",
  "application/javascript",
  "application/x-javascript",
  "application/xml",
  "application/wasm",
  "application/vnd.ms-fontobject",
  "application/x-font-ttf",
  "font/ttf",
  "font/otf",
  "image/bmp",
  "image/x-icon",
  "image/vnd.microsoft.icon",
];

const coding = z.enum(["zstd", "br", "gzip"], {
  error: mustBe({ what: "a content coding", remedy: "write zstd, br or gzip" }),
});

const settings = z.union(
  [
    z.literal(true).transform((): Written => ({})),
    mapping({
      encodings: key(
        list(coding, { what: "a list of content codings", remedy: "write [zstd, br, gzip]" }),
        "What is offered: the first is taken where a client likes several equally.",
        usualCodings,
      ),
      levels: key(
        mapping({
          gzip: key(integer(1, 9), "Of gzip.", usualLevels.gzip),
          br: key(integer(0, 11), "Of Brotli. From 10 on it takes a hundred times as long.", 4),
          zstd: key(integer(1, 12), "Of Zstandard.", usualLevels.zstd),
        }),
        "How hard each of them tries.",
      ),
      minSize: sizeKey("Shorter bodies stay as they are.", usualMinSize),
      types: key(bodyTypes(), "Media types that are compressed.", usualTypes),
    }),
  ],
  { error: mustBe({ what: "true or { encodings, levels, minSize, types }" }) },
);

export interface Written {
  readonly encodings?: readonly Coding[] | undefined;
  readonly levels?: Readonly<Partial<Record<Coding, number | undefined>>> | undefined;
  readonly minSize?: number | undefined;
  readonly types?: readonly string[] | undefined;
}

export const compress = define({
  kind: "compress",
  summary: "Compresses answers for clients that take it: zstd, br, gzip.",
  settings,
  place: places.answer,
  resolve({
    encodings = usualCodings,
    levels = {},
    minSize = usualMinSize,
    types = usualTypes,
  }: Written): CompressUse {
    const offered = [...new Set(encodings)].map((name) => ({
      name,
      level: levels[name] ?? usualLevels[name],
    }));
    return { kind: "compress", encodings: offered, minSize, types };
  },
});
