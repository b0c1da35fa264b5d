import assert from "node:assert/strict";
import { test } from "node:test";
import { Name } from "./resolve.ts";

test("an address is its own name and is never asked for", async () => {
  let changes = 0;
  for (const address of ["127.0.0.1", "::1"]) {
    const name = new Name(address, () => changes++);
    assert.deepEqual(name.addresses, [address]);
    await name.refresh();
    assert.deepEqual(name.addresses, [address]);
  }
  assert.equal(changes, 0);
});

test(
  "localhost is known to the system, and a change is told once",
  { timeout: 20_000 },
  async () => {
    let changes = 0;
    const name = new Name("localhost", () => changes++);
    assert.equal(name.addresses.length, 0);
    await name.refresh();
    const isLoopback = (each: string) => each === "127.0.0.1" || each === "::1";
    assert.ok(name.addresses.some(isLoopback), name.addresses.join());
    assert.equal(name.failure, undefined);
    assert.equal(changes, 1);
    await name.refresh();
    assert.equal(changes, 1, "the same addresses are no change");
  },
);

test("refreshing at the same time asks once", { timeout: 20_000 }, async () => {
  const name = new Name("localhost", () => {});
  const first = name.refresh();
  assert.equal(name.refresh(), first);
  await first;
});

// RFC 6761 section 6.4: "invalid" names never exist.
test(
  "a name that does not exist fails with a reason and rejects nothing",
  { timeout: 20_000 },
  async () => {
    const name = new Name("no-such-host.invalid", () => assert.fail("nothing changed"));
    await name.refresh();
    assert.deepEqual(name.addresses, []);
    assert.ok(name.failure instanceof Error);
  },
);
