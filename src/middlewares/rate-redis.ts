// Requests counted by a Redis, for all programs that ask it: the same algorithm as in `gcra.ts`, as a script, so that nobody
// comes in between. What it keeps goes away by itself.

import { createHash, hash } from "node:crypto";
import type { RedisLimits } from "../config/middlewares/uses/limit.ts";
import { paceOf } from "./gcra.ts";
import {
  type Counted,
  OwnCounter,
  passed,
  type RateCounter,
  Refused,
  type Taken,
  takenOf,
} from "./rate-counter.ts";
import { RedisTrouble, useRedis } from "./redis-link.ts";

/**
 * Times are ticks since 2026: whole numbers that a double holds for 17 years. A value that is none of ours counts as none, and
 * a clock that goes back makes nobody wait longer than a limit that is used up.
 */
const script = `
local time = redis.call('TIME')
local now = (tonumber(time[1]) - 1767225600) * 16000000 + tonumber(time[2]) * 16
local old = {}
for part in string.gmatch(redis.call('GET', KEYS[1]) or '', '[^ ]+') do old[#old + 1] = tonumber(part) end
local whole, wait, last = {}, 0, now
for i = 1, #ARGV / 2 do
  local step, slack = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local at = old[i]
  if at == nil or at ~= at or at < now then at = now end
  if at > now + slack + step then at = now + slack + step end
  if at - now - slack > wait then wait = at - now - slack end
  whole[i] = at
end
local answer = { wait }
for i = 1, #whole do
  if wait == 0 then whole[i] = whole[i] + tonumber(ARGV[2 * i - 1]) end
  if whole[i] > last then last = whole[i] end
  answer[i + 1] = whole[i] - now
  whole[i] = string.format('%.0f', whole[i])
end
if wait == 0 then
  redis.call('SET', KEYS[1], table.concat(whole, ' '), 'PX', string.format('%.0f', math.ceil((last - now) / 16000) + 1))
end
return answer
`;

const digest = createHash("sha1").update(script).digest("hex");

export interface RedisCounted extends Counted {
  readonly redis: RedisLimits;
  /** The same in all programs that count together. */
  readonly name: string;
  warn(message: string, fields: Readonly<Record<string, string>>): void;
}

/** Nobody can say whether it may pass. */
export const unknown: Taken = { wait: -1, used: [] };

export class RedisCounter implements RateCounter {
  readonly #counted: RedisCounted;
  readonly #own: OwnCounter;
  readonly #paces: readonly string[];
  readonly #refused = new Refused();
  readonly #redis: ReturnType<typeof useRedis>;

  constructor(counted: RedisCounted) {
    this.#counted = counted;
    this.#own = new OwnCounter(counted);
    this.#paces = counted.rates.map(paceOf).flatMap(({ step, slack }) => [`${step}`, `${slack}`]);
    this.#redis = useRedis(counted.redis.server);
  }

  take(key: string): Taken | Promise<Taken> {
    return this.#refused.look(key) ?? this.#ask(key);
  }

  async #ask(key: string): Promise<Taken> {
    const { redis, name, rates, warn } = this.#counted;
    let cause = "gave an answer that is none";
    try {
      // Keys of clients may be secrets, and many can list what a Redis has.
      const hidden = hash("sha256", key, "base64url").slice(0, 22);
      const place = `${redis.prefix}${name}:${hidden}`;
      const taken = takenOf(await this.#run(place), rates.length);
      if (taken !== undefined) {
        this.#refused.note(key, taken);
        return taken;
      }
    } catch (error) {
      if (!(error instanceof RedisTrouble)) throw error;
      cause = error.message;
    }
    const message = "requests are counted without Redis, which cannot be asked";
    warn(message, { redis: this.#redis.link.shown, cause });
    if (redis.fallback === "local") return this.#own.take(key);
    return redis.fallback === "allow" ? passed : unknown;
  }

  async #run(place: string): Promise<unknown> {
    const { link } = this.#redis;
    const { wait } = this.#counted.redis;
    const args = ["1", place, ...this.#paces];
    try {
      return await link.ask(["EVALSHA", digest, ...args], wait);
    } catch (error) {
      if (!(error instanceof RedisTrouble) || error.code !== "NOSCRIPT") throw error;
      return link.ask(["EVAL", script, ...args], wait);
    }
  }

  close(): void {
    this.#redis.close();
  }
}
