// All keys of some prefixes, a bounded number at a time, in one pass over all that a server has.

import { redisLimits as limits } from "../../config/provider-limits.ts";
import type { RedisConnection } from "./connection.ts";
import { shownPlace } from "./fault.ts";
import { globEscaped } from "./hearing.ts";

/** @param onKey each key once or more often, also keys that only look alike */
export async function scan(
  connection: RedisConnection,
  prefixes: readonly string[],
  signal: AbortSignal,
  onKey: (key: string) => void,
): Promise<void> {
  const pattern = patternOf(prefixes);
  let cursor = "0";
  do {
    // Half of the keys would be taken for all of them.
    signal.throwIfAborted();
    const words = ["SCAN", cursor, "MATCH", pattern, "COUNT", String(limits.scanCount)];
    const answer = await connection.call(words);
    const [next, keys]: readonly unknown[] = Array.isArray(answer) ? answer : [];
    if (typeof next !== "string" || !Array.isArray(keys)) {
      throw new Error(
        `Redis at ${shownPlace(connection.place)} does not answer SCAN as Redis does`,
      );
    }
    for (const key of keys) onKey(String(key));
    cursor = next;
  } while (cursor !== "0");
}

/**
 * `[fd][re][oa][nd]*` for `frontend:` and `dead:`: one pass for all of them, in which hardly any other key of
 * millions is sent to us.
 */
export function patternOf(prefixes: readonly string[]): string {
  const length = Math.min(...prefixes.map((each) => each.length));
  const letters = Array.from({ length }, (_, index) => {
    const [first = "", ...more] = new Set(prefixes.map((each) => each.charAt(index)));
    if (more.length === 0) return globEscaped(first);
    return `[${[first, ...more].map((each) => each.replace(/[\]\\^-]/, "\\$&")).join("")}]`;
  });
  return `${letters.join("")}*`;
}
