import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { TallyHub } from "./tally-hub.ts";
import { Tally } from "./tally.ts";
import type { TallyNews, TallyReport } from "./tally.ts";

/** A hub and its parties, with two ordered channels for each, in which messages stand until let through. */
class Room {
  readonly hub = new TallyHub();
  readonly parties: Tally[] = [];
  readonly up: TallyReport[][] = [];
  readonly down: TallyNews[][] = [];
  limit: number;
  /** Messages and entries that went through. */
  messages = 0;
  entries = 0;
  readonly #most: number;

  constructor(parties: number, limit: number, most = 500) {
    this.limit = limit;
    this.#most = most;
    for (let count = 0; count < parties; count++) this.add();
    this.exchangeAll();
    this.messages = 0;
  }

  add(): number {
    const index = this.parties.push(new Tally()) - 1;
    this.up.push([]);
    this.down.push([]);
    this.hub.join(index);
    return index;
  }

  tell(party: number): void {
    const report = this.parties[party]!.changes(this.#most);
    if (report !== undefined) this.up[party]!.push(report);
  }

  takeOne(party: number): void {
    const report = this.up[party]!.shift();
    if (report === undefined) return;
    this.#count(report.entries.length);
    this.hub.take(party, structuredClone(report));
    this.spread();
  }

  spread(): void {
    for (const [index, channel] of this.down.entries()) {
      const news = this.hub.news(index, this.#most);
      if (news !== undefined) channel.push(news);
    }
  }

  learnOne(party: number): void {
    const news = this.down[party]!.shift();
    if (news === undefined) return;
    this.#count(news.offers.length);
    this.parties[party]!.learn(structuredClone(news), () => this.limit);
  }

  /** Until nobody has anything to say. */
  exchangeAll(): void {
    for (let turn = 0; turn < 500; turn++) {
      const before = this.messages;
      this.spread();
      for (const party of this.parties.keys()) {
        this.tell(party);
        while (this.up[party]!.length > 0) this.takeOne(party);
        while (this.down[party]!.length > 0) this.learnOne(party);
      }
      if (this.messages === before) return;
    }
    assert.fail("the parties never stop talking");
  }

  sum(key = "k"): number {
    return this.parties.reduce((sum, each) => sum + each.countOf(key), 0);
  }

  #count(entries: number): void {
    this.messages++;
    this.entries += entries;
  }
}

const steps = ["enter", "enter", "enter", "leave", "tell", "take", "learn"] as const;

test("limits hold over all parties however late messages come, and leave no place empty once they came", () => {
  const full = { refusedEarly: 0, overshot: 0, offers: 0 };
  const step = fc.tuple(fc.constantFrom(...steps), fc.nat(4), fc.constantFrom("k", "k", "l"));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 9, max: 60 })),
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.tuple(step, fc.integer({ min: 1, max: 6 })), {
        minLength: 40,
        maxLength: 150,
        size: "max",
      }),
      (count, limit, most, script) => {
        const room = new Room(count, limit, most);
        for (const [[what, which, key], times] of script) {
          const index = which % count;
          const party = room.parties[index]!;
          for (let time = 0; time < times; time++) {
            if (what === "enter" && !party.enter(key, limit)) {
              if (room.sum(key) < limit) full.refusedEarly++;
            } else if (what === "leave" && party.countOf(key) > 0) party.leave(key);
            else if (what === "tell") room.tell(index);
            else if (what === "take") room.takeOne(index);
            else if (what === "learn") room.learnOne(index);
          }
          assert.ok(room.sum(key) <= limit + count - 1, `${room.sum(key)} of ${limit}`);
          if (room.sum(key) > limit) full.overshot++;
        }
        full.offers += room.messages;
        for (const key of ["k", "l"]) {
          room.exchangeAll();
          for (const party of room.parties) {
            if (room.sum(key) >= limit) break;
            assert.ok(party.enter(key, limit), `refused with ${room.sum(key)} of ${limit}`);
            room.exchangeAll();
          }
        }
        for (const party of room.parties) {
          for (const key of ["k", "l"]) while (party.countOf(key) > 0) party.leave(key);
        }
        room.exchangeAll();
        assert.equal(room.hub.size, 0, "what nobody uses is forgotten");
      },
    ),
    { numRuns: 1000 },
  );
  for (const [name, times] of Object.entries(full)) assert.ok(times > 100, `${name}: ${times}`);
});

