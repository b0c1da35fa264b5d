import assert from "node:assert/strict";
import { test } from "node:test";
import { Tally } from "../lib/tally.ts";
import { TallyHub } from "../lib/tally-hub.ts";
import { Addresses } from "./addresses.ts";

test("connections are limited in all and by address, and places are given back", () => {
  const addresses = new Addresses({ connections: 3, connectionsPerAddress: 2 }, new Tally());
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
  const addresses = new Addresses({ connections: 0, connectionsPerAddress: 0 }, new Tally());
  for (let count = 0; count < 5000; count++) assert.equal(addresses.enter("a"), true);
});

test("a lowered limit turns new ones away until enough have left", () => {
  const addresses = new Addresses({ connections: 10, connectionsPerAddress: 10 }, new Tally());
  for (let count = 0; count < 5; count++) addresses.enter("a");
  addresses.limits = { connections: 3, connectionsPerAddress: 10 };
  assert.equal(addresses.enter("b"), false);
  for (let count = 0; count < 3; count++) addresses.leave("a");
  assert.equal(addresses.enter("b"), true);
});

test("limits hold over several processes that exchange their counts", () => {
  const hub = new TallyHub();
  const tallies = [new Tally(), new Tally()];
  const both = tallies.map(
    (tally) => new Addresses({ connections: 40, connectionsPerAddress: 10 }, tally),
  );
  const exchange = () => {
    for (let turn = 0; turn < 10; turn++) {
      for (const [index, each] of tallies.entries()) {
        const report = each.changes();
        if (report !== undefined) hub.take(index, report);
      }
      for (const [index, each] of tallies.entries()) {
        const news = hub.news(index);
        if (news !== undefined) each.learn(news, (key) => both[index]!.limitOf(key));
      }
    }
  };
  for (const index of tallies.keys()) hub.join(index);
  exchange();
  assert.deepEqual(
    tallies.map((each) => each.parties),
    [2, 2],
  );
  const fill = (address: string) => {
    let entered = 0;
    for (let round = 0; round < 10; round++) {
      for (const each of both) while (each.enter(address)) entered++;
      exchange();
    }
    return entered;
  };
  const first = fill("a");
  assert.ok(first === 10 || first === 11, `${first} of address a`);
  const rest = fill("");
  assert.ok(first + rest === 40 || first + rest === 41, `${first + rest} in all`);
  assert.equal(fill("b"), 0, "a refused address leaves no trace in the total");
  for (const each of both) while (each.total > 0) each.leave("");
});

test("who else counts in the tally takes no place of a connection, whatever they count", () => {
  const tally = new Tally();
  const addresses = new Addresses({ connections: 2, connectionsPerAddress: 2 }, tally);
  for (let count = 0; count < 5; count++) assert.ok(tally.enter("\0service\nbackend", 9));
  assert.deepEqual(
    ["a", "a", "a"].map((each) => addresses.enter(each)),
    [true, true, false],
  );
  assert.equal(addresses.total, 2);
});
