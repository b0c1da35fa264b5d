import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { issued } from "../../test/harness/issued.ts";
import { MemoryShelf } from "../../test/harness/memory-shelf.ts";
import { Outcomes } from "./outcomes.ts";
import { groupId } from "./plan.ts";
import { Renewals } from "./renewals.ts";
import { Vault } from "./vault.ts";
import { WaitBook } from "./wait-book.ts";

const names = ["a.test"];
const group = { id: groupId(names), names, route: "r", by: "operator", wholes: [] } as const;
const [tests, real] = ["https://staging.test/dir", "https://ca.test/dir"];

function stand({ mock: { timers } }: TestContext) {
  timers.enable({ apis: ["Date"], now: Date.now() });
  const vault = new Vault(new MemoryShelf());
  const waits = new WaitBook(vault);
  const warnings: unknown[] = [];
  const ignore = () => {};
  const warn = (_: string, fields: unknown) => void warnings.push(fields);
  const log = { debug: ignore, info: ignore, warn, error: ignore };
  const outcomes = new Outcomes(log, waits, new Renewals(vault));
  const had = async (directory: string, { age = 0, isWanted = false } = {}) => {
    timers.tick(1000);
    const { cert, key } = issued(names, { now: Date.now() - age });
    const replaced = isWanted ? undefined : vault.certificates()[0];
    const kept = await vault.keepCertificate(directory, { chain: cert, key, names });
    await outcomes.succeeded({ group, directory, kept, replaced, all: vault.certificates() });
  };
  const failures = () => waits.failures(group.id, [tests, real]);
  return { warnings, failures, had };
}

test("one that is renewed again within a day is so ever more rarely, unless a person wanted it", async (context) => {
  const { warnings, failures, had } = stand(context);
  await had(real);
  await had(real, { isWanted: true });
  assert.deepEqual(warnings, []);
  await had(real);
  assert.match(JSON.stringify(warnings), /wants it to be renewed again and again/);
  assert.equal(failures(), 1);
});

test("a certificate that another one is taken for is no good, or it would be ordered for ever", async (context) => {
  const { warnings, failures, had } = stand(context);
  await had(tests);
  await had(real, { age: 3 * 86_400_000 });
  assert.match(JSON.stringify(warnings), /is the clock of this machine right\?/);
  assert.equal(failures(), 1);
});
