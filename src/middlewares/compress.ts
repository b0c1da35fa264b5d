// Compresses answers for clients that take it. Short ones in one call; longer ones, and those whose length nobody knows, as they
// come, in threads: what a source that pauses has sent goes out at once.

import type { CompressUse } from "../config/middlewares/uses/body.ts";
import { compressedAtOnce } from "../config/coding-limits.ts";
import { acceptedOf } from "../http/accept-encoding.ts";
import type { AnswerHead } from "../http/answer-review.ts";
import { agreeOnTag, isUntouchable, saySomethingElse, varyBy } from "../http/changed-body.ts";
import type { Exchange } from "../http/exchange.ts";
import { mediaTypeOf, typeMatcher } from "../http/media-type.ts";
import { CompressedStream, mayCompressMore } from "./coding/compressed-stream.ts";
import { CompressedWhole } from "./coding/compressed-whole.ts";
import type { Middleware, MiddlewareApi } from "./middleware.ts";

/** Messages of it are compressed one by one, by those who send them. */
const isGrpc = (type: string) => type.startsWith("application/grpc");

export function compress(use: CompressUse, { wheel }: MiddlewareApi): Middleware {
  const offered = use.encodings.map(({ name }) => name);
  const levels = new Map(use.encodings.map(({ name, level }) => [name, level]));
  const isMeant = typeMatcher(use.types);
  return {
    onResponse(exchange, answer) {
      const { fields } = answer;
      if (answer.status === 304) {
        agreeOnTag(exchange, fields);
        return;
      }
      const length = lengthOf(exchange, answer);
      if (length === 0 || (length > 0 && length < use.minSize)) return;
      if (!mayChange(answer)) return;
      const type = mediaTypeOf(fields);
      if (!isMeant(type) || isGrpc(type)) return;
      varyBy(fields, "Accept-Encoding");
      const [name] = acceptedOf(exchange.header("accept-encoding"), offered);
      if (name === undefined || isUntouchable(fields)) return;
      const isShort = length > 0 && length <= compressedAtOnce;
      if (!isShort && !mayCompressMore()) return;
      fields.dropNamed("content-encoding");
      fields.add("Content-Encoding", name);
      fields.dropNamed("content-length");
      saySomethingElse(fields);
      const way = { name, level: levels.get(name) ?? 1, length };
      answer.through((out) =>
        isShort ? new CompressedWhole(way, out, wheel) : new CompressedStream(way, out),
      );
    },
  };
}

/** Bytes, below 0 = nobody knows; 0 = there is nothing to compress. */
function lengthOf(exchange: Exchange, { status, fields, bodyLength }: AnswerHead): number {
  if (exchange.method !== "HEAD") return bodyLength;
  // What a GET would get is said; how long that would be is known only after.
  if (status !== 200) return 0;
  const said = fields.passedOn("content-length");
  return said === undefined ? -1 : Number(said) || 0;
}

function mayChange({ status, fields }: AnswerHead): boolean {
  if (status === 206 || fields.passedOn("content-range") !== undefined) return false;
  const coding = fields.passedOn("content-encoding");
  return coding === undefined || coding.toLowerCase() === "identity";
}
