// What a stream needs from the rest of the program, and what it tells it.

import type { FailureCode } from "../http/errors.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { Destination } from "../upstream/destination.ts";
import type { Endpoint } from "./proxy-header.ts";
import type { StreamEndings } from "./end-tls.ts";
import type { StreamConnection } from "./stream-connection.ts";
import type { StreamTable } from "./stream-table.ts";

/** Both ends of the client's connection, or what a proxy in front of us says they are. */
export interface StreamOrigin {
  readonly source: Endpoint;
  readonly destination: Endpoint;
}

/** What became of one stream. */
export interface StreamRecord {
  readonly listener: string;
  /** "" = the listener's own service, or none was found. */
  readonly route: string;
  readonly service: string;
  readonly backend: string;
  readonly clientIp: string;
  readonly serverName: string;
  /** From the client, and to it. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly ms: number;
  readonly failure: FailureCode | undefined;
}

export interface StreamContext {
  readonly listener: string;
  readonly wheel: Wheel;
  readonly table: StreamTable;
  /** For routes that end TLS. */
  readonly endings: StreamEndings;
  /** For what a client must say first, ms. */
  readonly headTimeout: number;
  /** Bytes kept of a client while there is no backend yet. */
  readonly bufferBytes: number;
  destinationOf(service: string): Destination | undefined;
  /** Called once, when nothing is left of it. */
  onClosed(connection: StreamConnection): void;
  /** Called once, when it is over. */
  onEnd(record: StreamRecord): void;
  onBadOpening(clientIp: string, why: string): void;
  onTlsRefused(clientIp: string, why: string): void;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}
