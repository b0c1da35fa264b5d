// Who may use the API, as it is kept: users, their sessions and tokens, and what they did. Of everything
// secret only a hash is kept. The book is kept by `store`, and read and written by `admin` alone.

export const roles = ["read", "edit", "admin"] as const;

/** `read` sees everything but secrets, `edit` also changes what is routed, `admin` everything. */
export type Role = (typeof roles)[number];

/** Whether a role is enough for what needs another one. */
export function isEnough(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}

export function lesser(a: Role, b: Role): Role {
  return isEnough(a, b) ? b : a;
}

/** Times are milliseconds since 1970. */
export interface UserRecord {
  readonly name: string;
  readonly role: Role;
  /** A PHC string: says how it was made. */
  readonly password: string;
  readonly created: number;
}

export interface SessionRecord {
  /** SHA-256 of what the browser has, hex. */
  readonly hash: string;
  readonly user: string;
  readonly created: number;
  /** Of the latest request, give or take a minute. */
  readonly seen: number;
}

export interface TokenRecord {
  /** By which it is named; not secret. */
  readonly id: string;
  readonly hash: string;
  readonly user: string;
  /** What it is for, for people. */
  readonly name: string;
  /** At most; its user may have less by now. */
  readonly role: Role;
  readonly created: number;
  readonly expires: number;
  /** undefined = it was never used; give or take an hour. */
  readonly used: number | undefined;
}

export interface AuditRecord {
  readonly number: number;
  readonly at: number;
  /** `alice`, `alice (token ci)`, `control socket (root)`; what somebody called himself who was refused. */
  readonly by: string;
  /** Address, or "" for the control socket. */
  readonly from: string;
  /** `login`, `put routes web`, … */
  readonly what: string;
  /** `done`, `refused`, or `asked for` of what ends this process. */
  readonly outcome: string;
  /** Of the store, with what was there before and after. */
  readonly revision: number | undefined;
}

export type NewAuditRecord = Omit<AuditRecord, "number">;

/** What the book could not do; the message is a sentence for people. */
export class BookFault extends Error {}

/** Each call is durable when it returns. Throws BookFault. */
export interface AccountBook {
  users(): readonly UserRecord[];
  user(name: string): UserRecord | undefined;
  addUser(user: UserRecord): void;
  /** Ends the sessions of the user as well. */
  setPassword(name: string, password: string): void;
  /** With sessions and tokens. */
  removeUser(name: string): void;
  session(hash: string): SessionRecord | undefined;
  /** Beyond `most` the oldest of the user ends. */
  addSession(session: SessionRecord, most: number): void;
  touchSession(hash: string, seen: number): void;
  removeSession(hash: string): void;
  /** Takes away what began or was seen last before these times. */
  expireSessions(begunBefore: number, seenBefore: number): void;
  tokens(): readonly TokenRecord[];
  token(hash: string): TokenRecord | undefined;
  addToken(token: TokenRecord): void;
  touchToken(id: string, used: number): void;
  /** Whether there was one. */
  removeToken(id: string): boolean;
  /** The latest first, those before a number. */
  audit(before: number | undefined, limit: number): readonly AuditRecord[];
  /** Beyond `most` the oldest go. */
  addAudit(record: NewAuditRecord, most: number): void;
}
