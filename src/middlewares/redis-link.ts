// One connection to a Redis for all limits of this process that name it: opened when it is first needed, and again some time
// after it was lost. Whoever asks waits a bounded time, and not at all while it is known to be away.

import type { createClient } from "@redis/client";
import { redisLimitLimits as limits } from "../config/limit-limits.ts";
import type { RedisServer } from "../config/source-settings.ts";
import { quote } from "../lib/quote.ts";

type Client = ReturnType<typeof clientFor>;

const links = new Map<string, { readonly link: RedisLink; users: number }>();

/** @returns the one that all use, and what says that it is no longer needed */
export function useRedis(server: RedisServer): { readonly link: RedisLink; close(): void } {
  const key = JSON.stringify(server);
  const used = links.get(key) ?? { link: new RedisLink(server), users: 0 };
  used.users++;
  links.set(key, used);
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    used.users--;
    if (used.users > 0) return;
    links.delete(key);
    used.link.close();
  };
  return { link: used.link, close };
}

/** What went wrong, without a password in it. */
export class RedisTrouble extends Error {
  /** First word of an answer: `NOSCRIPT`. */
  readonly code: string;

  constructor(sentence: string) {
    super(sentence);
    this.code = /^[A-Z]+(?=\s|$)/.exec(sentence)?.[0] ?? "";
  }
}

class RedisLink {
  readonly #server: RedisServer;
  #client: Client | undefined;
  #opening: Promise<Client> | undefined;
  /** `performance.now()` before which it is not tried again. */
  #restUntil = 0;
  #hasFailed = false;
  #cause = "";
  #asked = 0;
  #late = 0;
  #isClosed = false;

  constructor(server: RedisServer) {
    this.#server = server;
  }

  get shown(): string {
    const { place } = this.#server;
    if (place.kind === "unix") return place.path;
    if (place.kind !== "tcp") return place.kind;
    return `${place.host.includes(":") ? `[${place.host}]` : place.host}:${place.port}`;
  }

  /** @param wait ms @throws RedisTrouble, also when it takes longer */
  async ask(args: readonly string[], wait: number): Promise<unknown> {
    if (this.#asked >= limits.mostAsked) throw new RedisTrouble("too many questions wait for it");
    const client = this.#client ?? (await this.#opened(wait));
    this.#asked++;
    const answer = client.sendCommand(args);
    const settled = () => void this.#asked--;
    answer.then(settled, settled);
    try {
      const said: unknown = await inTime(answer, wait);
      this.#late = 0;
      return said;
    } catch (error) {
      if (error === late) this.#onLate(client);
      throw this.#trouble(error);
    }
  }

  /** Nobody waits for one that failed before: it is opened aside. */
  async #opened(wait: number): Promise<Client> {
    if (this.#opening === undefined && performance.now() < this.#restUntil) {
      throw new RedisTrouble(this.#cause);
    }
    this.#opening ??= this.#open();
    const opening = this.#opening;
    opening.catch(() => {}); // told to those who wait
    if (this.#hasFailed) throw new RedisTrouble(this.#cause);
    try {
      return await inTime(opening, wait);
    } catch (error) {
      throw this.#trouble(error);
    }
  }

  async #open(): Promise<Client> {
    let client: Client | undefined;
    try {
      // 27 MB and a tenth of a second, which nobody should pay who has no Redis.
      const library = await import("@redis/client");
      const made = clientFor(library.createClient, this.#server);
      client = made;
      // Without a listener an error would end the process.
      made.on("error", (error: unknown) => this.#lose(made, error));
      made.on("end", () => this.#lose(made, new Error("closed the connection")));
      await inTime(made.connect(), limits.connectTimeout);
      if (this.#isClosed) throw new Error("is no longer needed");
      this.#client = made;
      this.#hasFailed = false;
      this.#late = 0;
      return made;
    } catch (error) {
      if (client !== undefined) this.#lose(client, error);
      throw error;
    } finally {
      this.#opening = undefined;
    }
  }

  #lose(client: Client, error: unknown): void {
    if (this.#client === client || this.#client === undefined) {
      this.#client = undefined;
      this.#hasFailed = true;
      this.#cause = this.#trouble(error).message;
      this.#restUntil = performance.now() + limits.rest;
    }
    if (client.isOpen) client.destroy();
  }

  /** One that hangs keeps its connections open. */
  #onLate(client: Client): void {
    this.#late++;
    if (this.#late >= limits.mostLate && this.#client === client) this.#lose(client, late);
  }

  #trouble(error: unknown): RedisTrouble {
    const { password } = this.#server;
    const text = error instanceof Error ? error.message || error.name : String(error);
    const censored = password ? text.replaceAll(password, "…") : text;
    // What an old server repeats of a command that it does not know.
    return new RedisTrouble(quote(censored.replace(/,? with args beginning with:.*$/s, "")));
  }

  close(): void {
    this.#isClosed = true;
    const client = this.#client;
    this.#client = undefined;
    if (client?.isOpen === true) client.destroy();
  }
}

const late = new Error("did not answer in time");

async function inTime<Answer>(work: Promise<Answer>, wait: number): Promise<Answer> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late), wait);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function clientFor(
  create: typeof createClient,
  { place, tls, username, password, database }: RedisServer,
) {
  const common = { connectTimeout: limits.connectTimeout, reconnectStrategy: false } as const;
  const { ca, certificate, key } = tls ?? {};
  const trust = {
    tls: true,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  } as const;
  if (place.kind !== "tcp" && place.kind !== "unix") throw new Error("is not one Redis");
  const where =
    place.kind === "unix"
      ? { path: place.path, tls: false as const }
      : { host: place.host, port: place.port, ...(tls === undefined ? {} : trust) };
  return create({
    socket: { ...common, ...where },
    RESP: 2,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    database,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: "disabled",
    // We have a time limit of our own.
    commandOptions: { timeout: 0 },
  });
}
