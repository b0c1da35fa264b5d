// W3C trace context: by which header a request says to which trace it belongs, and what an exchange tells of itself
// while it is recorded.

import { randomFillSync } from "node:crypto";

/** What is passed on of a trace. */
export interface Trace {
  /** 32 digits. */
  readonly id: string;
  /** Of whoever asks: 16 digits. */
  readonly parent: string;
  /** Two digits. */
  readonly flags: string;
}

/** Longest tracestate that has to be passed on, characters (section 3.3.1.5); a longer one is dropped. */
export const longestState = 512;

/** Section 3.2: undefined = it is malformed, and the trace begins anew. Two fields are malformed. */
export function parseTraceparent(value: string | undefined): Trace | undefined {
  const [, version = "", id = "", parent = "", flags = "", more] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(value ?? "") ?? [];
  if (version === "" || version === "ff" || /^0+$/.test(id) || /^0+$/.test(parent))
    return undefined;
  if (version === "00" && more !== undefined) return undefined;
  // Of the flags we know two: recorded, and that the id is random.
  const known = Number.parseInt(flags, 16) & 3;
  return { id, parent, flags: `0${known}` };
}

/** Somebody records it, or will. */
export function isRecorded({ flags }: Pick<Trace, "flags">): boolean {
  return (Number.parseInt(flags, 16) & 1) === 1;
}

export function traceparentOf(id: string, span: string, flags: string): string {
  return `00-${id}-${span}-${flags}`;
}

// Asking the system for eight bytes costs more than all the rest.
const pool = Buffer.alloc(4096);
let used = pool.length;

export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  const digits = pool.toString("hex", used - bytes, used);
  // Nothing but zeros means none at all.
  return /^0+$/.test(digits) ? randomHex(bytes) : digits;
}

/** What happens to an exchange, told to whoever records it; called in the order in which it happens. */
export interface ExchangeRecord {
  /** A middleware is asked. The one before it has let the exchange pass. */
  beginMiddleware(kind: string): void;
  /** All of them let it pass, or the last one that was asked answered. */
  endMiddlewares(): void;
  /** A backend was chosen. */
  beginAttempt(url: string): void;
  /** Its answer begins. */
  answered(status: number): void;
  /** No answer of use came. @param code the name of a failure */
  failed(code: string): void;
  /** It carries the exchange no more. Harmless where no attempt runs. */
  endAttempt(): void;
  /** A head for the backend, such that it belongs to the running attempt. */
  stamped(head: string): string;
}
