// Who gets in: sessions, Basic, and those who guess.

import assert from "node:assert/strict";
import { test } from "node:test";
import { accountStand, password } from "../../test/harness/admin-stand.ts";

const here = "192.0.2.1";
const hour = 3_600_000;

test("a session lasts while it is used, for a day at most, and until it is ended", async () => {
  await using stand = await accountStand();
  const { accounts, entry, clock } = stand;
  const login = async () => {
    const found = await entry.login("edit", password, here);
    if (found.kind !== "session") throw new Error(found.kind);
    return found;
  };
  const first = await login();
  assert.equal(first.role, "edit");
  const state = (secret: string) => entry.bySession(secret, here).kind;
  for (let hours = 0; hours < 12; hours += 0.75) {
    assert.equal(state(first.secret), "caller", `after ${hours} hours`);
    clock.now += 0.75 * hour;
  }
  assert.equal(state(first.secret), "refused", "a working day is over");
  const second = await login();
  clock.now += hour;
  assert.equal(state(second.secret), "refused", "nobody was there");
  const third = await login();
  const entered = entry.bySession(third.secret, here);
  assert.ok(entered.kind === "caller" && entered.caller.session?.csrf === third.csrf);
  assert.notEqual(third.csrf, second.csrf);
  entry.logout(entered.caller);
  assert.equal(state(third.secret), "refused");
  const fourth = await login();
  await accounts.setPassword("edit", "another horse battery", { by: "test", from: "" });
  assert.equal(state(fourth.secret), "refused", "the password is another one");
  assert.equal(state("x".repeat(43)), "refused");
});

test("whoever guesses a password has to wait, and who exists cannot be told", async () => {
  await using stand = await accountStand();
  const { entry, clock } = stand;
  const kinds = async (name: string, from: string) => {
    const found: string[] = [];
    for (let tries = 0; tries < 7; tries += 1) {
      found.push((await entry.login(name, `wrong ${tries}`, from)).kind);
    }
    return found;
  };
  const expected = [...Array.from({ length: 5 }, () => "refused"), "wait", "wait"];
  assert.deepEqual(await kinds("admin", "198.51.100.1"), expected);
  assert.deepEqual(await kinds("nobody", "198.51.100.2"), expected);
  const right = await entry.login("admin", password, "198.51.100.1");
  assert.ok(right.kind === "wait" && right.ms <= 1000, "the right one must wait, too");
  clock.now += 1000;
  assert.equal((await entry.login("admin", password, "198.51.100.1")).kind, "session");
  assert.equal((await entry.login("admin", "wrong", "198.51.100.1")).kind, "refused");
});

test("guesses at one user from many addresses are slowed, and do not keep the user out", async () => {
  await using stand = await accountStand();
  const { entry, clock } = stand;
  assert.equal((await entry.login("admin", password, here)).kind, "session");
  const guess = (at: number) => entry.login("admin", `wrong ${at}`, `198.51.100.${at}`);
  for (let at = 1; at <= 10; at += 1) assert.equal((await guess(at)).kind, "refused");
  assert.equal((await guess(11)).kind, "wait");
  assert.equal((await entry.login("admin", password, here)).kind, "session", "was here before");
  for (let at = 1; at <= 20; at += 1) {
    await guess(100 + at);
    clock.now += 100;
  }
  clock.now += 60_000;
  assert.equal((await entry.login("admin", password, "203.0.113.5")).kind, "session");
});

test("many guesses at once are not cheaper than one after the other", async () => {
  await using stand = await accountStand();
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, at) => stand.entry.login("admin", `wrong ${at}`, here)),
  );
  assert.equal(all.filter(({ kind }) => kind === "refused").length, 5);
  assert.equal(all.filter(({ kind }) => kind === "wait").length, 15);
});

test("guessed tokens are slowed, and a good one works from the same address", async () => {
  await using stand = await accountStand();
  const { accounts, entry } = stand;
  const kinds = Array.from({ length: 8 }, (_, at) => entry.byToken(`tg_${at}`, here).kind);
  assert.deepEqual(kinds.slice(0, 6), [...Array.from({ length: 5 }, () => "refused"), "wait"]);
  const wish = { user: "admin", name: "ci", role: "read", days: 1 } as const;
  const { secret } = accounts.addToken(wish, { by: "test", from: "" });
  assert.equal(entry.byToken(secret, here).kind, "caller");
  assert.equal((await entry.login("admin", password, here)).kind, "session");
});

