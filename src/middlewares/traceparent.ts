// W3C trace context: a request belongs to a trace, and the backend learns which, and that we were in between. Nothing is
// sent to anybody else.

import { randomFillSync } from "node:crypto";
import type { TraceparentUse } from "../config/middlewares/uses/trace.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Middleware } from "./middleware.ts";

/** What is passed on of a trace. */
interface Trace {
  /** 32 digits. */
  readonly id: string;
  /** Two digits. */
  readonly flags: string;
}

/** Longest tracestate that has to be passed on, characters (section 3.3.1.5); a longer one is dropped. */
const longestState = 512;

export function traceparent({ trust, sample }: TraceparentUse): Middleware {
  return {
    onRequest(exchange) {
      const { fields } = exchange.request;
      const came = isBelieved(exchange, trust)
        ? parseTraceparent(fields.get("traceparent"))
        : undefined;
      const trace = came ?? { id: randomHex(16), flags: Math.random() < sample ? "03" : "02" };
      const state = came === undefined ? "" : fields.valuesOf("tracestate").join(",");
      exchange.traceId = trace.id;
      fields.dropNamed("traceparent");
      fields.add("traceparent", `00-${trace.id}-${randomHex(8)}-${trace.flags}`);
      if (came !== undefined && state.length <= longestState) return undefined;
      // It is about another trace, or too long.
      fields.dropNamed("tracestate");
      return undefined;
    },
  };
}

function isBelieved({ origin }: Exchange, trust: TraceparentUse["trust"]): boolean {
  return trust === "everybody" || (trust === "proxies" && origin.isPeerTrusted);
}

/** Section 3.2: undefined = it is malformed, and the trace begins anew. Two fields are malformed. */
export function parseTraceparent(value: string | undefined): Trace | undefined {
  const [, version = "", id = "", parent = "", flags = "", more] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(value ?? "") ?? [];
  if (version === "" || version === "ff" || /^0+$/.test(id) || /^0+$/.test(parent))
    return undefined;
  if (version === "00" && more !== undefined) return undefined;
  // Of the flags we know two: recorded, and that the id is random.
  const known = Number.parseInt(flags, 16) & 3;
  return { id, flags: `0${known}` };
}

// Asking the system for eight bytes costs more than all the rest.
const pool = Buffer.alloc(4096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  const digits = pool.toString("hex", used - bytes, used);
  // Nothing but zeros means none at all.
  return /^0+$/.test(digits) ? randomHex(bytes) : digits;
}
