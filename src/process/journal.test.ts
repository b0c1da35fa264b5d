import assert from "node:assert/strict";
import { fstatSync } from "node:fs";
import { test } from "node:test";
import { goesToJournal } from "./journal.ts";

test("standard error is the journal's when the variable names it, and not when it was inherited", () => {
  const { dev, ino } = fstatSync(2);
  assert.ok(goesToJournal(`${dev}:${ino}`));
  assert.ok(!goesToJournal(`${dev}:${ino + 1}`));
  assert.ok(!goesToJournal(""));
  assert.ok(!goesToJournal(undefined, () => ({ dev: 0, ino: 0 })));
  assert.ok(
    !goesToJournal("1:2", () => {
      throw new Error("EBADF");
    }),
  );
});
