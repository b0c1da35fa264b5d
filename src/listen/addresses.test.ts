import assert from "node:assert/strict";
import { test } from "node:test";
import { Addresses } from "./addresses.ts";

test("connections are limited in all and by address, and places are given back", () => {
  const addresses = new Addresses({ connections: 3, connectionsPerAddress: 2 });
  assert.deepEqual(
    ["a", "a", "a", "b", "b", "c"].map((each) => addresses.enter(each)),
    [true, true, false, true, false, false],
  );
  assert.equal(addresses.total, 3);
  addresses.leave("a");
  assert.equal(addresses.enter("c"), true);
  addresses.leave("a");
  assert.equal(addresses.enter("a"), true);
  assert.equal(addresses.enter("a"), false, "the total counts too");
});

test("0 means no limit", () => {
  const addresses = new Addresses({ connections: 0, connectionsPerAddress: 0 });
  for (let count = 0; count < 5000; count++) assert.equal(addresses.enter("a"), true);
});

test("a lowered limit turns new ones away until enough have left", () => {
  const addresses = new Addresses({ connections: 10, connectionsPerAddress: 10 });
  for (let count = 0; count < 5; count++) addresses.enter("a");
  addresses.limits = { connections: 3, connectionsPerAddress: 10 };
  assert.equal(addresses.enter("b"), false);
  for (let count = 0; count < 3; count++) addresses.leave("a");
  assert.equal(addresses.enter("b"), true);
});
