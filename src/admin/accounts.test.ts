// Users and tokens, over a real store.

import assert from "node:assert/strict";
import { test } from "node:test";
import { accountStand, password } from "../../test/harness/admin-stand.ts";
import { hashPassword, isPassword, randomPassword } from "./accounts-password.ts";
import { addressKey, Throttle } from "./accounts-throttle.ts";

const actor = { by: "test", from: "192.0.2.1" };

function refusal(kind: string, pattern: RegExp) {
  return (error: Error & { kind?: string }) => error.kind === kind && pattern.test(error.message);
}

test("a password fits its own hash only, and no hash twice the same", async () => {
  const [one, two] = await Promise.all([hashPassword(password), hashPassword(password)]);
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.notEqual(one, two);
  assert.ok(await isPassword(password, one));
  assert.ok(!(await isPassword(`${password}r`, one)));
  assert.ok(!(await isPassword(password, undefined)));
  assert.ok(!(await isPassword(password, "rubbish")));
  // The same letter, typed as one character or as two.
  assert.ok(await isPassword("motörhead forever", await hashPassword("moto\u0308rhead forever")));
});

test("no more than a few passwords are worked out at once, and no more than some wait", async () => {
  const hash = await hashPassword(password);
  const all = await Promise.allSettled(
    Array.from({ length: 60 }, () => isPassword(password, hash)),
  );
  const refused = all.filter(({ status }) => status === "rejected").length;
  assert.equal(refused, 60 - 42);
  assert.ok(await isPassword(password, hash), "and then it goes on");
});

test("random passwords have twenty letters that differ", () => {
  const made = Array.from({ length: 20 }, randomPassword);
  assert.equal(new Set(made).size, made.length);
  for (const each of made) assert.match(each, /^([a-z2-9]{5}-){3}[a-z2-9]{5}$/);
});

test("the first start makes one user, and only the first", async () => {
  await using stand = await accountStand();
  const { accounts, entry } = stand;
  assert.equal(await accounts.first(), undefined);
  for (const name of ["read", "edit"]) accounts.removeUser(name, actor);
  await accounts.addUser({ name: "last", role: "admin", password }, actor);
  accounts.removeUser("admin", actor);
  assert.throws(
    () => accounts.removeUser("last", actor),
    refusal("conflict", /last with the role/),
  );
  assert.equal((await entry.login("last", password, "192.0.2.1")).kind, "session");
});

test("names and passwords that are none are refused with a sentence", async () => {
  await using stand = await accountStand();
  const { accounts } = stand;
  const add = (name: string, secret: string | undefined) =>
    accounts.addUser({ name, role: "read", password: secret }, actor);
  for (const name of ["", "a b", "-x", "__proto__", "x".repeat(65), "a\n"]) {
    await assert.rejects(add(name, password), refusal("invalid", /no user name/), name);
  }
  await assert.rejects(add("bob", "short"), refusal("invalid", /12 to 256/));
  await assert.rejects(add("bob", "x".repeat(257)), refusal("invalid", /12 to 256/));
  await assert.rejects(add("bob", "aaaaaaaaaaaaaa"), refusal("invalid", /easy to guess/));
  await assert.rejects(add("bob", "this-is-bob-1234"), refusal("invalid", /easy to guess/));
  await assert.rejects(add("admin", password), refusal("conflict", /already/));
  assert.match((await add("constructor", undefined)) ?? "", /^[a-z2-9-]{23}$/);
  await assert.rejects(
    accounts.setPassword("nobody", password, actor),
    refusal("missing", /no user "nobody"; known: admin/),
  );
});

test("a token may do what it says and what its user may, until it ends or is revoked", async () => {
  await using stand = await accountStand();
  const { accounts, entry, clock } = stand;
  const roleOf = (secret: string) => {
    const found = entry.byToken(secret, "192.0.2.1");
    return found.kind === "caller" ? found.caller.role : found.kind;
  };
  const wish = { user: "edit", name: "ci", role: "edit", days: 2 } as const;
  const { secret, token } = accounts.addToken(wish, actor);
  assert.match(secret, /^tg_[\w-]{43}$/);
  assert.ok(!JSON.stringify([accounts.tokens(), accounts.audit(undefined, 100)]).includes(secret));
  assert.equal(roleOf(secret), "edit");
  assert.equal(accounts.tokens()[0]?.used, clock.now);
  clock.now += 2 * 86_400_000 - 1;
  assert.equal(roleOf(secret), "edit");
  clock.now += 1;
  assert.equal(roleOf(secret), "refused");
  assert.throws(
    () => accounts.addToken({ ...wish, role: "admin" }, actor),
    refusal("invalid", /role edit at most/),
  );
  for (const name of ["two\nlines", "x".repeat(101)]) {
    assert.throws(
      () => accounts.addToken({ ...wish, name }, actor),
      refusal("invalid", /at most 100 characters/),
    );
  }
  const second = accounts.addToken({ ...wish, role: "read" }, actor);
  assert.equal(roleOf(second.secret), "read");
  assert.throws(
    () => accounts.revokeToken(second.token.id, "read", actor),
    refusal("missing", /no/),
  );
  accounts.revokeToken(second.token.id, "edit", actor);
  assert.equal(roleOf(second.secret), "refused");
  const third = accounts.addToken(wish, actor);
  accounts.removeUser("edit", actor);
  assert.equal(roleOf(third.secret), "refused");
  assert.equal(accounts.tokens().length, 0);
  assert.equal(token.name, "ci");
});

test("failures cost nothing at first, then twice as long each time, and are forgotten", () => {
  const clock = { now: 1000 };
  const settings = { free: 2, first: 100, longest: 350, forgottenAfter: 1000 };
  const throttle = new Throttle(settings, 2, () => clock.now);
  const waits = Array.from({ length: 5 }, () => {
    const wait = throttle.wait("a");
    throttle.begin("a");
    return wait;
  });
  assert.deepEqual(waits, [0, 0, 100, 200, 350]);
  clock.now += 349;
  assert.equal(throttle.wait("a"), 1);
  clock.now += 1;
  assert.equal(throttle.wait("a"), 0);
  clock.now += 1000;
  throttle.begin("a");
  assert.equal(throttle.wait("a"), 0);
  for (const each of ["b", "b", "b", "c"]) throttle.begin(each);
  assert.equal(throttle.wait("a"), 0, "the table is bounded");
  assert.equal(throttle.count("b"), 3);
  throttle.forgive("b", 2);
  assert.equal(throttle.wait("b"), 0);
  throttle.forgive("b", 1);
  assert.equal(throttle.count("b"), 0);
});

test("who has an IPv6 network is one, whatever address it takes", () => {
  assert.equal(addressKey("192.0.2.7"), "192.0.2.7");
  assert.equal(addressKey("::ffff:192.0.2.7"), "192.0.2.7");
  assert.equal(addressKey("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  assert.equal(addressKey("2001:db8:1:2::9"), "2001:db8:1:2::/64");
  assert.equal(addressKey("2001:db8::9"), "2001:db8:0:0::/64");
  assert.equal(addressKey("::1"), "0:0:0:0::/64");
  assert.equal(addressKey("fe80::1%eth0"), "fe80:0:0:0::/64");
});
