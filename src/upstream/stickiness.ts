// Which backend a client has to come back to: by a cookie of ours, or by the application's own session.

import type { BackendService, Sticky } from "../config/service.ts";
import { cookieOf, setCookieOf } from "../http/cookies.ts";
import type { Fields } from "../http/fields.ts";
import { hashOf } from "./balance/hash.ts";
import { Ring } from "./balance/ring.ts";
import type { LiveBackend } from "./live-backend.ts";
import type { Asker } from "./pooled.ts";
import { Sessions } from "./sessions.ts";
import { StickyCookie } from "./sticky-cookie.ts";

export interface Stickiness {
  update(backends: readonly LiveBackend[]): void;
  /** The backend of the session that the client has; it may be down. */
  find(asker: Asker): LiveBackend | undefined;
  /** Where a session of unknown place goes; undefined = wherever the policy says. */
  place(asker: Asker, usable: readonly LiveBackend[]): LiveBackend | undefined;
  /** Line for the head of the answer, with its CR LF; "" = none. */
  line(asker: Asker, backend: LiveBackend, isSecure: boolean): string;
  /** Looks whether an answer begins a session. */
  learn(answer: Fields, backend: LiveBackend): void;
  /** Another worker saw one begin. */
  take(id: string, backend: LiveBackend): void;
}

export interface StickinessOptions {
  secret(): string;
  onSession(service: string, id: string, backend: string): void;
}

export function stickinessOf(
  { name, sticky }: BackendService,
  options: StickinessOptions,
): Stickiness | undefined {
  switch (sticky?.kind) {
    case undefined:
      return undefined;
    case "cookie":
      return new ByCookie(name, sticky, options.secret);
    case "application":
      return new BySession(name, sticky, options);
  }
}

class ByCookie implements Stickiness {
  readonly #cookie: StickyCookie<LiveBackend>;

  constructor(
    service: string,
    settings: Extract<Sticky, { kind: "cookie" }>,
    secret: () => string,
  ) {
    this.#cookie = new StickyCookie(settings, service, secret);
  }

  update(backends: readonly LiveBackend[]): void {
    this.#cookie.update(backends);
  }

  find(asker: Asker): LiveBackend | undefined {
    return this.#cookie.find(asker.header("cookie"));
  }

  place(): undefined {}

  line(asker: Asker, backend: LiveBackend, isSecure: boolean): string {
    const isKnown = this.#cookie.names(backend, asker.header("cookie"));
    return isKnown ? "" : this.#cookie.lineFor(backend, isSecure);
  }

  learn(): void {}

  take(): void {}
}

/** Consistent hashing needs no bound here: a session must go where it is. */
const unbounded = 0;

class BySession implements Stickiness {
  readonly #service: string;
  readonly #source: Extract<Sticky, { kind: "application" }>["source"];
  readonly #sessions: Sessions<LiveBackend>;
  readonly #options: StickinessOptions;
  readonly #ring = new Ring<LiveBackend>(unbounded);
  #placed: readonly LiveBackend[] | undefined;
  #backends: readonly LiveBackend[] = [];

  constructor(
    service: string,
    { source, sessions, idle }: Extract<Sticky, { kind: "application" }>,
    options: StickinessOptions,
  ) {
    this.#service = service;
    this.#source = source;
    this.#options = options;
    this.#sessions = new Sessions<LiveBackend>({ sessions, idle });
  }

  /** Those that are gone keep no session: whoever had one there is placed anew. */
  update(backends: readonly LiveBackend[]): void {
    for (const each of this.#backends) if (!backends.includes(each)) this.#sessions.forget(each);
    this.#backends = backends;
  }

  find(asker: Asker): LiveBackend | undefined {
    const id = this.#idOf(asker);
    return id === "" ? undefined : this.#sessions.get(id);
  }

  place(asker: Asker, usable: readonly LiveBackend[]): LiveBackend | undefined {
    const id = this.#idOf(asker);
    if (id === "" || usable.length === 0) return undefined;
    if (this.#placed !== usable) this.#ring.update(usable);
    this.#placed = usable;
    return this.#ring.pick(hashOf(id), null);
  }

  #idOf(asker: Asker): string {
    const { from, name } = this.#source;
    return from === "header" ? (asker.header(name) ?? "") : cookieOf(asker.header("cookie"), name);
  }

  line(): string {
    return "";
  }

  learn(answer: Fields, backend: LiveBackend): void {
    // Only what an application gave: clients can make up as many as they like.
    const id = this.#idIn(answer);
    if (id === "" || this.#sessions.get(id) === backend) return;
    this.#sessions.set(id, backend);
    this.#options.onSession(this.#service, id, backend.url);
  }

  #idIn(answer: Fields): string {
    const { from, name } = this.#source;
    if (from === "header") return answer.get(name) ?? "";
    for (let index = 0; index < answer.count; index++) {
      if (answer.nameAt(index).toLowerCase() !== "set-cookie") continue;
      const value = setCookieOf(answer.valueAt(index), name);
      if (value !== "") return value;
    }
    return "";
  }

  take(id: string, backend: LiveBackend): void {
    this.#sessions.set(id, backend);
  }
}
