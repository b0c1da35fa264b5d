// Whole requests with their answers, recorded because somebody asked for it.

import type { TrafficEntry } from "./entry.ts";

/** What a worker is told to record. */
export interface RecorderOrder {
  /** Of the record. */
  readonly id: string;
  /** Name of the route, with or without its `@provider`. */
  readonly route: string;
  /** Bytes of each body that are kept; 0 = none. */
  readonly body: number;
  /** Values that let somebody in are kept, too. */
  readonly withSecrets: boolean;
  /** How many more are wanted. */
  readonly left: number;
}

export type FieldLine = readonly [name: string, value: string];

export interface RecordedBody {
  /** In base64: it may be anything. */
  readonly base64: string;
  /** All that there was, bytes. */
  readonly bytes: number;
}

export interface RecordedExchange {
  /** Of the record. */
  readonly record: string;
  readonly entry: TrafficEntry;
  /** As it came; without secrets unless they were asked for. */
  readonly target: string;
  readonly version: string;
  readonly fields: readonly FieldLine[];
  readonly body: RecordedBody;
  readonly answer: {
    readonly fields: readonly FieldLine[];
    /** As it was sent, without the framing of chunks. */
    readonly body: RecordedBody;
  };
  /** Where values were left out: names of fields, `target`, and `leftBodies`. */
  readonly left: readonly string[];
}

/** No names of fields, which have no blanks. */
export const leftBodies = {
  request: "values in the body",
  answer: "values in the answer",
} as const;
