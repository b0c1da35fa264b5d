// How changes of keys are heard of, the best way that a server has: it tells whoever wants to know (CLIENT
// TRACKING, since Redis 6), or publishes what happens to keys where it is set up so, or else it is asked each
// second whether anything was written. What is heard is a hint to read again, never the change itself.

import { setTimeout as pause } from "node:timers/promises";
import { redisLimits as limits } from "../../config/provider-limits.ts";
import type { RedisServer } from "../../config/source-settings.ts";
import { RedisConnection } from "./connection.ts";
import { RedisFault, type RedisPlace } from "./fault.ts";

export interface HearingOptions {
  readonly place: RedisPlace;
  readonly server: RedisServer;
  /** Of keys; none begins with another. */
  readonly prefixes: readonly string[];
  /** This key may have changed; undefined = any may have. */
  onHint(key: string | undefined): void;
}

export interface Hearing extends Disposable {
  readonly way: "tracking" | "notifications" | "polling";
  /** For reading. */
  readonly connection: RedisConnection;
  /** Rejects when it cannot hear any longer; ends when the signal is aborted. */
  listen(signal: AbortSignal): Promise<void>;
}

export async function hear(options: HearingOptions): Promise<Hearing> {
  return (await byTracking(options)) ?? (await otherwise(options));
}

// --- tracking ------------------------------------------------------------------------------------------

async function byTracking(options: HearingOptions): Promise<Hearing | undefined> {
  const { place, server, prefixes, onHint } = options;
  let connection: RedisConnection | undefined;
  try {
    connection = await RedisConnection.open({
      place,
      login: server,
      protocol: 3,
      onInvalid: (key) => onHint(key),
    });
    // It was switched on for keys that we read, which would miss new ones.
    await connection.call(["CLIENT", "TRACKING", "OFF"]);
    const wanted = prefixes.flatMap((each) => ["PREFIX", each]);
    await connection.call(["CLIENT", "TRACKING", "ON", "BCAST", ...wanted]);
  } catch (error) {
    connection?.[Symbol.dispose]();
    if (isRefused(error)) return undefined;
    throw error;
  }
  const own = connection;
  return {
    way: "tracking",
    connection: own,
    listen: (signal) => alive([own], signal),
    [Symbol.dispose]: () => own[Symbol.dispose](),
  };
}

/** It does not know the command, or we may not use it; anything else would fail another way, too. */
function isRefused(error: unknown): boolean {
  if (!(error instanceof RedisFault) || !error.isAnswer) return false;
  return ["ERR", "NOPERM", "NOPROTO"].includes(error.code);
}

// --- notifications, and polling ------------------------------------------------------------------------

async function otherwise(options: HearingOptions): Promise<Hearing> {
  const { place, server: login } = options;
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(await RedisConnection.open({ place, login, protocol: 2 }));
  const second = await notified(options, connection);
  if (second !== undefined) stack.use(second);
  const held = stack.move();
  return {
    way: second === undefined ? "polling" : "notifications",
    connection,
    listen: (signal) =>
      Promise.race([
        alive(second === undefined ? [connection] : [connection, second], signal),
        second === undefined
          ? poll(connection, options, stateOf, signal)
          : poll(connection, options, isEmpty, signal),
      ]),
    [Symbol.dispose]: () => void held.disposeAsync(),
  };
}

/** A connection of its own: with protocol 2 nothing else can be asked where somebody listens. */
async function notified(
  { place, server, prefixes, onHint }: HearingOptions,
  connection: RedisConnection,
): Promise<RedisConnection | undefined> {
  if (!(await areNotificationsOn(connection))) return undefined;
  const listener = await RedisConnection.open({ place, login: server, protocol: 2 });
  try {
    const channel = `__keyspace@${server.database}__:`;
    const patterns = prefixes.map((each) => `${channel}${globEscaped(each)}*`);
    await listener.listen(patterns, (name) => onHint(name.slice(channel.length)));
    return listener;
  } catch (error) {
    listener[Symbol.dispose]();
    if (isRefused(error)) return undefined;
    throw error;
  }
}

async function areNotificationsOn(connection: RedisConnection): Promise<boolean> {
  try {
    const answer = await connection.call(["CONFIG", "GET", "notify-keyspace-events"]);
    const flags = Array.isArray(answer) ? String(answer[1] ?? "") : "";
    const isAll =
      flags.includes("A") || ["g", "$", "l", "s", "x"].every((kind) => flags.includes(kind));
    return flags.includes("K") && isAll;
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
}

export function globEscaped(text: string): string {
  return text.replaceAll(/[*?[\]\\^]/g, "\\$&");
}

/** Asks again and again, and hints when the answer is another one. */
async function poll(
  connection: RedisConnection,
  { onHint }: HearingOptions,
  ask: (connection: RedisConnection) => Promise<string>,
  signal: AbortSignal,
): Promise<void> {
  let last = await ask(connection);
  while (!signal.aborted) {
    await pause(limits.pollEvery, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const now = await ask(connection);
    if (now !== last) onHint(undefined);
    last = now;
  }
}

/** Moves with every change of any key, and not back after a save. Without the right to see it, each time. */
async function stateOf(connection: RedisConnection): Promise<string> {
  try {
    const text = String(await connection.call(["INFO", "persistence"]));
    const moving = text.match(/^rdb_(changes_since_last_save|last_save_time):.*$/gm);
    return moving?.join() ?? String(performance.now());
  } catch (error) {
    if (isRefused(error)) return String(performance.now());
    throw error;
  }
}

/** Nobody is notified of FLUSHDB. Without the right to see it, it is found when all are listed. */
async function isEmpty(connection: RedisConnection): Promise<string> {
  try {
    return String((await connection.call(["DBSIZE"])) === 0);
  } catch (error) {
    if (isRefused(error)) return "";
    throw error;
  }
}

// --- being there ---------------------------------------------------------------------------------------

/** Rejects when one of them is lost; a server that hangs closes nothing, and is asked for it. */
async function alive(connections: readonly RedisConnection[], signal: AbortSignal): Promise<void> {
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  const lost = connections.map(async ({ lost: loss }) => {
    throw await loss;
  });
  try {
    await Promise.race([...lost, pinged(connections[0], either)]);
  } finally {
    ending.abort();
  }
}

async function pinged(connection: RedisConnection | undefined, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(limits.pingEvery, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await connection?.call(["PING"]);
  }
}
