// Keys that tokens are checked with: those of the settings and of a file, and a set that whoever signs publishes. That one
// is asked for again now and then, and when a token names a key that is not in it; what was had last is kept.

import { createSecretKey } from "node:crypto";
import { tokens as limits } from "../config/auth-limits.ts";
import type { LiveDocument } from "../config/documents.ts";
import type { JwtUse } from "../config/middlewares/uses/auth.ts";
import { readPublicKeys, type TokenKey } from "../lib/public-keys.ts";
import { webAnswer } from "../lib/web-call.ts";
import type { MiddlewareApi } from "./middleware.ts";

/** Where keys come from. */
export type KeySource = Pick<JwtUse, "jwks" | "keys" | "secret" | "documents" | "ca" | "refresh">;

export class TokenKeys {
  readonly #use: KeySource;
  readonly #api: MiddlewareApi;
  readonly #own: readonly TokenKey[];
  readonly #ending = new AbortController();
  #document: LiveDocument | undefined;
  #ofFile: readonly TokenKey[] = [];
  /** undefined = it was never had. */
  #published: readonly TokenKey[] | undefined;
  #asking: Promise<void> | undefined;
  #askedAt = -Infinity;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Another one whenever there are other keys. */
  generation = 0;

  constructor(use: KeySource, api: MiddlewareApi) {
    this.#use = use;
    this.#api = api;
    this.#own = [...use.keys.flatMap(keysOf), ...secretKeys(use.secret)];
    if (use.jwks !== "") void this.#ask();
  }

  /** Those that a token could be signed with; undefined = nobody knows now. */
  async find(kid: string, algorithm: string): Promise<readonly TokenKey[] | undefined> {
    const found = this.#fitting(kid, algorithm);
    if (found.length > 0 || this.#use.jwks === "") return found;
    // Whoever makes up names of keys has it asked no more often than this.
    if (performance.now() - this.#askedAt > limits.leastBetween) void this.#ask();
    await this.#asking;
    return this.#published === undefined ? undefined : this.#fitting(kid, algorithm);
  }

  /** Takes notice of another file. False: it could not be had yet. */
  refreshFile(): boolean {
    const [wish] = this.#use.documents;
    if (wish === undefined) return true;
    const document = this.#api.document(wish.name);
    if (document !== undefined && document !== this.#document) {
      this.#document = document;
      this.#ofFile = keysOf(document.text);
      this.generation++;
    }
    return document !== undefined;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#ending.abort();
  }

  #fitting(kid: string, algorithm: string): readonly TokenKey[] {
    const all = [...this.#own, ...this.#ofFile, ...(this.#published ?? [])];
    const fitting = all.filter(({ algorithms }) => algorithms.includes(algorithm));
    const named = fitting.filter((each) => kid === "" || each.kid === "" || each.kid === kid);
    // Those of that very name first.
    return named
      .toSorted((a, b) => Number(b.kid === kid) - Number(a.kid === kid))
      .slice(0, limits.mostTried);
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce(): Promise<void> {
    this.#askedAt = performance.now();
    clearTimeout(this.#timer);
    const url = new URL(this.#use.jwks);
    const who = `the keys at ${url.origin}${url.pathname}`;
    const { ca } = this.#use;
    try {
      const answer = await webAnswer(
        {
          url,
          method: "GET",
          headers: { Accept: "application/jwk-set+json, application/json" },
          tls: ca === undefined ? undefined : { ca, certificate: undefined, key: undefined },
          who,
          place: `the ${this.#api.owner}`,
          signal: this.#ending.signal,
          timeout: limits.keySetTimeout,
        },
        limits.keySetBytes,
      );
      if (answer.status !== 200) throw new Error(`${who} are answered with ${answer.status}`);
      this.#take(answer.body.toString(), who);
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      this.#failures++;
      const cause = error instanceof Error ? error.message : String(error);
      this.#api.warn("keys of tokens cannot be had", { cause });
    }
    if (this.#ending.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#ask(), this.#wait());
    this.#timer.unref();
  }

  #take(text: string, who: string): void {
    const read = readPublicKeys(text, limits);
    if (read.kind === "bad") throw new Error(`what is at ${who} ${read.why}`);
    this.#failures = 0;
    this.#published = read.keys;
    this.generation++;
  }

  #wait(): number {
    const { refresh } = this.#use;
    if (this.#failures === 0) return refresh;
    return Math.min(limits.retry * 2 ** Math.min(this.#failures - 1, 6), refresh);
  }
}

function keysOf(text: string): readonly TokenKey[] {
  const read = readPublicKeys(text, limits);
  return read.kind === "ok" ? read.keys : [];
}

/** For these algorithms alone: a public key that somebody takes for a secret is known to everybody. */
function secretKeys(secret: string): readonly TokenKey[] {
  if (secret === "") return [];
  const key = createSecretKey(secret, "utf8");
  return [{ kid: "", key, algorithms: ["HS256", "HS384", "HS512"] }];
}
