// Workers die or hang under load. What they had accepted is lost, and nothing else: connections that wait to
// be accepted stand in sockets which the main process holds, and their place is taken at once.
//
// A worker is stopped (SIGSTOP) before it is killed, until connections wait in its queue. So these tests fail
// - when a worker's socket dies with it: the connections that waited are reset;
// - when a worker is not replaced, or only after a while: those connections wait too long;
// - when a hanging worker is not noticed: they wait for ever.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { acceptedBy, isRunning, queuedAt } from "../harness/processes.ts";
import { assertOnlyCut, type Fleet, startFleet } from "./fleet.ts";

const bounded = { timeout: 40_000 };

/** Stops the processes until this many connections wait to be accepted; returns how many they had open. */
async function stopUntilQueued(fleet: Fleet, pids: readonly number[], count: number) {
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  await eventually("connections to wait", () => queuedAt(fleet.port) >= count || undefined);
  return pids.reduce((sum, pid) => sum + acceptedBy(pid, fleet.port), 0);
}

test("a killed worker takes only its own connections along, and is replaced", bounded, async () => {
  await using fleet = await startFleet();
  const before = await fleet.settled(2);
  const [victim] = before;
  assert.ok(victim !== undefined);
  const open = await stopUntilQueued(fleet, [victim.pid], 5);
  process.kill(victim.pid, "SIGKILL");
  const after = await fleet.settled(2, [victim]);
  assert.deepEqual(new Set(after.map(({ slot }) => slot)), new Set([0, 1]));
  assert.ok(
    after.some(({ pid }) => pid === before[1]?.pid),
    "the other worker went on",
  );
  await fleet.load.lap();
  const { failed } = await fleet.load.report();
  await fleet.load.lap();
  const report = await fleet.load.stop();
  assertOnlyCut(report, open);
  assert.equal(report.failed, failed, "nothing fails once the place is taken");
  assert.match(fleet.program.stderr(), new RegExp(`${victim.pid}`), "it is said which one died");
});

test(
  "when all workers are killed at once, who comes meanwhile waits and is answered",
  bounded,
  async () => {
    await using fleet = await startFleet();
    const before = await fleet.settled(2);
    const pids = before.map(({ pid }) => pid);
    const open = await stopUntilQueued(fleet, pids, 10);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await fleet.settled(2, before);
    await fleet.load.lap();
    assertOnlyCut(await fleet.load.stop(), open);
  },
);

test(
  "a worker that dies again and again is started again and again, and less often",
  bounded,
  async () => {
    await using fleet = await startFleet({ load: { kept: 2, slow: 0, newPerSecond: 20 } });
    const killed: number[] = [];
    const times: number[] = [];
    while (times.length < 5) {
      const rows = await fleet.control.until("another worker in slot 0", (all) =>
        all.some(({ slot, state, pid }) => slot === 0 && state === "live" && !killed.includes(pid)),
      );
      const pid = rows.find((row) => row.slot === 0 && !killed.includes(row.pid))?.pid ?? 0;
      times.push(performance.now());
      process.kill(pid, "SIGKILL");
      killed.push(pid);
    }
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    const [first = 0, last = 0] = [waits[0], waits.at(-1)];
    assert.ok(
      last > first + 300,
      `the waits do not grow: ${waits.map((ms) => ms.toFixed()).join()}`,
    );
    await fleet.settled(2);
    const { failures } = await fleet.load.stop();
    assert.deepEqual(
      failures.filter(({ kind }) => kind !== "reset" && kind !== "closed"),
      [],
    );
  },
);

test("a worker that hangs is killed and replaced", bounded, async () => {
  const workers = { count: 2, hangTimeout: "1s" };
  await using fleet = await startFleet({ settings: { workers } });
  const before = await fleet.settled(2);
  const [victim] = before;
  assert.ok(victim !== undefined);
  const open = await stopUntilQueued(fleet, [victim.pid], 5);
  const begin = performance.now();
  await fleet.settled(2, [victim]);
  assert.ok(performance.now() - begin < 8000, "it took long to notice");
  assert.equal(isRunning(victim.pid), false);
  await fleet.load.lap();
  assertOnlyCut(await fleet.load.stop(), open);
  assert.match(fleet.program.stderr(), /sign of life|hang|hung|respond/i);
});
