// Leases: what is written with one leaves when it is not renewed any more.

import { recordAt, textAt } from "../lib/json.ts";
import type { AskOptions, Member } from "./member.ts";

/** @param seconds etcd makes short ones longer. @returns its id */
export async function grantLease(
  member: Member,
  seconds: number,
  options: AskOptions,
): Promise<string> {
  const answer = await member.ask("/v3/lease/grant", { TTL: String(seconds), ID: "0" }, options);
  const id = textAt(answer, "ID");
  if (/^\d{1,20}$/.test(id)) return id;
  throw new Error("what answered is not etcd: there is no lease in its answer");
}

/** false: there is no such lease any more. */
export async function renewLease(
  member: Member,
  id: string,
  options: AskOptions,
): Promise<boolean> {
  const answer = await member.ask("/v3/lease/keepalive", { ID: id }, options);
  return Number(textAt(recordAt(answer, "result"), "TTL")) > 0;
}

/** What was written with it goes at once. */
export async function revokeLease(member: Member, id: string, options: AskOptions): Promise<void> {
  await member.ask("/v3/lease/revoke", { ID: id }, options);
}
