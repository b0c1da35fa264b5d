// What a connection of HTTP/2 is given, and whom it tells of what happens on it.

import type { Socket } from "node:net";

import type { Wheel } from "../../lib/wheel.ts";
import type { ErrorNumber } from "./codes.ts";
import type { FieldSection } from "./field-section.ts";
import type { Stream } from "./stream.ts";

/** What is granted to the peer. */
export interface SessionSettings {
  /** Streams of the peer at once. */
  readonly maxStreams: number;
  /** Of one field section, bytes as RFC 9113 section 6.5.2 counts; also what a compressed one may have. */
  readonly headBytes: number;
  readonly headerCount: number;
  /** For the preface, the first SETTINGS, an acknowledgement, or the rest of a field section, ms; 0 = for ever. */
  readonly headTimeout: number;
  /** Held back for one stream before its writer is told to wait, bytes. */
  readonly bufferBytes: number;
  /** Most that the windows of one connection may let the peer have under way, bytes. */
  readonly windowBytes: number;
}

/** Why a connection was ended by us: what a counter is named by, and the log. */
export interface SessionFault {
  readonly code: ErrorNumber;
  /** A flood: "rapid-reset", "settings", "ping", "empty-frames", "continuation", "window-update", "priority", …; "" = a fault of the protocol. */
  readonly flood: string;
  /** A sentence. */
  readonly why: string;
}

export interface SessionUser {
  /** Server: a stream of the peer begins. Sets `stream.user`, or resets it. `stream.isPeerEnded` says whether a body follows. */
  onRequest(stream: Stream, section: FieldSection): void;
  /** The peer's settings came, first or anew. */
  onSettings(): void;
  /** Client: no further streams may be opened. Those beyond `lastStreamId` have been reset, as untouched. */
  onGoaway(lastStreamId: number, code: ErrorNumber): void;
  /** The last stream is over. Server: idle time begins. */
  onIdle(): void;
  /** We end it, with GOAWAY; `onClosed` follows. */
  onFault(fault: SessionFault): void;
  /** Over, once; every stream was told before. The socket is destroyed, or ends by itself once all has left. */
  onClosed(): void;
}

export interface SessionOptions {
  readonly role: "server" | "client";
  readonly socket: Socket;
  readonly wheel: Wheel;
  readonly settings: SessionSettings;
  readonly user: SessionUser;
}
