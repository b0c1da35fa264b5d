import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "./nearest.ts";

const words = ["timeouts", "routes", "services", "path", "pathExact", "api"];

test("a slip finds the word that was meant", () => {
  const cases = [
    ["tiemouts", "timeouts"],
    ["Route", "routes"],
    ["service", "services"],
    ["patExact", "pathExact"],
    ["apii", "api"],
    ["pai", "api"],
  ] as const;
  for (const [word, meant] of cases) assert.equal(nearest(word, words), meant, word);
});

test("another word finds nothing", () => {
  for (const word of ["cache", "x", "", "backend"])
    assert.equal(nearest(word, words), undefined, word);
});
