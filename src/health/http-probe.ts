// One HTTP/1.1 request on a connection of its own: the status has to be one of those wanted, and the body has
// to contain the text wanted. Redirects are answers like any other, and not followed.

import { type IncomingMessage, request as sendRequest } from "node:http";
import type { Socket } from "node:net";
import type { ProbeSettings } from "../config/service.ts";
import { type Attempt, maxAnswerBytes, type ProbeTarget } from "./attempt.ts";
import { quote } from "../lib/quote.ts";
import { checkAgent } from "./check-agent.ts";
import { faultText } from "./fault-text.ts";
import { authorityOf } from "./open-socket.ts";

type HttpSettings = Extract<ProbeSettings, { kind: "http" }>;

export function askHttp1(attempt: Attempt, settings: HttpSettings, socket: Socket): void {
  const { target } = attempt;
  attempt.waitsFor = "answer";
  const request = sendRequest({
    createConnection: () => socket,
    method: settings.method,
    path: pathOf(target, settings),
    headers: headersOf(target, settings),
    setHost: false,
    maxHeaderSize: maxAnswerBytes,
  });
  attempt.onEnd(() => request.destroy());
  request.on("error", (error) => attempt.bad(httpFault(error, target)));
  // There may be any number of them before the answer.
  request.on("information", () => {
    if (socket.bytesRead > maxAnswerBytes) attempt.bad("sent 64 KiB without an answer");
  });
  request.on("response", (response) => onResponse(attempt, settings, response));
  request.on("upgrade", (response) => onResponse(attempt, settings, response));
  request.end();
}

/** On a port of its own answers another server, and the backend's base path says nothing about that. */
export function pathOf({ backend, check }: ProbeTarget, { path }: HttpSettings): string {
  return check.port === undefined ? backend.basePath + path : path;
}

export function headersOf(target: ProbeTarget, { host, headers, method }: HttpSettings) {
  const fields: Record<string, string> = {
    host: host ?? authorityOf(target),
    "user-agent": checkAgent,
    accept: "*/*",
    connection: "close",
  };
  if (method === "POST") fields["content-length"] = "0";
  for (const [name, value] of Object.entries(headers)) fields[name.toLowerCase()] = value;
  return fields;
}

function onResponse(attempt: Attempt, settings: HttpSettings, response: IncomingMessage): void {
  const { statusCode = 0 } = response;
  const { statuses, body } = settings;
  response.on("error", (error: Error) => attempt.bad(httpFault(error, attempt.target)));
  if (!statuses.some(([from, to]) => statusCode >= from && statusCode <= to)) {
    return attempt.bad(`answered ${statusCode}`);
  }
  if (body === undefined) return attempt.good(`${statusCode}`);
  attempt.waitsFor = "end of the answer";
  const missing = JSON.stringify(quote(body));
  readUntil(response, Buffer.from(body), (found) => {
    if (found === "found") attempt.good(`${statusCode}`);
    else if (found === "cut") attempt.bad("closed the connection in the middle of its answer");
    else attempt.bad(`answered ${statusCode} without ${missing} in ${found}`);
  });
}

type Found = "found" | "cut" | "its body" | "the first 64 KiB of its body";

function readUntil(response: IncomingMessage, wanted: Buffer, onEnd: (found: Found) => void): void {
  const buffer = Buffer.allocUnsafe(maxAnswerBytes);
  let length = 0;
  response.on("data", (bytes: Buffer) => {
    // From where a part of it could stand: not all again for each byte.
    const from = Math.max(0, length - wanted.length);
    length += bytes.copy(buffer, length);
    if (buffer.subarray(0, length).indexOf(wanted, from) !== -1) onEnd("found");
    else if (length === maxAnswerBytes) onEnd("the first 64 KiB of its body");
  });
  response.on("end", () => onEnd("its body"));
  response.on("close", () => onEnd("cut"));
}

function httpFault(error: NodeJS.ErrnoException, target: ProbeTarget): string {
  const { code = "", message } = error;
  if (code === "HPE_HEADER_OVERFLOW") return "answered with a head of more than 64 KiB";
  if (code.startsWith("HPE_")) return `answered what is not HTTP/1.1: ${quote(message)}`;
  // Node's words for an end before the answer; a reset comes from the system.
  if (message === "socket hang up") return "closed the connection without an answer";
  if (message === "aborted") return "closed the connection in the middle of its answer";
  return faultText(error, target, true);
}
