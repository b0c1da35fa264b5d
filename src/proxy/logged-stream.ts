// A TCP stream or a UDP session as the access log reads it: what there is stands where an exchange has the
// same, so that one log and one format serve all.

import { factsOf, type FailureCode } from "../http/errors.ts";
import type { LogEntry } from "./access-log.ts";

export interface CarriedStream {
  readonly protocol: "TCP" | "UDP";
  readonly listener: string;
  readonly route: string;
  readonly service: string;
  readonly backend: string;
  readonly clientIp: string;
  /** From the TLS hello; "" = none. */
  readonly serverName: string;
  /** From the client, and to it. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly ms: number;
  readonly failure: FailureCode | undefined;
}

export function loggedStream(stream: CarriedStream): LogEntry {
  const { protocol, listener, clientIp, serverName, bytesIn, bytesOut, ms, failure } = stream;
  const target = serverName === "" ? listener : serverName;
  return {
    remoteAddress: clientIp,
    authorization: undefined,
    timeMs: Date.now(),
    requestLine: `${protocol} ${target}`,
    method: protocol,
    target,
    version: protocol,
    host: serverName,
    referer: undefined,
    userAgent: undefined,
    requestBytes: bytesIn,
    status: failure === undefined ? 200 : factsOf(failure).status,
    bodyBytes: bytesOut,
    durationMs: ms,
    backendMs: undefined,
    attempts: 1,
    routeName: stream.route,
    serviceName: stream.service,
    site: "",
    backendUrl: stream.backend,
    failure: failure ?? "",
  };
}
