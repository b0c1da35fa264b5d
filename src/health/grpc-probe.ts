// grpc.health.v1.Health/Check, as the gRPC project defines it: one call with the name of a service, one
// answer with its state. HTTP/2 with prior knowledge, or over TLS with ALPN. The two messages have one
// field each and are written and read by hand:
//
//   HealthCheckRequest  { string service = 1; }         0a <length> <bytes>
//   HealthCheckResponse { ServingStatus status = 1; }   08 <varint>, and nothing for 0

import {
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { ProbeSettings } from "../config/service.ts";
import { type Attempt, maxAnswerBytes } from "./attempt.ts";
import { quote } from "../lib/quote.ts";
import { checkAgent } from "./check-agent.ts";
import { faultText } from "./fault-text.ts";
import { authorityOf, openSocket } from "./open-socket.ts";

type GrpcSettings = Extract<ProbeSettings, { kind: "grpc" }>;

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
  openSocket(attempt, ["h2"], (socket) => {
    if (socket instanceof TLSSocket && socket.alpnProtocol !== "h2") {
      return attempt.bad("does not speak HTTP/2: it did not choose h2 by ALPN");
    }
    attempt.waitsFor = "answer";
    call(attempt, service, socket);
  });
}

function call(attempt: Attempt, service: string, socket: Socket): void {
  const { backend } = attempt.target;
  const scheme = backend.secure ? "https" : "http";
  const session = connect(`${scheme}://localhost`, {
    createConnection: () => socket,
    settings: { enablePush: false },
  });
  attempt.onEnd(() => session.destroy());
  const onFault = (error: NodeJS.ErrnoException) => attempt.bad(h2Fault(error, attempt));
  const watch = () => {
    if (socket.bytesRead > maxAnswerBytes) attempt.bad("sent 64 KiB that are not the answer");
  };
  session.on("error", onFault);
  session.on("goaway", (code) => {
    // 0 lets what has begun go on to its end.
    if (code !== 0) attempt.bad(`ended the HTTP/2 connection with code ${code}`);
  });
  session.on("ping", watch);
  session.on("remoteSettings", watch);
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_SCHEME]: scheme,
    [constants.HTTP2_HEADER_AUTHORITY]: authorityOf(attempt.target),
    [constants.HTTP2_HEADER_PATH]: "/grpc.health.v1.Health/Check",
    "content-type": "application/grpc",
    te: "trailers",
    "user-agent": checkAgent,
    "grpc-timeout": `${attempt.target.check.timeout}m`,
  });
  stream.on("error", onFault);
  stream.on("headers", watch);
  listen(attempt, stream, watch);
  stream.end(requestOf(service));
}

function listen(attempt: Attempt, stream: ClientHttp2Stream, watch: () => void): void {
  let body = Buffer.alloc(0);
  let status: string | undefined;
  let message = "";
  const note = (headers: IncomingHttpHeaders) => {
    status = textOf(headers["grpc-status"]) ?? status;
    message = textOf(headers["grpc-message"]) ?? message;
  };
  stream.on("response", (headers: IncomingHttpHeaders & IncomingHttpStatusHeader) => {
    const code = headers[":status"];
    if (code !== 200) return attempt.bad(`answered ${code ?? "nothing"}, and no gRPC`);
    // An answer without a message has its trailers here.
    note(headers);
  });
  stream.on("trailers", note);
  stream.on("data", (bytes: Buffer) => {
    watch();
    if (!attempt.isOver) body = Buffer.concat([body, bytes]);
  });
  stream.on("end", () => {
    if (status === undefined) return attempt.bad("answered without a gRPC status");
    if (status !== "0") {
      const why = reasons[status] ?? (quote(message) || "no reason given");
      return attempt.bad(`gRPC status ${quote(status)}: ${why}`);
    }
    const state = stateIn(body);
    if (state === undefined) return attempt.bad("answered what is no HealthCheckResponse");
    if (state === serving) return attempt.good("SERVING");
    attempt.bad(`says ${states[state] ?? `state ${state}`}`);
  });
  stream.on("close", () => attempt.bad("ended the call without an answer"));
}

function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
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

function h2Fault(error: NodeJS.ErrnoException, { target }: Attempt): string {
  const { code = "", message } = error;
  return code.startsWith("ERR_HTTP2")
    ? `does not speak HTTP/2 as expected: ${quote(message)}`
    : faultText(error, target, true);
}
