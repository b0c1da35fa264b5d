// Translates gRPC-Web (PROTOCOL-WEB.md of the gRPC project) into gRPC: messages stay as they are, trailers come back as the
// last frame of the body, and the text form is base64 both ways.

import type { AnswerHead, BodyFilter, FilterOutput } from "../http/answer-review.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field, type Fields } from "../http/fields.ts";
import { CHUNKED } from "../http/framing.ts";
import {
  contentTypeIn,
  type GrpcForm,
  grpcFormOf,
  GrpcStatus,
  grpcStatusOf,
  statusFields,
  statusLines,
  trailersBody,
  trailersFrame,
} from "../http/grpc.ts";
import { Intake } from "../http/intake.ts";
import { Base64Reader, Base64Writer } from "./coding/base64-stream.ts";
import type { Middleware } from "./middleware.ts";

interface Translated {
  readonly form: GrpcForm;
  readonly contentType: string;
  /** Of a body in base64. */
  readonly intake: Intake | undefined;
}

export function grpcWeb(): Middleware {
  const calls = new WeakMap<Exchange, Translated>();
  return {
    onRequest(exchange) {
      const call = translateRequest(exchange);
      if (call !== undefined) calls.set(exchange, call);
      return undefined;
    },
    onResponse(exchange, answer) {
      const call = calls.get(exchange);
      if (call !== undefined) translateAnswer(exchange, call, answer);
    },
    onDone: (exchange) => calls.get(exchange)?.intake?.close(),
  };
}

function translateRequest(exchange: Exchange): Translated | undefined {
  const { request } = exchange;
  const { fields } = request;
  const contentType = fields.passedOn("content-type");
  const form = grpcFormOf(contentType);
  if (exchange.method !== "POST" || contentType === undefined) return undefined;
  if (form === undefined || form === "grpc") return undefined;
  for (const name of ["content-type", "x-grpc-web"]) fields.dropNamed(name);
  fields.add("Content-Type", contentTypeIn("grpc", contentType));
  fields.drop(Field.CONTENT_LENGTH);
  const hasBody = request.bodyLength !== 0;
  // As gRPC does it, which tells messages apart by what stands in front of them.
  request.bodyLength = hasBody ? CHUNKED : 0;
  const isText = form === "text" && hasBody;
  const intake = isText ? Intake.put(exchange, (out) => new Base64Reader(out)) : undefined;
  return { form, contentType, intake };
}

function translateAnswer(exchange: Exchange, call: Translated, answer: AnswerHead): void {
  const { form, contentType } = call;
  const { fields, status } = answer;
  const found = fields.passedOn("content-type");
  const foundForm = grpcFormOf(found);
  // We know what was asked, and answered in its form.
  if (foundForm === "web" || foundForm === "text") return;
  if (foundForm === undefined || found === undefined) {
    if (status < 400) return;
    const code = grpcStatusOf(status);
    exchange.grpcStatus = code;
    answer.status = 200;
    const lines = statusLines(code, `the backend answered ${status}, and no gRPC`);
    become(fields, contentTypeIn(form, contentType));
    answer.instead(trailersBody(form, lines));
    return;
  }
  become(fields, contentTypeIn(form, found));
  if (answer.bodyLength === 0) {
    answer.instead(trailersBody(form, takeStatus(fields)));
    return;
  }
  answer.through((out) => new TrailersInBody(form === "text" ? new Base64Writer(out) : out));
}

function become(fields: Fields, contentType: string): void {
  for (const name of ["content-type", "content-length", "trailer"]) fields.dropNamed(name);
  fields.add("Content-Type", contentType);
}

/** Trailers of an answer that has nothing else: they came in its head. */
function takeStatus(fields: Fields): string {
  let lines = "";
  for (const name of statusFields) {
    const value = fields.passedOn(name);
    if (value !== undefined) lines += `${name}: ${value}\r\n`;
    fields.dropNamed(name);
  }
  return lines.startsWith("grpc-status:") ? lines : unsaid();
}

/** Trailers were lost between the backend and us, or never sent. */
function unsaid(): string {
  return statusLines(GrpcStatus.UNKNOWN, "the backend's answer ended without a status");
}

/** Messages as they come, and trailers behind them. */
class TrailersInBody implements BodyFilter {
  readonly #out: FilterOutput;

  constructor(out: FilterOutput) {
    this.#out = out;
  }

  write(buffer: Buffer, start: number, end: number): void {
    this.#out.write(buffer, start, end);
  }

  flush(): boolean {
    return this.#out.flush();
  }

  end(trailers: string): void {
    const frame = trailersFrame(/^grpc-status:/im.test(trailers) ? trailers : unsaid());
    this.#out.write(frame, 0, frame.length);
    this.#out.end("");
  }

  onDrain(): void {
    this.#out.resume();
  }

  close(): void {}
}
