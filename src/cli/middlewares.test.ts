// `tidegate middlewares` as a process of its own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand, tidegate } from "../../test/harness/command.ts";
import { definitions } from "../config/middlewares/registry.ts";

test("all of them are listed, as JSON where nobody reads along", async () => {
  const { code, stdout } = await runCommand(tidegate, ["middlewares"]);
  assert.equal(code, 0);
  const listed = JSON.parse(stdout) as { kind: string; summary: string }[];
  assert.deepEqual(listed.map(({ kind }) => kind).toSorted(), Object.keys(definitions).toSorted());
});

test("one of them tells its settings and an example, whatever the case of its name", async () => {
  const { code, stdout } = await runCommand(tidegate, ["middlewares", "REQUESTID", "--json"]);
  assert.equal(code, 0);
  const told = JSON.parse(stdout) as { kind: string; settings: object; example: string };
  assert.equal(told.kind, "requestId");
  assert.match(JSON.stringify(told.settings), /"header"/);
  assert.match(told.example, /requestId/);
});

test("a slip is told", async () => {
  const { code, stdout, stderr } = await runCommand(tidegate, ["middlewares", "compres"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /there is no middleware "compres"; did you mean compress\?/);
});
