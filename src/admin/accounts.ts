// The users of the API: who there is, what they may do, and what is known of what they did. Who asks is found
// out in accounts-entry.ts; here is what operators do about it.

import { createHash, randomBytes } from "node:crypto";
import {
  type AccountBook,
  type AuditRecord,
  BookFault,
  isEnough,
  type NewAuditRecord,
  type Role,
  type TokenRecord,
  type UserRecord,
} from "../config/account.ts";
import { accountLimits as limits } from "../config/admin-limits.ts";
import type { Log } from "../lib/log.ts";
import { hashPassword, randomPassword } from "./accounts-password.ts";
import { AccountRefusal } from "./accounts-refusal.ts";

const dayMs = 86_400_000;
const tokenPrefix = "tg_";

/** Who does something. */
export interface Actor {
  readonly by: string;
  readonly from: string;
}

/** Who may connect there may do everything, and the system does not tell who it was. */
export const socketActor: Actor = { by: "control socket", from: "" };

export type UserRow = Pick<UserRecord, "name" | "role" | "created">;
export type TokenRow = Omit<TokenRecord, "hash">;

export interface NewToken {
  readonly user: string;
  readonly name: string;
  readonly role: Role;
  readonly days: number;
}

export class Accounts {
  readonly book: AccountBook;
  readonly #log: Log;
  readonly #now: () => number;

  constructor(book: AccountBook, log: Log, now: () => number = Date.now) {
    this.book = book;
    this.#log = log;
    this.#now = now;
  }

  users(): readonly UserRow[] {
    return this.book.users().map(({ name, role, created }) => ({ name, role, created }));
  }

  /** Makes the first one, and returns its password; undefined = there are users. */
  async first(): Promise<{ readonly name: string; readonly password: string } | undefined> {
    if (this.book.users().length > 0) return undefined;
    const name = "admin";
    const actor = { by: "first start", from: "" };
    const password = await this.addUser({ name, role: "admin", password: undefined }, actor);
    return password === undefined ? undefined : { name, password };
  }

