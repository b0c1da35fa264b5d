// What the kernel tells about networks in /proc, as text: which addresses the network of a process has, and
// which abstract sockets there are. Everybody may read it, of any process. Lines that look otherwise count
// as absent.

import { canonicalAddress } from "../../lib/ip.ts";

export interface SeenV6 {
  readonly ip: string;
  /** Nobody answers there yet: it is still being checked that nobody else has it, or somebody has. */
  readonly isTentative: boolean;
}

/**
 * Local addresses in `net/fib_trie`, which lists each twice:
 *
 *     |-- 172.29.9.11
 *        /32 host LOCAL
 */
export function localV4(text: string): readonly string[] {
  const found = new Set<string>();
  for (const [, ip = ""] of text.matchAll(/\|-- ([\d.]{7,15})\n\s*\/32 host LOCAL/g)) {
    if (canonicalAddress(ip) !== undefined) found.add(ip);
  }
  return [...found];
}

// Of `linux/if_addr.h`.
const deprecated = 0x20;
const duplicate = 0x08;
const tentative = 0x40;
const optimistic = 0x04;
const temporary = 0x01;

/**
 * Addresses in `net/if_inet6`, of global scope (which private ones have as well). Those that change by the day
 * come last; those that are running out are left out.
 *
 *     fd000029000900000000000000000011 02 40 00 80     eth0
 */
export function globalV6(text: string): readonly SeenV6[] {
  const found: { readonly seen: SeenV6; readonly isLasting: boolean }[] = [];
  for (const line of text.split("\n")) {
    const parts = /^([0-9a-f]{32}) [0-9a-f]+ [0-9a-f]+ 00 ([0-9a-f]+) /.exec(line);
    const [, digits = "", flagDigits = ""] = parts ?? [];
    const flags = Number.parseInt(flagDigits, 16);
    const ip = canonicalAddress(digits.replaceAll(/.{4}(?=.)/g, "$&:"));
    if (parts === null || ip === undefined || (flags & deprecated) !== 0) continue;
    const isTentative =
      (flags & duplicate) !== 0 || (flags & (tentative | optimistic)) === tentative;
    found.push({ seen: { ip, isTentative }, isLasting: (flags & temporary) === 0 });
  }
  return found
    .toSorted((a, b) => Number(b.isLasting) - Number(a.isLasting))
    .map(({ seen }) => seen);
}

/**
 * Abstract sockets in `/proc/net/unix` whose names end so and that somebody listens on: their inodes, which tell
 * one from its successor, by name without the @ in front.
 */
export function abstractSockets(text: string, end: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let at = text.indexOf(end);
  while (at !== -1) {
    const lineEnd = text.indexOf("\n", at);
    const to = lineEnd === -1 ? text.length : lineEnd;
    const line = text.slice(text.lastIndexOf("\n", at) + 1, to);
    // Num: RefCount Protocol Flags Type St Inode Path
    const parts = /^\S+: \S+ \S+ 00010000 \S+ \S+ +(\d+) @(.+)$/.exec(line);
    const [, inode = "", name = ""] = parts ?? [];
    if (name.endsWith(end)) found.set(name, inode);
    at = text.indexOf(end, to);
  }
  return found;
}

/** When a process began, in the kernel's own count; undefined = it has ended. From `/proc/PID/stat`. */
export function beginningOf(stat: string): string | undefined {
  // The program's name stands in brackets and may contain anything, brackets too.
  const parts = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = ""] = parts;
  return state === "" || "ZXx".includes(state) ? undefined : parts[19];
}
