// Workers die or hang under load. What they had accepted is lost, and nothing else: connections that wait to
// be accepted stand in sockets which the main process holds, and their place is taken at once.
//
// A worker is stopped (SIGSTOP) before it is killed, so that it can be counted what it had accepted, and until
// connections wait in its queue. So these tests fail
// - when a worker's socket dies with it: the connections that waited are reset;
// - when a worker is not replaced, or only after a while: those connections wait too long;
// - when a hanging worker is not noticed: they wait for ever.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { acceptedBy, isRunning, isStopped, queuedAt } from "../harness/processes.ts";
import { assertOnlyCut, type Fleet, startFleet } from "./fleet.ts";

const bounded = { timeout: 40_000 };

// Few enough to wait for a new worker on a slow machine.
const load = { newPerSecond: 40 };

/** Stops the processes, and returns how many connections they have accepted. */
async function stop(fleet: Fleet, pids: readonly number[]): Promise<number> {
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  await eventually("processes to stop", () => pids.every(isStopped) || undefined);
  return pids.reduce((sum, pid) => sum + acceptedBy(pid, fleet.port), 0);
}

async function queued(fleet: Fleet, count: number): Promise<void> {
  await eventually("connections to wait", () => queuedAt(fleet.port) >= count || undefined);
}

test("a killed worker takes only its own connections along, and is replaced", bounded, async () => {
  await using fleet = await startFleet({ load });
  const before = await fleet.settled(2);
  const [victim] = before;
  assert.ok(victim !== undefined);
  const open = await stop(fleet, [victim.pid]);
  await queued(fleet, 5);
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
    await using fleet = await startFleet({ load });
    const before = await fleet.settled(2);
    const pids = before.map(({ pid }) => pid);
    const open = await stop(fleet, pids);
    await queued(fleet, 10);
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
    while (killed.length < 5) {
      const rows = await fleet.control.until("another worker in slot 0", (all) =>
        all.some(({ slot, state, pid }) => slot === 0 && state === "live" && !killed.includes(pid)),
      );
      const pid = rows.find((row) => row.slot === 0 && !killed.includes(row.pid))?.pid ?? 0;
      process.kill(pid, "SIGKILL");
      killed.push(pid);
    }
    await fleet.control.until("the last one to be gone", (all) =>
      all.every(({ pid }) => pid !== killed.at(-1)),
    );
    const waits = [...fleet.program.stderr().matchAll(/"replaced":"in (\d+) ms"/g)].map(([, ms]) =>
      Number(ms),
    );
    assert.equal(waits.length, 5);
    assert.ok(
      waits.every((ms, index) => index === 0 || ms > (waits[index - 1] ?? 0)),
      `the waits do not grow: ${waits.join()}`,
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
  await using fleet = await startFleet({ settings: { workers }, load });
  const before = await fleet.settled(2);
  const [victim] = before;
  assert.ok(victim !== undefined);
  const open = await stop(fleet, [victim.pid]);
  const begin = performance.now();
  await fleet.settled(2, [victim]);
  assert.ok(performance.now() - begin < 8000, "it took long to notice");
  assert.equal(isRunning(victim.pid), false);
  await fleet.load.lap();
  assertOnlyCut(await fleet.load.stop(), open);
  assert.match(fleet.program.stderr(), /sign of life|hang|hung|respond/i);
});
