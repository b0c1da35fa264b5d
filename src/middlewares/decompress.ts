// Unpacks what clients send for backends that cannot, and what backends send for clients that cannot.

import type { DecompressUse } from "../config/middlewares/uses/body.ts";
import { acceptedOf } from "../http/accept-encoding.ts";
import type { AnswerHead } from "../http/answer-review.ts";
import { isUntouchable, saySomethingElse, varyBy } from "../http/changed-body.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { CHUNKED } from "../http/framing.ts";
import { Intake } from "../http/intake.ts";
import { codingsOf, usualName } from "./coding/codings.ts";
import { mayUnpackMore, Unpacker } from "./coding/unpacker.ts";
import type { Middleware, Verdict } from "./middleware.ts";

export function decompress(use: DecompressUse): Middleware {
  const intakes = new WeakMap<Exchange, Intake>();
  return {
    ...(use.requests && {
      onRequest: (exchange) => unpackRequest(exchange, use.maxSize, intakes),
      onDone: (exchange) => intakes.get(exchange)?.close(),
    }),
    ...(use.answers && { onResponse: unpackAnswer }),
  };
}

function unpackRequest(
  exchange: Exchange,
  maxSize: number,
  intakes: WeakMap<Exchange, Intake>,
): Verdict {
  const { request } = exchange;
  const { fields } = request;
  if (request.bodyLength === 0) return undefined;
  const codings = codingsOf(fields.passedOn("content-encoding"));
  if (codings === "many") return { failure: "CODING_REFUSED" };
  if (codings === undefined || codings.length === 0) return undefined;
  if (!mayUnpackMore()) return { failure: "UNPACKING_BUSY" };
  fields.dropNamed("content-encoding");
  fields.dropNamed("content-md5");
  fields.dropNamed("content-digest");
  fields.drop(Field.CONTENT_LENGTH);
  // Nobody knows how long it is now.
  request.bodyLength = CHUNKED;
  const options = {
    codings,
    mostBytes: () => smaller(maxSize, exchange.maxBody),
    onBad: "CODING_BROKEN",
    onTooMuch: "BODY_TOO_LARGE",
  } as const;
  intakes.set(
    exchange,
    Intake.put(exchange, (out) => new Unpacker(options, out)),
  );
  return undefined;
}

/** 0 = no limit. */
function smaller(one: number, other: number): number {
  return one === 0 || other === 0 ? Math.max(one, other) : Math.min(one, other);
}

function unpackAnswer(exchange: Exchange, answer: AnswerHead): void {
  const { fields, status } = answer;
  const coding = fields.passedOn("content-encoding");
  if (coding === undefined || status === 206 || status === 304 || isUntouchable(fields)) return;
  const codings = codingsOf(coding);
  if (codings === undefined || codings === "many" || codings.length === 0) return;
  varyBy(fields, "Accept-Encoding");
  const names = codings.map(usualName);
  // Who stands between here and the client may want to read it.
  const accepted = exchange.request.fields.passedOn("accept-encoding");
  if (acceptedOf(accepted, names).length === names.length) return;
  if (!mayUnpackMore()) return;
  fields.dropNamed("content-encoding");
  fields.dropNamed("content-length");
  saySomethingElse(fields);
  const options = {
    codings,
    mostBytes: () => 0,
    onBad: "BAD_RESPONSE",
    onTooMuch: "BAD_RESPONSE",
  } as const;
  answer.through((out) => new Unpacker(options, out));
}
