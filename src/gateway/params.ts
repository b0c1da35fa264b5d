// What a request is told as to a program: names and values in the order of CGI (RFC 3875), written as each protocol has them.

import type { GatewayProtocol } from "../config/gateway.ts";
import { encodePairs } from "./fastcgi-records.ts";
import { encodeNetstring, hasNul } from "./scgi.ts";
import { encodePacket, isTooLong } from "./uwsgi.ts";

/** Names and values by turns, latin1: [name, value, name, value …]. */
export type Params = readonly string[];

/** Why it cannot be said in this protocol: the client's doing, so that no backend is to be asked, or blamed. */
export function paramsFault(
  protocol: GatewayProtocol,
  params: Params,
): "HEAD_TOO_LARGE" | "BAD_TARGET" | undefined {
  if (protocol === "uwsgi" && isTooLong(params)) return "HEAD_TOO_LARGE";
  if (protocol === "scgi" && hasNul(params)) return "BAD_TARGET";
  return undefined;
}

/**
 * As `BackendConnection.begin` takes them: latin1 text. FastCGI: name-value pairs without records; SCGI: the netstring;
 * uwsgi: the packet with its header. Whoever calls it asked `paramsFault`.
 */
export function encodeParams(protocol: GatewayProtocol, params: Params): string {
  if (paramsFault(protocol, params) !== undefined) {
    throw new RangeError(`these params cannot be said in ${protocol}`);
  }
  switch (protocol) {
    case "fastcgi":
      return encodePairs(params);
    case "scgi":
      return encodeNetstring(params);
    case "uwsgi":
      return encodePacket(params);
  }
}
