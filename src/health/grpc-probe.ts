// grpc.health.v1.Health/Check, as the gRPC project defines it: one call with the name of a service, one
// answer with its state. HTTP/2 with prior knowledge, or over TLS with ALPN. The two messages have one
// field each and are written and read by hand:
//
//   HealthCheckRequest  { string service = 1; }         0a <length> <bytes>
//   HealthCheckResponse { ServingStatus status = 1; }   08 <varint>, and nothing for 0

import type { ProbeSettings } from "../config/service.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import { Fields } from "../http/fields.ts";
import type { ResponseHead } from "../http/response-head.ts";
import { quote } from "../lib/quote.ts";
import type { ResponseSink } from "../upstream/backend-connection.ts";
import type { Attempt } from "./attempt.ts";
import { checkAgent } from "./check-agent.ts";
import { openHttp2 } from "./http2-check.ts";
import { authorityOf } from "./open-socket.ts";

type GrpcSettings = Extract<ProbeSettings, { kind: "grpc" }>;

/** There are two. */
const mostTrailers = 100;
const serving = 1;
const states = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/** Those that an operator meets; others are told by number. */
const reasons: Readonly<Record<string, string>> = {
  5: "it does not know this service",
  7: "permission denied",
  12: "it does not implement grpc.health.v1.Health",
  14: "unavailable",
  16: "it asks who we are",
};

export function probeGrpc(attempt: Attempt, { service }: GrpcSettings): void {
  const { target } = attempt;
  openHttp2(attempt, (connection) => {
    const head = [
      "POST /grpc.health.v1.Health/Check HTTP/1.1",
      `Host: ${authorityOf(target)}`,
      "Content-Type: application/grpc",
      "TE: trailers",
      `User-Agent: ${checkAgent}`,
      `Grpc-Timeout: ${target.check.timeout}m`,
      "\r\n",
    ].join("\r\n");
    const message = requestOf(service);
    connection.begin(new HealthAnswer(attempt), head, "POST", false, 0, 0);
    connection.writeData(message, 0, message.length, true);
    connection.endRequest("", true);
    connection.flush();
  });
}

class HealthAnswer implements ResponseSink {
  readonly #attempt: Attempt;
  #body = Buffer.alloc(0);
  #status: string | undefined;
  #message = "";

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  onResponseHead({ status, fields }: ResponseHead): void {
    if (status !== 200) return this.#attempt.bad(`answered ${status}, and no gRPC`);
    // An answer without a message has its trailers here.
    this.#note(fields);
  }

  #note(fields: Fields): void {
    this.#status = fields.get("grpc-status") ?? this.#status;
    this.#message = fields.get("grpc-message") ?? this.#message;
  }

  onResponseData(buffer: Buffer, start: number, end: number): void {
    if (!this.#attempt.isOver)
      this.#body = Buffer.concat([this.#body, buffer.subarray(start, end)]);
  }

  onResponseEnd(trailers: string): void {
    const fields = new Fields();
    fields.read(trailers, 0, trailers.length, mostTrailers);
    this.#note(fields);
    const attempt = this.#attempt;
    const status = this.#status;
    if (status === undefined) return attempt.bad("answered without a gRPC status");
    if (status !== "0") {
      const why = reasons[status] ?? (quote(this.#message) || "no reason given");
      return attempt.bad(`gRPC status ${quote(status)}: ${why}`);
    }
    const state = stateIn(this.#body);
    if (state === undefined) return attempt.bad("answered what is no HealthCheckResponse");
    if (state === serving) return attempt.good("SERVING");
    attempt.bad(`says ${states[state] ?? `state ${state}`}`);
  }

  onResponseFailed(code: FailureCode, cause = ""): void {
    const why = quote(cause || factsOf(code).text);
    if (code === "STREAM_RESET") this.#attempt.bad(`ended the call without an answer: ${why}`);
    else this.#attempt.bad(`does not speak HTTP/2 as expected: ${why}`);
  }

  onInterim(): void {}
  onResponseFlush(): void {}
  onUpstreamDrain(): void {}
  onErrorText(): void {}
  onBackendData(): void {}
  onBackendEnd(): void {}
  onBackendClosed(): void {}
}

function requestOf(service: string): Buffer {
  const name = Buffer.from(service);
  const field =
    name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
  const head = Buffer.alloc(5); // not compressed, and the length
  head.writeUInt32BE(field.length, 1);
  return Buffer.concat([head, field]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...varint(Math.floor(value / 0x80))];
}

/** The state in a message with its length in front; undefined when it is none. */
function stateIn(body: Buffer): number | undefined {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5)
    return undefined;
  if (body.length === 5) return 0;
  // The states fit into one byte; other fields are not defined.
  return body.length === 7 && body[5] === 0x08 ? body[6] : undefined;
}
