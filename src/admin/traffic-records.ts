// Records of whole requests: made because somebody asked for it, kept in memory, and gone with the program.

import type { RecordedExchange } from "../traffic/recorded.ts";

export interface RecordWish {
  /** Name of the route, with or without its `@provider`. */
  readonly route: string;
  readonly count: number;
  /** Bytes kept of each body. */
  readonly body: number;
  /** ms */
  readonly time: number;
  readonly withSecrets: boolean;
}

export interface RecordRow extends RecordWish {
  readonly id: string;
  /** Who asked. */
  readonly by: string;
  /** ISO 8601. */
  readonly since: string;
  readonly state: "recording" | "done";
  /** Why it ended; "" = it has not. */
  readonly ended: string;
  readonly exchanges: number;
  readonly bytes: number;
}

export interface Records {
  /** A sentence says why it cannot be. */
  start(wish: RecordWish, by: string): RecordRow | string;
  rows(): readonly RecordRow[];
  row(id: string): RecordRow | undefined;
  exchanges(id: string): readonly RecordedExchange[] | undefined;
  /** Nothing more comes to it; what it has stays. */
  end(id: string): boolean;
  remove(id: string): boolean;
}
