// Whether a password is right, found out once: what was found is remembered for minutes, by a hash that nobody else can
// make. What it costs is bounded, for the process and for each client.

import { createHmac, randomBytes } from "node:crypto";
import { passwordChecks as limits } from "../config/auth-limits.ts";
import { PasswordChecker } from "../lib/password-checker.ts";
import { addressBytes } from "../lib/ip.ts";
import { RecentSet } from "./auth-recent.ts";

/** One thread for all middlewares of the process. */
const checker = new PasswordChecker(limits.mostWaiting, limits.idle);

export interface PasswordQuestion {
  readonly name: string;
  readonly password: string;
  readonly hash: string;
  /** The hash is somebody else's: it is computed all the same, since time would tell that nobody has that name. */
  readonly isDecoy: boolean;
  readonly client: string;
}

export class Passwords {
  readonly #key = randomBytes(32);
  readonly #right = new RecentSet(limits.remembered, limits.mostRemembered);
  readonly #wrong = new RecentSet(limits.wrongRemembered, limits.mostRemembered);
  readonly #running = new Map<string, Promise<boolean | undefined>>();
  readonly #waiting = new Map<string, number>();

  /** undefined = it could not be found out now: too much is being checked. */
  check(question: PasswordQuestion): boolean | Promise<boolean | undefined> {
    const key = this.#keyOf(question);
    if (this.#right.has(key)) return true;
    if (this.#wrong.has(key)) return false;
    return this.#running.get(key) ?? this.#begin(key, question);
  }

  /** Of a hash that is gone from the list, another key comes of the same password. */
  #keyOf({ name, password, hash, isDecoy }: PasswordQuestion): string {
    const text = [isDecoy ? "decoy" : "", hash, name, password].join("\0");
    return createHmac("sha256", this.#key).update(text).digest("base64");
  }

  #begin(key: string, question: PasswordQuestion): Promise<boolean | undefined> {
    const client = networkOf(question.client);
    const waiting = this.#waiting.get(client) ?? 0;
    if (waiting >= limits.mostWaitingPerClient) return Promise.resolve(undefined);
    this.#waiting.set(client, waiting + 1);
    const running = this.#run(key, { ...question, client });
    this.#running.set(key, running);
    return running;
  }

  async #run(
    key: string,
    { password, hash, isDecoy, client }: PasswordQuestion,
  ): Promise<boolean | undefined> {
    const found = await checker.check(password, hash);
    this.#running.delete(key);
    const left = (this.#waiting.get(client) ?? 1) - 1;
    if (left > 0) this.#waiting.set(client, left);
    else this.#waiting.delete(client);
    if (found === undefined) return undefined;
    const isRight = found && !isDecoy;
    (isRight ? this.#right : this.#wrong).add(key);
    return isRight;
  }
}

/** Of IPv6 the network that one customer has: all of its addresses are one client. */
function networkOf(address: string): string {
  const bytes = addressBytes(address);
  return bytes?.length === 16 ? bytes.toString("hex", 0, 8) : address;
}
