// What the processes say to each other. The supervisor holds the listening sockets and starts the primary;
// the primary reads the configuration and keeps the workers; a worker serves. Sockets travel beside a message
// of the kind `socket`. Messages arrive in the order they were sent.

import type { Counts } from "../admin/operations.ts";
import type { OrderList } from "../health/orders.ts";
import type { LogRecord } from "../lib/log.ts";
import type { MeasureReport } from "../metrics/layout.ts";
import type { TallyNews, TallyReport } from "../lib/tally.ts";
import type { PeerNote } from "../peers/live-peers.ts";
import type { Mark, ServiceOutcomes, StateNews } from "../upstream/state.ts";
import type { BoundAddress } from "../listen/listening-socket.ts";
import type { Transport } from "../listen/open-socket.ts";
import type { AddressWish } from "./ports.ts";
import type { Answer, Question } from "./questions.ts";
import type { Publication } from "./sent.ts";

/**
 * Counted up when a message changes its meaning: after an update on disk an old supervisor starts a new
 * primary, and an old primary new workers. They must notice rather than misunderstand each other.
 */
export const protocol = 5;

/** Environment variable that tells a child which protocol its parent speaks. */
export const protocolVariable = "TIDEGATE_PROTOCOL";

/** One socket of an address. */
export interface SocketNote {
  readonly kind: "socket";
  readonly key: string;
  readonly protocol: Transport;
  /** From 0; the kernel deals connections out among all of an address. */
  readonly index: number;
  readonly bound: BoundAddress;
  /** The only one of its address: every worker accepts on it, or one receives for all (UDP). */
  readonly isShared: boolean;
}

/** A session of an application, and the backend it is at. */
export interface SessionNote {
  readonly service: string;
  readonly id: string;
  readonly backend: string;
}

/** What a primary leaves to the next one. */
export interface Legacy {
  /** Number of workers that was asked for at run time; null = the configuration's, undefined = nothing was. */
  readonly workers?: number | "auto" | null | undefined;
  readonly isDraining: boolean;
  /** What operators asked for of services and backends. */
  readonly orders?: OrderList | undefined;
}

/** What session tickets are sealed with. Never on a command line, which everybody can read, and never on a disk. */
export interface TicketNote {
  /** hex */
  readonly secret: string;
  /** ms since 1970 */
  readonly madeAt: number;
}

export type FromPrimary =
  /** Wants these addresses opened, with so many sockets each; answered by sockets, then by `done`. */
  | {
      readonly kind: "open";
      readonly id: number;
      readonly wishes: readonly AddressWish[];
      readonly count: number;
      /** Somebody of ours, who lost its supervisor, may listen there still. */
      readonly isTakeOver: boolean;
    }
  /** Every other address may be closed, and these are accepted on; answered by `done`. */
  | { readonly kind: "keep"; readonly id: number; readonly keys: readonly string[] }
  /** A snapshot is live in all workers. */
  | {
      readonly kind: "serving";
      readonly pidFile: string | undefined;
      readonly status: string;
      /** How long the end may take, ms. */
      readonly grace: number;
    }
  /** Nothing can be served; a person was told why, or is to be told by whoever asked for an upgrade. */
  | { readonly kind: "not-started"; readonly why: string }
  /** The configuration wants a single process. */
  | { readonly kind: "single" }
  | { readonly kind: "worker"; readonly pid: number; readonly isAlive: boolean }
  | { readonly kind: "legacy"; readonly legacy: Legacy }
  /** For the next primary. */
  | { readonly kind: "ticket-secret"; readonly ticket: TicketNote }
  | { readonly kind: "upgrade"; readonly id: number }
  /** An operator asked for the end of the program. */
  | { readonly kind: "stop"; readonly isNow: boolean }
  | { readonly kind: "reloading"; readonly isDone: boolean };

export type ToPrimary =
  | SocketNote
  | { readonly kind: "done"; readonly id: number; readonly failure: Failure | undefined }
  | { readonly kind: "upgraded"; readonly id: number; readonly failure: string | undefined }
  /** Of the primary before; first of all. */
  | { readonly kind: "ticket-secret"; readonly ticket: TicketNote }
  /** The first time: finish what runs. The second time: end at once. */
  | { readonly kind: "stop" }
  | { readonly kind: "reload" }
  | { readonly kind: "reopen-logs" }
  | { readonly kind: "restart" }
  /** A successor serves: let the workers finish, and end. */
  | { readonly kind: "retire" };

/** An error, as far as it can travel. */
export interface Failure {
  readonly message: string;
  readonly code: string | undefined;
}

export type ToWorker =
  | SocketNote
  /** Not to be accepted on by this worker any more. */
  | { readonly kind: "release"; readonly key: string; readonly index: number }
  /** `sockets` = how many it must have been given: one that finds no free descriptor gets lost on the way. */
  | { readonly kind: "publish"; readonly publication: Publication; readonly sockets: number }
  | { readonly kind: "learn"; readonly news: TallyNews }
  | { readonly kind: "reopen-logs" }
  /** Which workers there are; before the first snapshot, and whenever one comes or goes. */
  | { readonly kind: "peers"; readonly note: PeerNote }
  /** All there is to know of backends and services; before the first snapshot. */
  | { readonly kind: "states"; readonly states: StateNews }
  | { readonly kind: "state-news"; readonly news: StateNews }
  /** Nobody will tell of the end of a pause any more: no service is paused from now on. */
  | { readonly kind: "end-pauses" }
  | { readonly kind: "sessions"; readonly sessions: readonly SessionNote[] }
  /** Answered by `answer`. */
  | { readonly kind: "ask"; readonly id: number; readonly question: Question }
  | {
      readonly kind: "leave";
      readonly grace: number;
      readonly tunnelGrace: number;
      readonly isPatient: boolean;
    }
  | { readonly kind: "cut" };

export type FromWorker =
  /** Loaded; wants sockets and a snapshot. */
  | { readonly kind: "ready" }
  | { readonly kind: "live"; readonly version: number }
  | { readonly kind: "refused"; readonly version: number; readonly cause: string }
  | { readonly kind: "pulse"; readonly counts: Counts; readonly memory: number }
  | { readonly kind: "tally"; readonly report: TallyReport }
  | { readonly kind: "log"; readonly record: LogRecord }
  | { readonly kind: "mark"; readonly mark: Mark }
  | { readonly kind: "sessions"; readonly sessions: readonly SessionNote[] }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer }
  | { readonly kind: "outcomes"; readonly services: readonly ServiceOutcomes[] }
  /** Once a second; nothing is lost when it is later. */
  | { readonly kind: "measures"; readonly report: MeasureReport }
  /** Somebody asks for a service that is started on demand, and nobody is there. */
  | { readonly kind: "wanted"; readonly service: string }
  /** A client asks for a name that gets a certificate on demand. */
  | { readonly kind: "asked-name"; readonly name: string }
  /** Somebody else told it to end. */
  | { readonly kind: "leaving" }
  | { readonly kind: "crashed"; readonly cause: string };
