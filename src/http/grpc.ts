// What the gRPC protocols say in HTTP: which requests are calls, statuses, messages and times to wait, and how gRPC-Web
// writes trailers into a body. Sources: PROTOCOL-HTTP2.md, PROTOCOL-WEB.md and http-grpc-status-mapping.md of the gRPC project.

import type { Fields } from "./fields.ts";

/** `grpc`: over HTTP itself. `web` and `text` (base64): what scripts in browsers speak, with trailers in the body. */
export type GrpcForm = "grpc" | "web" | "text";

/** The ones that are said here, by the names that the gRPC project gives them. */
export const GrpcStatus = {
  CANCELLED: 1,
  UNKNOWN: 2,
  DEADLINE_EXCEEDED: 4,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/**
 * A status of ours as a call gets it. 400 to 404, 429, 502 and 503 are those of http-grpc-status-mapping.md, which clients use
 * for answers that are no gRPC; what that leaves unknown is as the comments of google/rpc/code.proto have it.
 */
const statuses: ReadonlyMap<number, number> = new Map<number, number>([
  [400, GrpcStatus.INTERNAL],
  [401, GrpcStatus.UNAUTHENTICATED],
  [403, GrpcStatus.PERMISSION_DENIED],
  [404, GrpcStatus.UNIMPLEMENTED],
  [405, GrpcStatus.UNIMPLEMENTED],
  [408, GrpcStatus.DEADLINE_EXCEEDED],
  [413, GrpcStatus.RESOURCE_EXHAUSTED],
  [415, GrpcStatus.UNIMPLEMENTED],
  // Asked again on another connection, it may be answered.
  [421, GrpcStatus.UNAVAILABLE],
  [429, GrpcStatus.UNAVAILABLE],
  [431, GrpcStatus.RESOURCE_EXHAUSTED],
  [499, GrpcStatus.CANCELLED],
  [500, GrpcStatus.INTERNAL],
  [501, GrpcStatus.UNIMPLEMENTED],
  [502, GrpcStatus.UNAVAILABLE],
  [503, GrpcStatus.UNAVAILABLE],
  [504, GrpcStatus.DEADLINE_EXCEEDED],
]);

export function grpcStatusOf(httpStatus: number): number {
  return statuses.get(httpStatus) ?? GrpcStatus.UNKNOWN;
}

/** Statuses of HTTP that those of calls stand for, by google/rpc/code.proto; of what is not there, as for any other request. */
const meanings: ReadonlyMap<number, number> = new Map<number, number>([
  [GrpcStatus.CANCELLED, 499],
  [3, 400],
  [GrpcStatus.DEADLINE_EXCEEDED, 504],
  [5, 404],
  [6, 409],
  [GrpcStatus.PERMISSION_DENIED, 403],
  [GrpcStatus.RESOURCE_EXHAUSTED, 429],
  [9, 400],
  [10, 409],
  [11, 400],
  [GrpcStatus.UNIMPLEMENTED, 404],
  [GrpcStatus.UNAVAILABLE, 503],
  [GrpcStatus.UNAUTHENTICATED, 401],
]);

/** @param grpcStatus above 0: it did not go well */
export function httpStatusOf(grpcStatus: number): number {
  return meanings.get(grpcStatus) ?? 500;
}

const contentTypes = /^application\/grpc(-web(-text)?)?(?:\+[a-z0-9.+-]+)?\s*(?:;.*)?$/i;

/** Of the `Content-Type` of a request or an answer; undefined = it is none of them. */
export function grpcFormOf(contentType: string | undefined): GrpcForm | undefined {
  if (contentType === undefined || !/^application\/grpc/i.test(contentType)) return undefined;
  const [whole, web, text] = contentTypes.exec(contentType) ?? [];
  if (whole === undefined) return undefined;
  return text !== undefined ? "text" : web !== undefined ? "web" : "grpc";
}

/** The same messages in another form: `application/grpc-web-text+proto` for `application/grpc+proto`. */
export function contentTypeIn(form: GrpcForm, contentType: string): string {
  const [, format = ""] = /^[^+;\s]*(\+[a-z0-9.+-]+)?/i.exec(contentType) ?? [];
  const suffix = form === "grpc" ? "" : form === "web" ? "-web" : "-web-text";
  return `application/grpc${suffix}${format}`;
}

/** ms of each unit that a `grpc-timeout` may have. */
const units: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1 / 1000,
  n: 1 / 1_000_000,
};

/** A `grpc-timeout` in ms, at least 1; 0 = there is none, or none that is understood. */
export function grpcTimeoutOf(value: string | undefined): number {
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(value ?? "") ?? [];
  return digits === undefined ? 0 : Math.max(1, Math.ceil(Number(digits) * (units[unit] ?? 0)));
}

/** A text as a `grpc-message` carries it: bytes of UTF-8, all but printable ASCII as %XX. */
export function grpcMessage(text: string): string {
  let message = "";
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    message += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return message;
}

/** Lines, each with its CR LF. */
export function statusLines(status: number, text: string): string {
  return `grpc-status: ${status}\r\ngrpc-message: ${grpcMessage(text)}\r\n`;
}

/** What of the head of an answer without messages are trailers in truth. */
export const statusFields = ["grpc-status", "grpc-message", "grpc-status-details-bin"] as const;

/** The status among trailer lines, or -1. */
export function statusIn(lines: string): number {
  const [, digits] = /(?:^|\n)grpc-status:[ \t]*(\d{1,3})[ \t]*\r\n/i.exec(lines) ?? [];
  return digits === undefined ? -1 : Number(digits);
}

/** The status in the head of an answer, or -1. */
export function statusOf(fields: Fields): number {
  const value = fields.passedOn("grpc-status");
  return value !== undefined && /^\d{1,3}$/.test(value) ? Number(value) : -1;
}

/** Marks a frame of gRPC-Web as trailers (PROTOCOL-WEB.md: the first bit of its flags). */
const trailersFlag = 0x80;

/** Trailer lines as the last frame of a gRPC-Web body. @param lines each with its CR LF, latin1 */
export function trailersFrame(lines: string): Buffer {
  const length = Buffer.byteLength(lines, "latin1");
  const frame = Buffer.allocUnsafe(5 + length);
  frame[0] = trailersFlag;
  frame.writeUInt32BE(length, 1);
  // Names are written in lower case, as in HTTP/2.
  frame.write(
    lines.replace(/^[^:\r\n]+/gm, (name) => name.toLowerCase()),
    5,
    "latin1",
  );
  return frame;
}

/** The same as the body of an answer in this form. */
export function trailersBody(form: GrpcForm, lines: string): Buffer {
  if (form === "grpc") return Buffer.alloc(0);
  const frame = trailersFrame(lines);
  return form === "web" ? frame : Buffer.from(frame.toString("base64"), "latin1");
}
