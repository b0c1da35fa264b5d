// One connection to one Redis, with a time limit for each question. It is never mended: who uses it is told that
// it is lost, and opens another, since after a gap everything has to be listed anyway.

import type { createClient } from "@redis/client";
import { redisLimits as limits } from "../../config/provider-limits.ts";
import type { RedisServer } from "../../config/source-settings.ts";
import { faultOf, RedisFault, type RedisPlace, shownPlace } from "./fault.ts";

export interface ConnectionOptions {
  readonly place: RedisPlace;
  readonly login: Pick<RedisServer, "tls" | "username" | "password" | "database">;
  /** 2 for those before Redis 6. */
  readonly protocol: 2 | 3;
  /** A key has changed; undefined = everything may have. Needs protocol 3. */
  readonly onInvalid?: (key: string | undefined) => void;
}

export class RedisConnection implements Disposable {
  readonly place: RedisPlace;
  readonly #client: Client;
  readonly #password: string | undefined;
  /** Settles when it is lost; never when it was disposed of. */
  readonly lost: Promise<RedisFault>;
  readonly #lose: (fault: RedisFault) => void;
  #isDisposed = false;

  private constructor(client: Client, options: ConnectionOptions) {
    const { promise, resolve } = Promise.withResolvers<RedisFault>();
    this.place = options.place;
    this.#password = options.login.password;
    this.lost = promise;
    this.#lose = resolve;
    this.#client = client;
    // Without a listener an error would end the process.
    this.#client.on("error", (error: unknown) => {
      if (!this.#isDisposed) resolve(this.#fault(error));
    });
  }

  static async open(options: ConnectionOptions): Promise<RedisConnection> {
    // 27 MB and a tenth of a second, which nobody should pay who has no Redis.
    const library = await import("@redis/client");
    const client = clientFor(library.createClient, options);
    const connection = new RedisConnection(client, options);
    try {
      // The handshake has no time limit of its own.
      await connection.#inTime(connection.#client.connect());
      return connection;
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  /** Throws a RedisFault. One that takes too long loses the connection. */
  call(args: readonly string[]): Promise<unknown> {
    return this.#inTime(this.#client.sendCommand(args));
  }

  /** All or nothing. */
  async transaction(commands: readonly (readonly string[])[]): Promise<void> {
    const all = [["MULTI"], ...commands, ["EXEC"]];
    // Written at once, and answered in this order; a command in between would become part of it.
    const answers = await Promise.all(all.map((args) => this.call(args)));
    const last = answers.at(-1);
    const failed: unknown = Array.isArray(last) ? last.find((each) => each instanceof Error) : last;
    if (failed instanceof Error) throw this.#fault(failed);
  }

  /** Channels that fit the pattern; nothing else can be asked here then with protocol 2. */
  async listen(patterns: readonly string[], onMessage: (channel: string) => void): Promise<void> {
    const listening = this.#client.pSubscribe([...patterns], (_message, channel) =>
      onMessage(channel),
    );
    await this.#inTime(listening);
  }

  async #inTime<Answer>(work: Promise<Answer>): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const fault = this.#late();
        // First: what ends with the connection says only that it was closed.
        reject(fault);
        this.#lose(fault);
        this.#end();
      }, limits.answerTimeout);
    });
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      throw this.#fault(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #late(): RedisFault {
    const seconds = limits.answerTimeout / 1000;
    const where = shownPlace(this.place);
    const text = `Redis at ${where} did not answer within ${seconds} s`;
    return new RedisFault(text, "ETIMEDOUT");
  }

  #fault(error: unknown): RedisFault {
    return faultOf(error, { place: this.place, password: this.#password });
  }

  #end(): void {
    this.#isDisposed = true;
    if (this.#client.isOpen) this.#client.destroy();
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}

type Client = ReturnType<typeof clientFor>;

function clientFor(
  create: typeof createClient,
  { place, login, protocol, onInvalid }: ConnectionOptions,
) {
  const { tls, username, password, database } = login;
  const client = create({
    socket: socketOf(place, tls),
    RESP: protocol,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    database,
    // In protocol 2 that is a command of its own, which a user may not be allowed.
    ...(protocol === 3 ? { name: "tidegate" } : {}),
    disableOfflineQueue: true,
    disableClientInfo: true,
    emitInvalidate: onInvalid !== undefined,
    maintNotifications: "disabled",
    // We have a time limit of our own, which costs less and ends the connection.
    commandOptions: { timeout: 0 },
  });
  client.on("invalidate", (key: unknown) => {
    onInvalid?.(typeof key === "string" || Buffer.isBuffer(key) ? String(key) : undefined);
  });
  return client;
}

function socketOf(place: RedisPlace, tls: RedisServer["tls"]) {
  const common = { connectTimeout: limits.connectTimeout, reconnectStrategy: false } as const;
  if (place.kind === "unix") return { ...common, path: place.path, tls: false } as const;
  const { host, port } = place;
  if (tls === undefined) return { ...common, host, port } as const;
  const { ca, certificate, key } = tls;
  return {
    ...common,
    host,
    port,
    tls: true,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  } as const;
}
