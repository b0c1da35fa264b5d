import assert from "node:assert/strict";
import { test } from "node:test";
import { Lookups } from "./lookups.ts";

function find(lookups: Lookups, host: string, all: boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    lookups.lookup(host, { all }, (error, found) => {
      if (error === null) resolve(found);
      else reject(error);
    });
  });
}

test("a name is looked up once for all who ask, and gives one address or all of them", async () => {
  const lookups = new Lookups();
  const [first, all] = await Promise.all([
    find(lookups, "localhost", false),
    find(lookups, "localhost", true),
  ]);
  assert.match(String(first), /^127\.0\.0\.1$|^::1$/);
  assert.ok(Array.isArray(all) && all.length > 0);
  assert.deepEqual(
    all.map(({ address, family }) => (address === "::1" ? family === 6 : family === 4)),
    all.map(() => true),
  );
  lookups.keep(() => new Set());
  assert.deepEqual(await find(lookups, "localhost", true), all);
});

test("a name of nobody is an error, however many ask", async () => {
  const lookups = new Lookups();
  const asked = Array.from({ length: 5 }, () => find(lookups, "nobody.invalid", true));
  for (const each of await Promise.allSettled(asked)) {
    assert.equal(each.status, "rejected");
    assert.match(String(each.reason), /ENOTFOUND|EAI_AGAIN/);
  }
});
