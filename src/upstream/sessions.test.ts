import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import { Sessions } from "./sessions.ts";

const idle = 1000;

class Driven {
  time = 5000;
  readonly sessions: Sessions<string>;

  constructor(most: number, idleMs = idle) {
    this.sessions = new Sessions({ sessions: most, idle: idleMs }, { now: () => this.time });
  }
}

test("it remembers what was said last, until nobody used it for too long", () => {
  const driven = new Driven(10);
  const { sessions } = driven;
  assert.equal(sessions.get("a"), undefined);
  sessions.set("a", "one");
  sessions.set("a", "two");
  for (let each = 0; each < 20; each++) {
    driven.time += idle - 1;
    assert.equal(sessions.get("a"), "two");
  }
  driven.time += idle;
  assert.equal(sessions.get("a"), undefined);
});

test("the least recently used are forgotten, and memory is bounded", () => {
  const driven = new Driven(100);
  const { sessions } = driven;
  sessions.set("kept", "k");
  for (let each = 0; each < 10_000; each++) {
    sessions.set(`${each}`, `b${each}`);
    assert.equal(sessions.get("kept"), "k", "somebody uses it all the time");
    if (each >= 40) assert.equal(sessions.get(`${each - 40}`), `b${each - 40}`);
    assert.ok(sessions.size <= 200, `${sessions.size}`);
  }
  assert.equal(sessions.get("1000"), undefined);
});

test("whatever is asked and said, it knows the last used ones and is never wrong", () => {
  const step = fc.record({
    ms: fc.oneof(fc.nat(20), fc.nat(2000)),
    id: fc.nat(15).map((each) => `id${each}`),
    act: fc.constantFrom("get", "set", "set", "forget"),
    backend: fc.constantFrom("x", "y", "z"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), fc.constantFrom(0, idle), (steps, idleMs) => {
      const driven = new Driven(5, idleMs);
      /** Last used last. */
      const known = new Map<string, { backend: string; usedAt: number }>();
      for (const { ms, id, act, backend } of steps) {
        driven.time += ms;
        if (act === "forget") {
          driven.sessions.forget(backend);
          for (const [key, each] of known) if (each.backend === backend) known.delete(key);
          continue;
        }
        const before = known.get(id);
        if (act === "set") driven.sessions.set(id, backend);
        const found = driven.sessions.get(id);
        if (act === "set") assert.equal(found, backend);
        const isIdle = before !== undefined && idleMs > 0 && driven.time - before.usedAt >= idleMs;
        if (act === "get") {
          if (before === undefined || isIdle) assert.equal(found, undefined);
          else if (found !== undefined) assert.equal(found, before.backend);
          const isRecent = [...known.keys()].slice(-5).includes(id);
          if (isRecent && !isIdle) assert.notEqual(found, undefined, "it was among the last five");
        }
        known.delete(id);
        if (found !== undefined) known.set(id, { backend: found, usedAt: driven.time });
        assert.ok(driven.sessions.size <= 10);
      }
    }),
    { numRuns: 500 },
  );
});

test("what nobody uses leaves memory, with others coming", () => {
  const driven = new Driven(100_000);
  for (let each = 0; each < 1000; each++) driven.sessions.set(`${each}`, "b");
  driven.time += idle;
  driven.sessions.set("new", "b");
  driven.time += idle;
  driven.sessions.set("newer", "b");
  assert.equal(driven.sessions.size, 2);
  driven.time += 2 * idle;
  assert.equal(driven.sessions.get("newer"), undefined);
  assert.equal(driven.sessions.size, 0, "after a long silence nothing is left");
});

test("nobody stays with a backend that was forgotten, nor with the one before it", () => {
  const driven = new Driven(2);
  const { sessions } = driven;
  sessions.set("a", "one");
  for (const id of ["b", "c"]) sessions.set(id, "two");
  sessions.set("a", "two");
  sessions.forget("two");
  for (const id of ["a", "b", "c"]) assert.equal(sessions.get(id), undefined, id);
  assert.equal(sessions.size, 0);
});

test("long ids are told apart by their last letter, without being kept", () => {
  const driven = new Driven(10);
  const long = "x".repeat(100_000);
  driven.sessions.set(`${long}a`, "a");
  driven.sessions.set(`${long}b`, "b");
  assert.equal(driven.sessions.get(`${long}a`), "a");
  assert.equal(driven.sessions.get(`${long}b`), "b");
  assert.equal(driven.sessions.get(long), undefined);
});

test("an id does not keep the head it was read from in memory", () => {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  assert.ok(typeof collect === "function");
  const used = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const driven = new Driven(10_000);
  const before = used();
  for (let each = 0; each < 2000; each++) {
    const head = Buffer.alloc(32_768, `${each} is the session of this client; `).latin1Slice();
    driven.sessions.set(head.slice(0, 30), "b");
  }
  const grown = used() - before;
  assert.ok(driven.sessions.size > 1900);
  assert.ok(grown < 8 * 1024 ** 2, `2000 sessions take ${grown} bytes`);
});
