import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { PasswordChecker } from "./password-checker.ts";

const hash = `{SHA}${createHash("sha1").update("pw").digest("base64")}`;
/** Takes a tenth of a second or so. */
const slow = `$2y$10$${"a".repeat(53)}`;

test("passwords are checked one after the other, and what is too much is not", async () => {
  const checker = new PasswordChecker(3, 50);
  const turns: string[] = [];
  const check = async (name: string, password: string, of: string) => {
    const found = await checker.check(password, of);
    turns.push(name);
    return found;
  };
  const all = await Promise.all([
    check("slow", "x", slow),
    check("right", "pw", hash),
    check("wrong", "pW", hash),
    check("too many", "pw", hash),
  ]);
  assert.deepEqual(all, [false, true, false, undefined]);
  assert.deepEqual(turns, ["too many", "slow", "right", "wrong"]);
});

test("a thread that ended begins again, and nobody else waits for what it computes", async () => {
  const checker = new PasswordChecker(3, 1);
  assert.equal(await checker.check("pw", hash), true);
  await after(50);
  const checking = checker.check("x", slow);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  assert.equal(await checking, false);
  clearInterval(timer);
  assert.ok(ticks > 5, String(ticks));
  assert.equal(await checker.check("pw", hash), true);
});
