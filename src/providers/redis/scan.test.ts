import assert from "node:assert/strict";
import { test } from "node:test";
import { patternOf } from "./scan.ts";

test("one pattern fits all prefixes, and hardly anything else", () => {
  assert.equal(patternOf(["tidegate:"]), "tidegate:*");
  assert.equal(patternOf(["frontend:", "dead:"]), "[fd][re][oa][nd][t:]*");
  assert.equal(patternOf(["a*b?[x]:"]), "a\\*b\\?\\[x\\]:*");
  assert.equal(patternOf(["p-frontend:", "p]dead:"]), "p[\\-\\]][fd][re][oa][nd][t:]*");
  assert.equal(patternOf([""]), "*");
});
