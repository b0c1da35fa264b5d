// Who takes over from whom, in the cases that are easy to overlook: two deaths at once, a death while a
// successor starts, a configuration that is broken or wants a single process, workers that are missing when
// somebody asks for all of them. Under load nothing fails.

import assert from "node:assert/strict";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "../harness/barrier.ts";
import { type Control, controlOf } from "../harness/control.ts";
import { freePort } from "../harness/free-port.ts";
import { allGone, isRunning, titleOf } from "../harness/processes.ts";
import { startTidegate, type Tidegate, type TidegateOptions } from "../harness/tidegate.ts";
import { startFleet } from "./fleet.ts";

const bounded = { timeout: 60_000 };

const base = {
  listeners: { web: "127.0.0.1:0" },
  routes: { "app.test": { respond: { body: "ok" } } },
  workers: 2,
};

async function start(options: Partial<TidegateOptions> = {}) {
  const program = await startTidegate({ config: base, ...options });
  return { program, control: controlOf(program.control) };
}

const isPrimary = (pid: number) => titleOf(pid).includes("primary");

/** Kills the primary and returns when it is gone. */
async function killPrimary(control: Control): Promise<void> {
  const { pid } = await control.status();
  process.kill(pid, "SIGKILL");
  await allGone([pid]);
}

async function successorOf(program: Tidegate, primary: number): Promise<number> {
  return eventually(
    "a successor to start",
    () => program.pids().find((pid) => pid !== primary && isPrimary(pid)),
    15_000,
  );
}

test("a primary that is killed while its successor starts is succeeded once", bounded, async () => {
  const { program, control } = await start();
  await using _program = program;
  const before = await control.settled(2);
  const { pid: primary } = await control.status();
  // Its answer dies with who would give it.
  const upgrading = control.order("upgrade").catch(() => {});
  const successor = await successorOf(program, primary);
  process.kill(primary, "SIGKILL");
  await allGone([primary]);
  await upgrading;
  await control.settled(2, before);
  assert.equal((await control.status()).pid, successor);
  await eventually(
    "main process, primary and two workers, and nobody else",
    () => program.pids().length === 4 || undefined,
    10_000,
  );
  // Longer than who starts another one waits with it.
  await pause(400);
  assert.equal(program.pids().length, 4);
  assert.deepEqual(program.pids().filter(isPrimary), [successor]);
  assert.equal((await program.stop()).code, 0);
  assert.deepEqual(program.pids(), []);
});

test(
  "after main process and primary are killed at once, the next start takes over from their workers",
  bounded,
  async () => {
    const settings = { workers: { count: 2, orphanWait: "30s" } };
    await using fleet = await startFleet({ port: await freePort(), settings });
    const orphans = (await fleet.settled(2)).map(({ pid }) => pid);
    const { pid: primary } = await fleet.control.status();
    process.kill(fleet.program.pid, "SIGKILL");
    process.kill(primary, "SIGKILL");
    await fleet.program.exited;
    await allGone([primary]);
    await using next = await fleet.program.startAgain();
    await allGone(orphans);
    await fleet.settled(2);
    assert.equal((await fleet.control.status()).mainPid, next.pid);
    await fleet.load.lap();
    // The old sockets are lost with the main process: without net.ipv4.tcp_migrate_req one that waits there is reset.
    await fleet.endWithoutFailure({ mayReset: 1 });
    assert.equal((await next.stop()).code, 0);
    assert.deepEqual(fleet.program.pids(), []);
  },
);

test(
  "while no primary can start, the workers serve on as long as the main process lives",
  bounded,
  async () => {
    const settings = {
      workers: { count: 2, orphanWait: "1s" },
      shutdown: { grace: "1s", tunnelGrace: "1s" },
    };
    await using fleet = await startFleet({ settings });
    const before = await fleet.settled(2);
    await fleet.program.writeConfig("listeners: [\n");
    await fleet.program.waitForLog(/the last good one serves on/);
    await killPrimary(fleet.control);
    // Beyond what orphans wait by themselves: that nothing happens cannot be awaited.
    await pause(2000);
    await fleet.load.lap();
    assert.ok(before.every(({ pid }) => isRunning(pid)));
    await fleet.program.writeConfig(fleet.configWith({}));
    await fleet.settled(2, before, 20_000);
    await fleet.load.lap();
    await fleet.endWithoutFailure();
  },
);

