// What etcd refuses, said so that somebody can do something about it. It answers with gRPC's codes, and
// says the same in words that differ a little from version to version.

import { recordAt, textAt } from "../lib/json.ts";

export class EtcdError extends Error {
  /** `compacted`: that history is gone; `token`: ours has run out; `due`: it is time to read everything again. */
  readonly kind: "compacted" | "token" | "no auth" | "due" | "refused";

  constructor(kind: EtcdError["kind"], message: string) {
    super(message);
    this.name = "EtcdError";
    this.kind = kind;
  }
}

export interface Refusal {
  /** `etcd at http://10.0.0.1:2379`. */
  readonly who: string;
  /** Where it is configured. */
  readonly place: string;
  readonly status: number;
  /** What it says, of whatever form. */
  readonly body: unknown;
}

export function refused({ who, place, status, body }: Refusal): EtcdError {
  const said = saidIn(body);
  const full = `${who} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (/compacted/.test(said)) return new EtcdError("compacted", full);
  if (/authentication is not enabled/.test(said)) return new EtcdError("no auth", full);
  if (/invalid auth token|revision in header is old|auth store is old/.test(said)) {
    return new EtcdError("token", full);
  }
  const remedy = remedyFor(said, status, place);
  return new EtcdError("refused", remedy === undefined ? full : `${full}; ${remedy}`);
}

function remedyFor(said: string, status: number, place: string): string | undefined {
  if (/user name is empty/.test(said)) return `write username and password at ${place}`;
  if (/invalid user ID or password|authentication failed/.test(said)) {
    return `see username and password at ${place}`;
  }
  if (/permission denied/i.test(said)) {
    return "its user may not do that: etcdctl role grant-permission ROLE --prefix=true read PREFIX (readwrite for a fleet)";
  }
  if (/CommonName/.test(said)) {
    return "with users switched on, its gateway takes no certificate that has a name: make one with an empty CN";
  }
  if (/no leader|transport is closing|request timed out/.test(said)) {
    return "it has too few members up, or has just lost its leader";
  }
  if (/database space exceeded/.test(said)) {
    return "its disk quota is used up, so it takes no writes: etcdctl compact REVISION, etcdctl defrag, etcdctl alarm disarm";
  }
  // The gateway was called /v3beta before, and answers everything else in plain text.
  if (status === 404) return "is it etcd 3.4 or later?";
  return undefined;
}

/** `{"error": "…"}`, or `{"error": {"message": "…"}}` in a stream, or text. */
function saidIn(body: unknown): string {
  // Some refusals are plain text; a page for humans says nothing that fits here.
  const text = typeof body === "string" && !body.includes("<") ? body.trim() : "";
  const said = text || textAt(body, "error") || textAt(recordAt(body, "error"), "message");
  return said.slice(0, 300).replace(/[\p{Cc}]/gu, " ");
}
