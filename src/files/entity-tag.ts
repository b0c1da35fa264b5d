// Entity tags (RFC 9110 section 8.8.3): made of what a file system says of a file, and held against what clients send.

import { settledAfter } from "../config/files-limits.ts";

export interface FileFacts {
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  /** Of its last change of any kind, ms since 1970. */
  readonly changedAt: number;
  readonly inode: bigint;
}

/**
 * Another file, another length or any change make another tag: whoever unpacks or copies files often gives them the time that
 * they had before. Weak while the file is so young that it could change
 * once more within the same tick of its clock.
 * @param suffix of the encoding: the same file in another form has another tag
 */
export function entityTag(
  { size, modifiedAt, changedAt, inode }: FileFacts,
  now: number,
  suffix = "",
): string {
  const time = Math.round(changedAt * 1000).toString(36);
  const tag = `"${inode.toString(36)}-${size.toString(36)}-${time}${suffix}"`;
  return Math.abs(now - modifiedAt) < settledAfter ? `W/${tag}` : tag;
}

/** Whether both are the same byte for byte (section 8.8.3.2). */
export function matchesStrongly(one: string, other: string): boolean {
  return one === other && !one.startsWith("W/");
}

/** Whether a list such as `"a", W/"b"`, or `*`, has the tag; weak and strong ones count as the same. */
export function listHasWeakly(list: string, tag: string): boolean {
  return listHas(list, (each) => opaque(each) === opaque(tag));
}

export function listHasStrongly(list: string, tag: string): boolean {
  return listHas(list, (each) => matchesStrongly(each, tag));
}

function opaque(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}

/** Tags may hold commas, so the list is read tag by tag. What is no tag ends it. */
function listHas(list: string, isIt: (tag: string) => boolean): boolean {
  if (list.trim() === "*") return true;
  const tag = /[\t ,]*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[\t ]*(?=,|$)/y;
  for (let found = tag.exec(list); found !== null; found = tag.exec(list)) {
    if (isIt(found[1] ?? "")) return true;
  }
  return false;
}