test("a configuration that wants a single process waits for a new start", bounded, async () => {
  await using fleet = await startFleet();
  const before = await fleet.settled(2);
  await fleet.program.writeConfig(fleet.configWith({ workers: 0 }));
  await fleet.program.waitForLog(/workers from or to 0/);
  assert.equal((await fleet.control.order("reload")).ok, true);
  const pids = before.map(({ pid }) => pid);
  assert.deepEqual(new Set((await fleet.settled(2)).map(({ pid }) => pid)), new Set(pids));
  const upgrade = await fleet.control.command("upgrade");
  assert.equal(upgrade.code, 0, upgrade.stderr);
  const isNew = "workers of the new primary";
  const upgraded = await fleet.control.until(isNew, (rows) =>
    rows.some(({ pid, state }) => state === "live" && !pids.includes(pid)),
  );
  await killPrimary(fleet.control);
  await fleet.control.until("workers of the next primary", (rows) =>
    rows.some(({ pid, state }) => state === "live" && !upgraded.some((each) => each.pid === pid)),
  );
  assert.equal((await fleet.control.status()).mainPid, fleet.program.pid);
  await fleet.load.lap();
  await fleet.endWithoutFailure();
});

test("a control socket that was removed comes back", bounded, async () => {
  const { program, control } = await start();
  await using _program = program;
  await control.settled(2);
  const { pid } = await control.status();
  await rm(program.control);
  await assert.rejects(control.status(), /ENOENT/);
  const status = () => control.status().catch(() => undefined);
  assert.equal((await eventually("the control socket", status, 15_000)).pid, pid);
  assert.equal((await program.stop()).code, 0);
});

test("a restart brings up workers that are missing", bounded, async () => {
  const { program, control } = await start();
  await using _program = program;
  // Who dies again and again is replaced later each time: the last time there is time enough.
  for (let times = 0; times < 4; times += 1) {
    const killed = (await control.settled(2)).map(({ pid }) => pid);
    for (const pid of killed) process.kill(pid, "SIGKILL");
    await control.until("both to be missed", (rows) =>
      rows.every(({ pid }) => !killed.includes(pid)),
    );
  }
  const { ok, message } = await control.order("restart");
  assert.equal(ok, true, message);
  const rows = (await control.workers()).filter(({ state }) => state === "live");
  assert.deepEqual(new Set(rows.map(({ slot }) => slot)), new Set([0, 1]), "one is missing still");
});

test(
  "a refused configuration does not change the number of workers asked for",
  bounded,
  async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    await using _taken = { [Symbol.asyncDispose]: async () => void taken.close() };
    const { port } = taken.address() as AddressInfo;
    const { program, control } = await start({ config: { ...base, workers: 1 } });
    await using _program = program;
    assert.equal((await control.command("workers", "3")).code, 0);
    const before = await control.settled(3);
    const listeners = { ...base.listeners, other: `127.0.0.1:${port}` };
    await program.writeConfig({ ...base, listeners, workers: 2 });
    await program.waitForLog(/cannot go live/);
    assert.equal((await control.status()).workers.wanted, 3);
    const victim = before.filter(({ slot }) => slot === 2);
    for (const { pid } of victim) process.kill(pid, "SIGKILL");
    await control.settled(3, victim);
  },
);

test(
  "a number of workers that the configuration has replaced stays replaced",
  bounded,
  async () => {
    const { program, control } = await start({ workers: 1 });
    await using _program = program;
    await control.settled(1);
    await program.writeConfig({ ...base, workers: 3 });
    const before = await control.settled(3);
    const upgrade = await control.order("upgrade");
    assert.equal(upgrade.ok, true, upgrade.message);
    await control.settled(3, before);
  },
);
