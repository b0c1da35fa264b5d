// What we answer to gRPC calls ourselves: a status that their clients understand, in the form they speak.

import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import {
  contentTypeIn,
  type GrpcForm,
  grpcFormOf,
  grpcMessage,
  GrpcStatus,
  grpcStatusOf,
  statusLines,
  trailersBody,
} from "../http/grpc.ts";
import { reasonOf } from "../http/reason.ts";
import type { Answer } from "../middlewares/middleware.ts";

/** About a body that is not sent. */
const ofTheBody =
  /^(?:content-(?!security|disposition).*|refresh|etag|last-modified|accept-ranges)$/i;

/** The same answer for a call; what is good, leads elsewhere, or is for somebody else stays as it is. */
export function answerForCall(exchange: Exchange, answer: Answer): Answer {
  // A call is a POST: whatever else says so, caches in front of us may keep as the good answer it would seem to be.
  if (answer.status < 400 || exchange.method !== "POST") return answer;
  const contentType = exchange.header("content-type");
  const form = grpcFormOf(contentType);
  if (contentType === undefined || form === undefined) return answer;
  // Browsers ask again by themselves, on another connection.
  if (answer.status === 421 && form !== "grpc") return answer;
  const { failure } = exchange;
  const status = statusFor(answer.status, failure);
  const reason = reasonOf(answer.status);
  const text =
    failure === undefined ? `${answer.status} ${reason}` : `${failure}: ${factsOf(failure).text}`;
  exchange.grpcStatus = status;
  const kept = answer.fields.filter(([name]) => !ofTheBody.test(name));
  const fields = [["Content-Type", contentTypeIn(form, contentType)] as const, ...kept];
  return { status: 200, ...inForm(form, status, text, fields) };
}

function inForm(
  form: GrpcForm,
  status: number,
  text: string,
  fields: Answer["fields"],
): Pick<Answer, "fields" | "body"> {
  // In the body, scripts can read it whatever fields the site exposes to them.
  if (form !== "grpc") {
    return { fields, body: trailersBody(form, statusLines(status, text)).latin1Slice() };
  }
  const said = [
    ["grpc-status", String(status)],
    ["grpc-message", grpcMessage(text)],
  ] as const;
  return { fields: [...fields, ...said], body: "" };
}

function statusFor(status: number, failure: FailureCode | undefined): number {
  // It never reached anybody: clients may ask again, which they do for this one alone.
  return failure === "CONNECT_TIMEOUT" ? GrpcStatus.UNAVAILABLE : grpcStatusOf(status);
}

/** Ends a call whose answer has begun, with a status. False: that cannot be done. */
export function endCall(exchange: Exchange, code: FailureCode): boolean {
  const { call } = exchange;
  if (call?.isOpenEnded !== true) return false;
  call.isOpenEnded = false;
  const { status, text } = factsOf(code);
  exchange.grpcStatus = statusFor(status, code);
  exchange.client.endAnswer(statusLines(exchange.grpcStatus, `${code}: ${text}`));
  return true;
}
