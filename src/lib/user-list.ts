// Lists of users as files have them, a line for each: `name:hash` of htpasswd, `name:realm:hash` of htdigest, and
// `name:sha256` for keys of programs. Empty lines and those that begin with # are for people.

import { type HashCost, hashTrouble } from "./password-hash.ts";

export type UserListForm = "htpasswd" | "htdigest" | "apikeys";

/** By name; for htdigest by `realm:name`, and for keys the other way round: whose key it is, by its hash. */
export type UserList = ReadonlyMap<string, string>;

export interface UserListLimits {
  readonly users: number;
  readonly cost: HashCost;
}

type Entry = { readonly key: string; readonly value: string } | { readonly why: string };

const remedies: Readonly<Record<UserListForm, string>> = {
  htpasswd: "write name:hash, as htpasswd -nB NAME makes it",
  htdigest:
    "write name:realm:hash, with the MD5 (htdigest makes it) or SHA-256 of name:realm:password in hex",
  apikeys: "write name:hash, with the SHA-256 of the key in hex: printf %s KEY | sha256sum",
};

/** What to write instead of an entry that cannot be used. */
export function entryRemedy(form: UserListForm): string {
  return remedies[form];
}

/** What one line says. What is wrong never holds the line: it may be a password. */
export function readEntry(line: string, form: UserListForm, cost: HashCost): Entry {
  // oxlint-disable-next-line no-control-regex -- that is what is looked for
  if (/[\u0000-\u001f\u007f]/.test(line)) return { why: "has a control character" };
  const colon = line.indexOf(":");
  if (colon < 1) return { why: "has no name and hash with a colon between them" };
  const name = line.slice(0, colon);
  const rest = line.slice(colon + 1);
  if (form === "htpasswd") {
    const trouble = hashTrouble(rest, cost);
    return trouble === undefined ? { key: name, value: rest } : { why: `has ${trouble}` };
  }
  if (form === "apikeys") {
    const hash = rest.replace(/^sha256:/, "").toLowerCase();
    if (/^[0-9a-f]{64}$/.test(hash)) return { key: hash, value: name };
    return { why: "has no SHA-256 in hex" };
  }
  const last = rest.lastIndexOf(":");
  const hash = rest.slice(last + 1).toLowerCase();
  if (last < 1) return { why: "has no name, realm and hash with colons between them" };
  if (!/^([0-9a-f]{32}|[0-9a-f]{64})$/.test(hash)) return { why: "has no MD5 or SHA-256 in hex" };
  return { key: digestKey(rest.slice(0, last), name, hash.length), value: hash };
}

/** Of a user of htdigest: one may have a hash of either kind. @param length of the hash in hex digits */
export function digestKey(realm: string, name: string, length: number): string {
  return `${length}:${realm}\n${name}`;
}

/** What is wrong with a list; undefined = nothing. */
export function userListFault(
  text: string,
  form: UserListForm,
  { users, cost }: UserListLimits,
): string | undefined {
  const seen = new Set<string>();
  for (const [line, number] of linesOf(text)) {
    const entry = readEntry(line, form, cost);
    if ("why" in entry) return `line ${number} ${entry.why}; ${remedies[form]}`;
    if (seen.has(entry.key)) return `line ${number} is about somebody who was there before`;
    seen.add(entry.key);
    if (seen.size > users) return `has more than ${users} users`;
  }
  return undefined;
}

/** Of a text that was checked: lines that cannot be used are left out. */
export function readUserList(text: string, form: UserListForm, cost: HashCost): UserList {
  const list = new Map<string, string>();
  for (const [line] of linesOf(text)) {
    const entry = readEntry(line, form, cost);
    if ("key" in entry) list.set(entry.key, entry.value);
  }
  return list;
}

function* linesOf(text: string): Generator<readonly [line: string, number: number]> {
  let number = 0;
  for (const each of text.replace(/^\ufeff/, "").split("\n")) {
    number++;
    const line = each.replace(/\r$/, "").trim();
    if (line !== "" && !line.startsWith("#")) yield [line, number];
  }
}
