// What a source says, one after the other, followed by a test: `until` waits for a word that fits.

import { within } from "./barrier.ts";

export interface Followed<Word> extends AsyncDisposable {
  /** All so far. */
  readonly words: readonly Word[];
  /** The latest word if it fits, else the next one that does. Fails with the latest one when time is up. */
  until(what: string, fits: (word: Word) => boolean, ms?: number): Promise<Word>;
  /** How it ended: what it threw, or undefined. */
  readonly ended: Promise<unknown>;
}

export function follow<Word>(begin: (signal: AbortSignal) => AsyncIterable<Word>): Followed<Word> {
  const ending = new AbortController();
  const words: Word[] = [];
  const waiting = new Set<(word: Word) => void>();
  const run = async () => {
    for await (const word of begin(ending.signal)) {
      words.push(word);
      for (const tell of waiting) tell(word);
    }
  };
  const ended = run().then(
    () => undefined,
    (error: unknown) => error,
  );
  return {
    words,
    ended,
    async until(what, fits, ms = 5000) {
      const latest = words.at(-1);
      if (latest !== undefined && fits(latest)) return latest;
      const { promise, resolve } = Promise.withResolvers<Word>();
      const tell = (word: Word) => {
        if (fits(word)) resolve(word);
      };
      waiting.add(tell);
      const failed = ended.then((error) => {
        throw new Error(`it ended before ${what}`, { cause: error });
      });
      try {
        return await within(Promise.race([promise, failed]), ms, what);
      } catch (error) {
        const text = JSON.stringify(words.at(-1), undefined, 1);
        throw new Error(`${String(error)}; the latest word is ${text}`, { cause: error });
      } finally {
        waiting.delete(tell);
      }
    },
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await ended;
    },
  };
}