  /** Returns the password if it was made here. */
  async addUser(
    { name, role, password }: { name: string; role: Role; password: string | undefined },
    actor: Actor,
  ): Promise<string | undefined> {
    checkUserName(name);
    const made = password === undefined ? randomPassword() : undefined;
    const hash = await hashPassword(made ?? checkedPassword(password, name));
    const users = this.book.users();
    if (users.some((each) => each.name === name)) {
      throw new AccountRefusal("conflict", `there is a user ${name} already`);
    }
    if (users.length >= limits.users) {
      throw new AccountRefusal("conflict", `there are ${limits.users} users already; remove one`);
    }
    this.book.addUser({ name, role, password: hash, created: this.#now() });
    this.note(actor, `add user ${name} as ${role}`);
    return made;
  }

  /** Ends the user's sessions. Returns the password if it was made here. */
  async setPassword(
    name: string,
    password: string | undefined,
    actor: Actor,
  ): Promise<string | undefined> {
    this.#existing(name);
    const made = password === undefined ? randomPassword() : undefined;
    const hash = await hashPassword(made ?? checkedPassword(password, name));
    this.#existing(name);
    this.book.setPassword(name, hash);
    this.note(actor, `set password of ${name}`);
    return made;
  }

  /** With sessions and tokens. */
  removeUser(name: string, actor: Actor): void {
    const user = this.#existing(name);
    const others = this.book.users().filter((each) => each.name !== name);
    if (user.role === "admin" && !others.some(({ role }) => role === "admin")) {
      const remedy = "make another one first: tidegate user add NAME --role admin";
      throw new AccountRefusal("conflict", `${name} is the last with the role admin; ${remedy}`);
    }
    this.book.removeUser(name);
    this.note(actor, `remove user ${name}`);
  }

  tokens(): readonly TokenRow[] {
    return this.book.tokens().map(({ hash: _hash, ...row }) => row);
  }

  /** Returns what is shown this once. */
  addToken(wish: NewToken, actor: Actor): { readonly secret: string; readonly token: TokenRow } {
    const user = this.#existing(wish.user);
    if (!isEnough(user.role, wish.role)) {
      const message = `a token of ${user.name} may have the role ${user.role} at most`;
      throw new AccountRefusal("invalid", message);
    }
    if (wish.name.length > limits.tokenName || /\p{Cc}/u.test(wish.name)) {
      // It stands in the history and the audit, in one line.
      const message = `the name of a token has at most ${limits.tokenName} characters, and no control characters`;
      throw new AccountRefusal("invalid", message);
    }
    if (this.book.tokens().length >= limits.tokens) {
      const message = `there are ${limits.tokens} tokens already; revoke those that nobody uses`;
      throw new AccountRefusal("conflict", message);
    }
    const secret = `${tokenPrefix}${randomBytes(32).toString("base64url")}`;
    const created = this.#now();
    const { name, role, days } = wish;
    const id = randomBytes(6).toString("hex");
    const expires = created + days * dayMs;
    const token = { id, user: user.name, name, role, created, expires, used: undefined };
    this.book.addToken({ ...token, hash: hashOf(secret) });
    this.note(actor, `add token ${id} of ${user.name} as ${role}`);
    return { secret, token };
  }

  /** @param owner undefined = anybody's */
  revokeToken(id: string, owner: string | undefined, actor: Actor): void {
    const found = this.book.tokens().find((each) => each.id === id);
    if (found === undefined || (owner !== undefined && found.user !== owner)) {
      throw new AccountRefusal("missing", `there is no token ${JSON.stringify(id)}`);
    }
    this.book.removeToken(id);
    this.note(actor, `revoke token ${id} of ${found.user}`);
  }

  audit(before: number | undefined, limit: number): readonly AuditRecord[] {
    return this.book.audit(before, limit);
  }

  /** Of what is done already: whoever asked must not think otherwise because it cannot be written down. */
  note(
    { by, from }: Actor,
    what: string,
    { outcome = "done", revision }: Partial<Pick<NewAuditRecord, "outcome" | "revision">> = {},
  ): void {
    try {
      this.book.addAudit({ at: this.#now(), by, from, what, outcome, revision }, limits.audit);
    } catch (error) {
      if (!(error instanceof BookFault)) throw error;
      this.#log.error("the audit cannot be written", { cause: error.message, what, outcome, by });
    }
  }

  #existing(name: string): UserRecord {
    const user = this.book.user(name);
    if (user !== undefined) return user;
    const names = this.book.users().map((each) => each.name);
    const known =
      names.length === 0 ? "there is none at all" : `known: ${names.slice(0, 10).join(", ")}`;
    throw new AccountRefusal("missing", `there is no user ${JSON.stringify(name)}; ${known}`);
  }
}

/** Of what is random enough that nobody could find it by trying. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

export function isToken(text: string): boolean {
  return text.startsWith(tokenPrefix);
}

export function isUserName(name: string): boolean {
  return name.length <= limits.userName && /^[a-z\d][\w.@-]*$/i.test(name);
}

function checkUserName(name: string): void {
  if (isUserName(name)) return;
  const what = `at most ${limits.userName} letters, digits, and . _ @ -, and begins with a letter or digit`;
  throw new AccountRefusal(
    "invalid",
    `${JSON.stringify(name.slice(0, 100))} is no user name: it has ${what}`,
  );
}

function checkedPassword(password: string | undefined, name: string): string {
  const text = password ?? "";
  const { passwordLeast, passwordMost } = limits;
  if (text.length < passwordLeast || text.length > passwordMost) {
    const message = `a password has ${passwordLeast} to ${passwordMost} characters`;
    throw new AccountRefusal("invalid", message);
  }
  // Three words are enough; one letter twelve times, or the name, are what is tried first.
  if (new Set(text).size < 5 || text.toLowerCase().includes(name.toLowerCase())) {
    throw new AccountRefusal("invalid", "this password is too easy to guess; choose another one");
  }
  return text;
}
