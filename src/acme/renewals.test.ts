import assert from "node:assert/strict";
import { test } from "node:test";
import { issued } from "../../test/harness/issued.ts";
import { MemoryShelf } from "../../test/harness/memory-shelf.ts";
import { Renewals } from "./renewals.ts";
import { Vault } from "./vault.ts";

const day = 86_400_000;
const now = Date.now();
const makers = ["https://ca.test/dir"];

async function stand(all: readonly (readonly [names: readonly string[], age: number])[]) {
  const vault = new Vault(new MemoryShelf());
  for (const [names, age] of all) {
    const { cert, key } = issued(names, { now: now - age * day, days: 90 });
    await vault.keepCertificate("https://ca.test/dir", { chain: cert, key, names });
  }
  const kept = vault.certificates(now);
  return { vault, kept, renewals: new Renewals(vault) };
}

test("a name is due with its latest certificate, and at once without one", async () => {
  const { kept, renewals } = await stand([
    [["a.test"], 80],
    [["a.test", "*.w.test"], 10],
  ]);
  const days = (name: string) => Math.round((renewals.dueFor(name, kept, now, makers) - now) / day);
  assert.ok(days("a.test") >= 46 && days("a.test") <= 50);
  assert.equal(days("x.w.test"), days("a.test"));
  assert.equal(renewals.dueFor("b.test", kept, now, makers), 0);
  assert.equal(renewals.dueFor("x.y.w.test", kept, now, makers), 0);
  // By a slow clock nothing is valid: it is wrong, or what was made is no good.
  assert.equal(renewals.dueFor("a.test", kept, now - 200 * day, makers), 0);
});

test("one of an authority that is asked no more is to be had from another one", async () => {
  const { kept, renewals } = await stand([[["a.test"], 1]]);
  assert.ok(renewals.dueFor("a.test", kept, now, makers) > now);
  assert.equal(renewals.dueFor("a.test", kept, now, ["https://other.test/dir"]), 0);
});

test("what its authority says counts", async () => {
  const { vault, kept, renewals } = await stand([[["a.test"], 1]]);
  const id = kept[0]?.certificate.id ?? "";
  const window = { start: now - day, end: now - 1, askAgainAt: 0, explanation: undefined };
  await vault.keepWindow(id, window);
  assert.ok(renewals.dueFor("a.test", kept, now, makers) <= now);
});

test("what a later one replaces goes, and what nobody wants stays until it has ended", async () => {
  const { kept, renewals } = await stand([
    [["a.test"], 10],
    [["a.test", "b.test"], 5],
    [["b.test", "c.test"], 20],
    [["x.w.test"], 20],
    [["*.w.test"], 1],
    [["old.test"], 100],
    [["lately.test"], 90.5],
  ]);
  const names = renewals
    .superfluous(kept, ["a.test"], now)
    .map(({ certificate }) => certificate.names.join(" "));
  assert.deepEqual(names.toSorted(), ["a.test", "old.test", "x.w.test"]);
});

test("what was made later counts, however far its maker dates it back", async (context) => {
  const { timers } = context.mock;
  timers.enable({ apis: ["Date"], now });
  const other = "https://other.test/dir";
  const vault = new Vault(new MemoryShelf());
  const keep = (maker: string, from: number) => {
    const made = issued(["a.test"], { now: from, days: 90 });
    return vault.keepCertificate(maker, { chain: made.cert, key: made.key, names: ["a.test"] });
  };
  // Our own begin ten minutes before they are made; of others it is an hour, or that day's midnight.
  const own = await keep("internal", now);
  timers.tick(60_000);
  const later = await keep(other, now - day / 2);
  const kept = vault.certificates();
  assert.deepEqual(kept, [later, own]);
  const renewals = new Renewals(vault);
  assert.ok(renewals.dueFor("a.test", kept, Date.now(), [other]) > now);
  assert.deepEqual(renewals.superfluous(kept, ["a.test"], Date.now()), [own]);
  // By a clock that was set forwards by years it was made long after it began, and that counts for a day.
  timers.tick(365 * day);
  const ahead = await keep(other, now + 10 * day);
  timers.setTime(now + 12 * day);
  const next = await keep(other, now + 12 * day);
  assert.deepEqual(vault.certificates().slice(0, 2), [next, ahead]);
});