test("a script that sends its password with every request is let in quickly, and not for ever", async () => {
  await using stand = await accountStand();
  const { accounts, entry, clock } = stand;
  const ask = async () => (await entry.byBasic("edit", password, here)).kind;
  const many = await Promise.all(Array.from({ length: 30 }, ask));
  assert.deepEqual(new Set(many), new Set(["caller"]));
  const began = performance.now();
  for (let each = 0; each < 100; each += 1) assert.equal(await ask(), "caller");
  assert.ok(performance.now() - began < 1000, "a hundred hashes would take five seconds");
  await accounts.setPassword("edit", "another horse battery", { by: "test", from: "" });
  assert.equal(await ask(), "refused");
  clock.now += hour;
  assert.equal((await entry.byBasic("edit", "another horse battery", here)).kind, "caller");
  accounts.removeUser("edit", { by: "test", from: "" });
  assert.equal((await entry.byBasic("edit", "another horse battery", here)).kind, "refused");
});

test("logins are in the audit, passwords that were typed as a name are not", async () => {
  await using stand = await accountStand();
  const { accounts, entry } = stand;
  await entry.login("edit", password, here);
  await entry.login("edit", "wrong password", here);
  await entry.login("my secret pass phrase!", "x", here);
  const [third, second, first] = accounts.audit(undefined, 3);
  assert.deepEqual(
    [first?.by, first?.from, first?.what, first?.outcome],
    ["edit", here, "login", "done"],
  );
  assert.deepEqual([second?.by, second?.outcome], ["edit", "refused"]);
  assert.deepEqual([third?.by, third?.outcome], ["(no user name)", "refused"]);
});

test("a login takes back the slips of its own user only: others are guessed at no faster by it", async () => {
  await using stand = await accountStand();
  const { entry, clock } = stand;
  assert.equal((await entry.login("admin", password, here)).kind, "session", "known here");
  for (let tries = 0; tries < 4; tries += 1) {
    assert.equal((await entry.login("admin", `wrong ${tries}`, here)).kind, "refused");
  }
  assert.equal((await entry.login("read", password, here)).kind, "session");
  assert.equal((await entry.login("admin", "wrong 5", here)).kind, "refused");
  assert.equal((await entry.login("admin", "wrong 6", here)).kind, "wait");
  clock.now += 1000;
  assert.equal((await entry.login("read", password, here)).kind, "session");
  assert.equal((await entry.login("admin", "wrong 7", here)).kind, "wait");
  clock.now += 1000;
  assert.equal((await entry.login("admin", password, here)).kind, "session");
  assert.equal((await entry.login("admin", "wrong 8", here)).kind, "refused", "one's own are");
});

test("a password that is remembered for a script is not guessed without waiting", async () => {
  await using stand = await accountStand();
  const { entry } = stand;
  assert.equal((await entry.byBasic("edit", password, here)).kind, "caller");
  const other = "198.51.100.7";
  for (const from of [other, here]) {
    for (let tries = 0; tries < 5; tries += 1) await entry.byBasic("edit", `wrong ${tries}`, from);
    assert.equal((await entry.byBasic("edit", password, from)).kind, "wait", from);
  }
});

test("a clock that is set back neither keeps people out nor lets sessions live on", async () => {
  await using stand = await accountStand();
  const { entry, clock } = stand;
  const found = await entry.login("edit", password, here);
  assert.ok(found.kind === "session");
  for (let tries = 0; tries < 6; tries += 1) await entry.login("admin", `wrong ${tries}`, here);
  clock.set = -60_000;
  assert.equal(entry.bySession(found.secret, here).kind, "caller", "by a little");
  clock.set = -1000 * hour;
  assert.equal(entry.bySession(found.secret, here).kind, "refused");
  clock.now += 1000;
  assert.equal((await entry.login("admin", password, here)).kind, "session");
});
