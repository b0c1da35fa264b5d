// Runs one parser on the inputs of its corpus and on mutations of them, for FUZZ_SECONDS (2 by default).
// The seed is printed; FUZZ_SEED=N repeats a run. What failed once becomes a line of the corpus.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { mutate, Random } from "./random.ts";

export interface Fuzzed {
  /** Its corpus is `test/fuzz/corpus/NAME/seeds.json`: a list of texts, one character for each byte. */
  readonly name: string;
  /** Texts that mean something to the parser. */
  readonly words: readonly string[];
  /** Largest character that mutations put in; by default 255, a byte. */
  readonly maxCharacter?: number;
  /**
   * Throws when a promise of the parser is broken. Returns whether the input was accepted, so that a run
   * which never got past the first check is noticed.
   */
  check(input: string, random: Random): boolean;
  /** When all inputs were checked. */
  finish?(): Promise<void>;
}

export function fuzz(fuzzed: Fuzzed): void {
  const seconds = Number(process.env["FUZZ_SECONDS"] ?? "2");
  const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000_000);
  test(`${fuzzed.name} keeps its promises on whatever it is given`, async (context) => {
    context.diagnostic(`FUZZ_SEED=${seed}`);
    const random = new Random(seed);
    const corpus = readCorpus(fuzzed.name);
    let accepted = 0;
    let count = 0;
    const run = (input: string): void => {
      count++;
      if (checked(fuzzed, input, random, seed)) accepted++;
    };
    for (const input of corpus) run(input);
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      run(mutate(random, corpus, fuzzed.words, fuzzed.maxCharacter ?? 255));
    }
    context.diagnostic(`${count} inputs, ${accepted} accepted`);
    assert.ok(accepted > 0 && accepted < count, "all inputs ended in the same way");
    await fuzzed.finish?.();
  });
}

function readCorpus(name: string): string[] {
  const file = join(import.meta.dirname, "corpus", name, "seeds.json");
  const corpus = JSON.parse(readFileSync(file, "utf8")) as string[];
  assert.ok(corpus.length > 0, `${file} is empty`);
  return corpus;
}

function checked(fuzzed: Fuzzed, input: string, random: Random, seed: number): boolean {
  try {
    return fuzzed.check(input, random);
  } catch (error) {
    throw new Error(`FUZZ_SEED=${seed}, input ${JSON.stringify(input)}`, { cause: error });
  }
}
