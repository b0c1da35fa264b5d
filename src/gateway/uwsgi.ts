// The head of a uwsgi request: one packet with 16-bit lengths, the low byte first (uwsgi protocol, "Header" and "uwsgi vars").
// The body comes behind it as it is.

import { maxUwsgiBytes } from "../config/gateway-limits.ts";

/** What modifier1 says of the packet: variables of a WSGI (or PSGI, Rack …) request. */
const requestModifier = 0;

export function isTooLong(params: readonly string[]): boolean {
  return lengthOf(params) > maxUwsgiBytes;
}

export function encodePacket(params: readonly string[]): string {
  let text = String.fromCharCode(requestModifier) + shortOf(lengthOf(params)) + "\0";
  for (let at = 0; at < params.length; at++) text += shortOf(params[at]!.length) + params[at]!;
  return text;
}

function lengthOf(params: readonly string[]): number {
  let length = 0;
  for (let at = 0; at < params.length; at++) length += 2 + params[at]!.length;
  return length;
}

function shortOf(value: number): string {
  return String.fromCharCode(value & 255, value >> 8);
}
