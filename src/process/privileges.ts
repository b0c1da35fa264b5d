// Gives up root once the low ports are open. Supplementary groups go first: whoever keeps `docker` or `disk`
// among them is root by another name. Accounts are looked up in /etc/passwd and /etc/group, where those of
// services are; one that comes from elsewhere is given by number.

import { readFileSync } from "node:fs";

import type { RunAs } from "../config/snapshot.ts";

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Who to become; undefined = nobody else. Throws when there is no such user or group. */
export function accountOf({ user, group }: RunAs): Account | undefined {
  if (user === undefined && group === undefined) return undefined;
  const [uid, primary] = user === undefined ? [process.getuid?.() ?? 0, undefined] : userOf(user);
  const gid = group === undefined ? primary : groupOf(group);
  if (gid === undefined) {
    throw new Error(`user ${user} has no entry in /etc/passwd: say which group, too`);
  }
  return { uid, gid };
}

/** Becomes that account for good. Throws when that is not possible. */
export function become({ uid, gid }: Account): void {
  if (process.getuid?.() === uid && process.getgid?.() === gid) return;
  if (process.getuid?.() !== 0) {
    throw new Error(
      `only root can become user ${uid}, group ${gid}; this is ${process.getuid?.()}`,
    );
  }
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  if (uid !== 0 && process.geteuid?.() === 0) throw new Error(`could not become user ${uid}`);
}

/**
 * Does this with the rights of that account, and is root again. The whole process has them meanwhile, so
 * it must be done when this returns.
 */
export function acting<T>({ uid, gid }: Account, work: () => T): T {
  const groups = process.getgroups?.() ?? [];
  const before = process.getegid?.() ?? 0;
  try {
    process.setgroups?.([]);
    process.setegid?.(gid);
    process.seteuid?.(uid);
    return work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(before);
    process.setgroups?.(groups);
  }
}

function userOf(user: string): [number, number | undefined] {
  for (const [name, , uid, gid] of entriesOf("/etc/passwd")) {
    if (name === user || uid === user) return [Number(uid), Number(gid)];
  }
  if (/^\d+$/.test(user)) return [Number(user), undefined];
  throw new Error(`there is no user ${user}: make it, or name another one`);
}

function groupOf(group: string): number {
  for (const [name, , gid] of entriesOf("/etc/group")) if (name === group) return Number(gid);
  if (/^\d+$/.test(group)) return Number(group);
  throw new Error(`there is no group ${group}: make it, or name another one`);
}

function entriesOf(file: string): string[][] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.map((line) => line.split(":"));
}
