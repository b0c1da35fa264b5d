// What the primary asks those who serve about single exchanges, and what they answer.

import type { ExchangeOrigin } from "../http/exchange.ts";
import type { Tap } from "../proxy/tap.ts";
import type { RecordedExchange, RecorderOrder } from "../traffic/recorded.ts";
import type { OpenEntry, TrafficEntry } from "../traffic/entry.ts";
import type { TrafficFilter } from "../traffic/filter.ts";

export type TrafficQuestion =
  /** What ended since it was asked last, and fits any of these; from now on it is watched for. */
  | { readonly kind: "traffic"; readonly filters: readonly TrafficFilter[] }
  | { readonly kind: "standouts" }
  | { readonly kind: "open" }
  | { readonly kind: "close"; readonly id: string }
  | { readonly kind: "samples" }
  /** All that is to be recorded; what is not among them any more is not recorded any more. */
  | { readonly kind: "recorded"; readonly orders: readonly RecorderOrder[] };

export type TrafficAnswer =
  | {
      readonly kind: "traffic";
      readonly entries: readonly TrafficEntry[];
      readonly dropped: number;
    }
  | { readonly kind: "standouts"; readonly entries: readonly TrafficEntry[] }
  | { readonly kind: "open"; readonly entries: readonly OpenEntry[] }
  | { readonly kind: "close"; readonly isClosed: boolean }
  /** Each is JSON. */
  | { readonly kind: "samples"; readonly samples: readonly string[] }
  | { readonly kind: "recorded"; readonly exchanges: readonly RecordedExchange[] };

/** How long an answer is waited for, ms. */
export const trafficWaits: Readonly<Record<TrafficQuestion["kind"], number>> = {
  // Asked again soon: who is late says it then.
  traffic: 1000,
  // Asked once: of a worker that has much to do it would be missing, and that is where something is wrong.
  standouts: 3000,
  open: 3000,
  close: 2000,
  // A MiB of each worker.
  samples: 3000,
  recorded: 3000,
};

/** @param cut ends a connection whatever runs on it */
export function trafficAnswer(
  tap: Tap,
  question: TrafficQuestion,
  cut: (connection: ExchangeOrigin) => void,
): TrafficAnswer {
  switch (question.kind) {
    case "traffic":
      return { kind: "traffic", ...tap.watch(question.filters) };
    case "standouts":
      return { kind: "standouts", entries: tap.standouts };
    case "open":
      return { kind: "open", entries: tap.openEntries };
    case "close": {
      const connection = tap.closing(question.id);
      if (connection !== undefined) cut(connection);
      return { kind: "close", isClosed: connection !== undefined };
    }
    case "samples":
      return { kind: "samples", samples: tap.samples.all };
    case "recorded":
      return { kind: "recorded", exchanges: tap.record(question.orders) };
  }
}

/** Of a process that serves nothing yet. */
export function emptyTrafficAnswer({ kind }: TrafficQuestion): TrafficAnswer {
  switch (kind) {
    case "traffic":
      return { kind, entries: [], dropped: 0 };
    case "standouts":
    case "open":
      return { kind, entries: [] };
    case "close":
      return { kind, isClosed: false };
    case "samples":
      return { kind, samples: [] };
    case "recorded":
      return { kind, exchanges: [] };
  }
}
