// Who asks: a session's cookie, a token, or name and password with each request. Nothing here tells, by its
// answer or its time, whether a user exists; and who guesses has to wait.

import { createHmac, randomBytes } from "node:crypto";
import { BookFault, lesser, type Role, type SessionRecord } from "../config/account.ts";
import {
  basicMemory,
  loginThrottle,
  sessionLimits,
  tokenTouchEvery,
} from "../config/admin-limits.ts";
import { type Accounts, type Actor, hashOf, isUserName } from "./accounts.ts";
import { isPassword } from "./accounts-password.ts";
import { addressKey, Throttle } from "./accounts-throttle.ts";

/** Whoever may do something. */
export interface Caller extends Actor {
  readonly user: string;
  readonly role: Role;
  readonly how: "session" | "basic" | "token" | "socket";
  /** Of a session: by which it is ended, and what must come with each request that changes something. */
  readonly session: { readonly hash: string; readonly csrf: string } | undefined;
}

export type Entry =
  | { readonly kind: "caller"; readonly caller: Caller }
  | { readonly kind: "refused" }
  /** @see Throttle */
  | { readonly kind: "wait"; readonly ms: number };

export type Login =
  | {
      readonly kind: "session";
      readonly secret: string;
      readonly csrf: string;
      readonly role: Role;
      readonly expires: number;
    }
  | Exclude<Entry, { kind: "caller" }>;

/** Who logged in from where of late; the others guess under the same name. */
const mostKnown = 1000;

/** A session that begins later than this from now is of before the clock was set back: it could go on for years. */
const clockSlack = 300_000;

export interface Clocks {
  /** Since 1970; may be set. */
  now(): number;
  /** Only ever goes on. */
  elapsed(): number;
}

const usualClocks: Clocks = { now: () => Date.now(), elapsed: () => performance.now() };

export class AccountsEntry {
  readonly #accounts: Accounts;
  readonly #now: () => number;
  readonly #elapsed: () => number;
  readonly #byAddress: Throttle;
  readonly #byUser: Throttle;
  /** Which failures of an address a login takes back: not those under other names. */
  readonly #byPair: Throttle;
  /** Apart, or a script with a token of yesterday would keep people on the same machine out. */
  readonly #byToken: Throttle;
  readonly #known = new Set<string>();
  readonly #memoryKey = randomBytes(32);
  /** Passwords that were right, by their HMAC and where they came from. */
  readonly #right = new Map<string, { readonly until: number; readonly hash: string }>();
  readonly #checking = new Map<string, Promise<Entry>>();

  constructor(accounts: Accounts, { now, elapsed }: Clocks = usualClocks) {
    this.#accounts = accounts;
    this.#now = now;
    this.#elapsed = elapsed;
    const { address, user, entries } = loginThrottle;
    this.#byAddress = new Throttle(address, entries, elapsed);
    this.#byUser = new Throttle(user, entries, elapsed);
    this.#byPair = new Throttle(address, entries, elapsed);
    this.#byToken = new Throttle(address, entries, elapsed);
  }

  async login(name: string, password: string, from: string): Promise<Login> {
    const entry = await this.#check(name, password, from);
    const { book } = this.#accounts;
    const actor = { by: shownName(name), from };
    if (entry.kind !== "caller") {
      if (entry.kind === "refused") this.#accounts.note(actor, "login", { outcome: "refused" });
      return entry;
    }
    const now = this.#now();
    const { idle, longest, perUser } = sessionLimits;
    book.expireSessions(now - longest, now - idle);
    const secret = randomBytes(32).toString("base64url");
    book.addSession({ hash: hashOf(secret), user: name, created: now, seen: now }, perUser);
    this.#accounts.note(actor, "login");
    const { role } = entry.caller;
    return { kind: "session", secret, csrf: csrfOf(secret), role, expires: now + longest };
  }

  logout({ session, by, from }: Caller): void {
    if (session === undefined) return;
    this.#accounts.book.removeSession(session.hash);
    this.#accounts.note({ by, from }, "logout");
  }

  bySession(secret: string, from: string): Entry {
    const { book } = this.#accounts;
    const session = book.session(hashOf(secret));
    const user = session === undefined ? undefined : book.user(session.user);
    if (session === undefined || user === undefined || !this.#isAlive(session)) {
      return { kind: "refused" };
    }
    const { hash } = session;
    const now = this.#now();
    if (now - session.seen >= sessionLimits.touchEvery) {
      unlessFull(() => book.touchSession(hash, now));
    }
    const { name, role } = user;
    const own = { hash, csrf: csrfOf(secret) };
    return {
      kind: "caller",
      caller: { user: name, role, how: "session", session: own, by: name, from },
    };
  }

