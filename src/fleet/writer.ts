// How books of the fleet write to the etcd that is asked now: keys without the prefix, and leases of their own.

import { grantLease } from "../etcd/lease.ts";
import type { AskOptions, Member } from "../etcd/member.ts";
import { type Write, type Written, write } from "../etcd/transaction.ts";

export interface Writer {
  write(what: Write): Promise<Written>;
  /** What is written with the lease that it returns goes after so long, ms, or a little later. */
  leaseFor(ms: number): Promise<string>;
}

export function writerFor(member: Member, prefix: string, options: AskOptions): Writer {
  return {
    write: (what) => write(member, { ...what, key: `${prefix}${what.key}` }, options),
    leaseFor: (ms) => grantLease(member, Math.max(1, Math.ceil(ms / 1000)), options),
  };
}
