// The real program on a real Redis with Hipache's layout, and origins that answer with a status of their own.

import { userInfo } from "node:os";
import { ask } from "./ask.ts";
import { eventually } from "./barrier.ts";
import { LiveOrigin } from "./live-origin.ts";
import { type Redis, startRedis } from "./redis.ts";
import { accessLogName, startTidegate, type Tidegate } from "./tidegate.ts";

export interface HipacheStand extends AsyncDisposable {
  readonly redis: Redis;
  readonly program: Tidegate;
  /** An origin that answers this to every request; one each. */
  origin(status: number): Promise<LiveOrigin>;
  /** As its users do: the identifier, then the backends. */
  connects(host: string, ...urls: readonly string[]): Promise<void>;
  /** Status of one request on a connection of its own. */
  status(name: string, options?: Parameters<typeof ask>[1]): Promise<number>;
  /** Until the host is answered with this. */
  answers(name: string, status: number): Promise<void>;
}

export interface HipacheStandOptions {
  /** Of `providers.hipache`. */
  readonly hipache?: Readonly<Record<string, unknown>>;
  readonly workers?: number;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly redisArgs?: readonly string[];
  /** Instead of all of these: started as `tidegate hipache`, with this below `server` of its config.json. */
  readonly server?: Readonly<Record<string, unknown>>;
}

export async function hipacheStand({
  hipache = {},
  workers = 2,
  config = {},
  redisArgs = [],
  server,
}: HipacheStandOptions = {}): Promise<HipacheStand> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis({ args: redisArgs }));
  const program = stack.use(
    await startTidegate(
      server === undefined
        ? {
            workers,
            config: {
              listeners: { web: "127.0.0.1:0" },
              providers: { hipache: { redis: redis.url, ...hipache } },
              admin: false,
              ...config,
            },
          }
        : { command: "hipache", config: configJson(redis.url, server) },
    ),
  );
  const origins = new Map<number, LiveOrigin>();
  const status = async (name: string, options: Parameters<typeof ask>[1] = {}) =>
    (await ask(program.port(), { name, headers: { Connection: "close" }, ...options })).status;
  const held = stack.move();
  return {
    redis,
    program,
    status,
    async origin(wanted) {
      const known = origins.get(wanted);
      if (known !== undefined) return known;
      const origin = held.use(await LiveOrigin.start(`o${wanted}`));
      origin.answer = () => ({ status: wanted });
      origins.set(wanted, origin);
      return origin;
    },
    async connects(host, ...urls) {
      await redis.cli("RPUSH", `frontend:${host}`, host, ...urls);
    },
    async answers(name, wanted) {
      let last = 0;
      try {
        await eventually(`${wanted} for ${name}`, async () => {
          last = await status(name);
          return last === wanted || undefined;
        });
      } catch (error) {
        throw new Error(`${String(error)}, last was ${last}\n${program.stderr()}`, {
          cause: error,
        });
      }
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** As Hipache's own tests have it, on ports that the system chooses. */
export function configJson(driver: string, server: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    server: { workers: 2, tcpTimeout: 5, accessLog: `{folder}/${accessLogName}`, ...server },
    http: { port: 0, bind: ["127.0.0.1"] },
    driver,
    user: userInfo().username,
  });
}
