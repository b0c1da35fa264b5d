import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { writeYaml } from "./write-yaml.ts";

test("what is written reads as it was, with its comments around it", () => {
  const value = { routes: { "*": { host: "*", redirect: [{ pattern: "^a: #$", to: "$1" }] } } };
  const text = writeYaml({ before: ["Above.\nroutes: {}"], value, after: ["Below."] });
  assert.deepEqual(parse(text), value);
  assert.match(text, /^# Above\.\n# routes: \{\}\n\nroutes:\n/);
  assert.match(text, /\n\n# Below\.\n$/);
});