test("a single party counts to the limit exactly and says nothing", () => {
  const room = new Room(1, 3);
  const [party] = room.parties;
  assert.ok(party);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => party.enter("k", 3)),
    [true, true, true, false],
  );
  party.leave("k");
  assert.equal(party.enter("k", 3), true);
  assert.equal(party.changes(), undefined);
});

test("what is far below its limit costs no message", () => {
  const room = new Room(4, 1000);
  for (const [index, party] of room.parties.entries()) {
    for (let count = 0; count < 100; count++) {
      party.enter("k", 1000);
      party.enter(`own ${index} ${count}`, 1000);
    }
    assert.equal(party.changes(), undefined);
  }
});

test("one party alone gets nearly all of a limit, in few messages", () => {
  const room = new Room(4, 1000);
  const [busy] = room.parties;
  assert.ok(busy);
  let rounds = 0;
  for (; room.sum() < 1000 && rounds < 50; rounds++) {
    while (busy.enter("k", 1000));
    room.exchangeAll();
  }
  assert.equal(room.sum(), 1000);
  assert.ok(rounds < 25, `${rounds} rounds`);
  assert.ok(room.entries < 25 * rounds, `${room.entries} entries`);
});

test("places of a dead party are free for the others, and a new one gets its part", () => {
  const room = new Room(2, 100);
  const [first, second] = room.parties;
  assert.ok(first && second);
  for (let round = 0; round < 20; round++) {
    while (second.enter("k", 100));
    room.exchangeAll();
  }
  assert.equal(second.countOf("k"), 100);
  room.hub.forget(1);
  room.parties.pop();
  room.down.pop();
  room.up.pop();
  room.exchangeAll();
  assert.equal(first.parties, 1);
  for (let count = 0; count < 60; count++) assert.equal(first.enter("k", 100), true);

  const third = room.add();
  room.exchangeAll();
  const newcomer = room.parties[third];
  assert.ok(newcomer);
  let entered = 0;
  for (let round = 0; round < 20; round++) {
    while (newcomer.enter("k", 100)) entered++;
    room.exchangeAll();
  }
  assert.equal(entered, 40, "what the first uses counts, though it never told before");
});

test("a lowered limit is shared out anew, and so is a raised one", () => {
  const room = new Room(2, 100);
  const [first, second] = room.parties;
  assert.ok(first && second);
  while (first.enter("k", 100));
  room.exchangeAll();
  room.limit = 60;
  assert.equal(second.enter("k", 60), true);
  room.exchangeAll();
  for (let round = 0; round < 20; round++) {
    while (second.enter("k", 60));
    room.exchangeAll();
  }
  assert.equal(room.sum(), 60);
  for (let round = 0; round < 20; round++) {
    while (first.enter("k", 200));
    room.exchangeAll();
  }
  assert.equal(room.sum(), 200);
});

test("without a limit nothing is told, also when there was one before", () => {
  const room = new Room(2, 10);
  const [first] = room.parties;
  assert.ok(first);
  while (first.enter("k", 10));
  room.exchangeAll();
  assert.equal(room.hub.size, 1);
  first.enter("k", 0);
  room.exchangeAll();
  assert.equal(room.hub.size, 0);
  for (let count = 0; count < 50; count++) assert.equal(first.enter("k", 0), true);
  assert.equal(first.changes(), undefined);
});

test("messages are bounded; those with the least room come first, the rest with the next ones", () => {
  const room = new Room(2, 10);
  const [first] = room.parties;
  assert.ok(first);
  for (let key = 0; key < 900; key++)
    for (let count = 0; count < 3; count++) first.enter(`${key}`, 10);
  for (let count = 0; count < 2; count++) first.enter("899", 10);
  const report = first.changes();
  assert.equal(report?.entries.length, 500);
  assert.equal(report.entries[0]?.key, "899");
  assert.equal(first.changes()?.entries.length, 400);
  assert.equal(first.changes(), undefined);
});
