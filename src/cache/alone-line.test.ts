import assert from "node:assert/strict";
import { test } from "node:test";

import { mostAlonePerKey } from "../config/fill-limits.ts";
import { AloneLine } from "./alone-line.ts";

test("a few go at once, and the next one when one is done; who left does not", () => {
  const line = new AloneLine();
  const gone: number[] = [];
  const leave = Array.from({ length: mostAlonePerKey + 3 }, (_, number) =>
    line.enter("key", () => void gone.push(number)),
  );
  assert.equal(gone.length, mostAlonePerKey);
  leave[mostAlonePerKey]?.();
  line.end("key");
  assert.equal(gone.at(-1), mostAlonePerKey + 1);
  line.end("key");
  assert.equal(gone.length, mostAlonePerKey + 2);
});

test("very many who are done at once do not stand on top of each other", () => {
  const line = new AloneLine();
  const many = 100_000;
  let gone = 0;
  for (let number = 0; number < mostAlonePerKey; number++) line.enter("key", () => {});
  for (let number = 0; number < many; number++) {
    line.enter("key", () => {
      gone++;
      line.end("key");
    });
  }
  line.end("key");
  assert.equal(gone, many);
});