  #isAlive({ created, seen }: SessionRecord): boolean {
    const now = this.#now();
    const { longest, idle } = sessionLimits;
    return created <= now + clockSlack && now < created + longest && now < seen + idle;
  }

  byToken(text: string, from: string): Entry {
    const { book } = this.#accounts;
    const token = book.token(hashOf(text));
    const user = token === undefined ? undefined : book.user(token.user);
    const now = this.#now();
    // Nobody finds one by trying, so one that is good is good at any time.
    if (token === undefined || user === undefined || now >= token.expires) {
      return this.#badToken(from);
    }
    if (token.used === undefined || now - token.used >= tokenTouchEvery) {
      unlessFull(() => book.touchToken(token.id, now));
    }
    const by = `${user.name} (token ${token.name === "" ? token.id : token.name})`;
    const role = lesser(user.role, token.role);
    return {
      kind: "caller",
      caller: { user: user.name, role, how: "token", session: undefined, by, from },
    };
  }

  #badToken(from: string): Entry {
    const key = addressKey(from);
    const ms = this.#byToken.wait(key);
    if (ms > 0) return { kind: "wait", ms };
    this.#byToken.begin(key);
    return { kind: "refused" };
  }

  /** Name and password with each request: what was right a moment ago is not worked out again. */
  byBasic(name: string, password: string, from: string): Promise<Entry> {
    const address = addressKey(from);
    // Who has to wait is not told at once that this one is right: it would be a way to guess without waiting.
    const ms = this.#byAddress.wait(address);
    if (ms > 0) return Promise.resolve({ kind: "wait", ms });
    const said = `${address}\0${name}\0${password}`;
    const key = createHmac("sha256", this.#memoryKey).update(said).digest("hex");
    const user = this.#accounts.book.user(name);
    const right = this.#right.get(key);
    if (user !== undefined && right?.hash === user.password && this.#elapsed() < right.until) {
      return Promise.resolve({ kind: "caller", caller: basicCaller(name, user.role, from) });
    }
    this.#right.delete(key);
    // Many at once with one password are one guess.
    const before = this.#checking.get(key);
    if (before !== undefined) return before;
    const check = this.#checkBasic(name, password, from).finally(() => this.#checking.delete(key));
    this.#checking.set(key, check);
    void check.then(
      (entry) => this.#remember(key, name, entry),
      () => undefined, // whoever asked is told
    );
    return check;
  }

  async #checkBasic(name: string, password: string, from: string): Promise<Entry> {
    const entry = await this.#check(name, password, from);
    if (entry.kind === "refused") {
      this.#accounts.note({ by: shownName(name), from }, "basic login", { outcome: "refused" });
    }
    return entry;
  }

  #remember(key: string, name: string, entry: Entry): void {
    const hash = this.#accounts.book.user(name)?.password;
    if (entry.kind !== "caller" || hash === undefined) return;
    if (this.#right.size >= basicMemory.entries) {
      const [oldest] = this.#right.keys();
      if (oldest !== undefined) this.#right.delete(oldest);
    }
    this.#right.set(key, { until: this.#elapsed() + basicMemory.time, hash });
  }

  /** Throws TooBusy. */
  async #check(name: string, password: string, from: string): Promise<Entry> {
    const address = addressKey(from);
    // What is no name at all may be as long as a head.
    const key = isUserName(name) ? name : "";
    const pair = `${address} ${key}`;
    const ms = Math.max(
      this.#byAddress.wait(address),
      // Who was here before is not kept out by others who guess.
      this.#known.has(pair) ? 0 : this.#byUser.wait(key),
    );
    if (ms > 0) return { kind: "wait", ms };
    const counted = [
      [this.#byAddress, address],
      [this.#byUser, key],
      [this.#byPair, pair],
    ] as const;
    for (const [throttle, each] of counted) throttle.begin(each);
    const user = key === name ? this.#accounts.book.user(name) : undefined;
    const isRight = await isPassword(password, user?.password).catch((error: unknown) => {
      // Nobody looked at it, so it was no guess.
      for (const [throttle, each] of counted) throttle.forgive(each, 1);
      throw error;
    });
    // Removed, or given another password, while it was worked out.
    const now = this.#accounts.book.user(name);
    if (!isRight || now === undefined || now.password !== user?.password) {
      return { kind: "refused" };
    }
    // Only one's own slips: who has a user here could guess at others for ever by logging in now and then.
    const own = this.#byPair.count(pair);
    for (const [throttle, each] of counted) throttle.forgive(each, own);
    this.#known.delete(pair);
    this.#known.add(pair);
    const [oldest] = this.#known;
    if (this.#known.size > mostKnown && oldest !== undefined) this.#known.delete(oldest);
    return { kind: "caller", caller: basicCaller(name, now.role, from) };
  }
}

/** That somebody was here need not be known: with a full disk one can still look around. */
function unlessFull(note: () => void): void {
  try {
    note();
  } catch (error) {
    if (!(error instanceof BookFault)) throw error;
  }
}

function basicCaller(user: string, role: Role, from: string): Caller {
  return { user, role, how: "basic", session: undefined, by: user, from };
}

/** Worked out of the session's secret, so that nothing has to be kept. */
function csrfOf(secret: string): string {
  return createHmac("sha256", secret).update("tidegate csrf").digest("base64url");
}

/** What somebody called himself, for the audit; a password typed into the wrong field must not stand there. */
function shownName(name: string): string {
  return isUserName(name) ? name : "(no user name)";
}
