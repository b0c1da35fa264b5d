// How processes end when more than one thing happens: signals to all of them at once, processes that hang,
// workers of a predecessor that still carry a request, no descriptor left for a socket. These tests fail
// - when one call for the end counts twice, and cuts what runs;
// - when who hangs, or has lost its primary, outlives the program or what it was granted;
// - when a listener goes live that some worker could not be given.

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ask, requestText } from "../harness/ask.ts";
import { eventually, within } from "../harness/barrier.ts";
import { type Client, connect } from "../harness/client.ts";
import { controlOf } from "../harness/control.ts";
import { freePort } from "../harness/free-port.ts";
import { allGone, descriptorsOf, isRunning, isStopped, signalTwice } from "../harness/processes.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

const base = {
  listeners: { web: "127.0.0.1:0" },
  routes: { "app.test": { respond: { body: "ok" } } },
  workers: 2,
  shutdown: { grace: "20s", tunnelGrace: "20s" },
};

/** A program with a request that runs until it is released. */
async function startWithRequest() {
  await using stack = new AsyncDisposableStack();
  const running: ServerResponse[] = [];
  const backend = stack.use(
    await httpOrigin((_request, response) => {
      response.write("a");
      running.push(response);
    }),
  );
  const config = { ...base, routes: { "app.test": backend.url } };
  const program = stack.use(await startTidegate({ config }));
  const control = controlOf(program.control);
  const before = await control.settled(2);
  const client = stack.use(await connect(program.port(), { timeoutMs: 15_000 }));
  await client.send(requestText());
  await client.waitHeadOrClose();
  const held = stack.move();
  return {
    program,
    control,
    before,
    client,
    /** The program has heard that it shall end, and the request has had time to be cut. */
    async heardEnd() {
      await eventually(
        "connections to be refused",
        async () => {
          const refused = connect(program.port()).then(
            (other) => other[Symbol.asyncDispose](),
            () => true as const,
          );
          return (await refused) || undefined;
        },
        15_000,
      );
      await pause(500);
    },
    async assertAnswered() {
      for (const each of running) each.end("b");
      assert.equal((await client.readResponse()).body, "ab");
      client.end();
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

test("a signal to all processes at once counts once", bounded, async () => {
  await using it = await startWithRequest();
  for (const pid of it.program.pids()) process.kill(pid, "SIGTERM");
  await it.heardEnd();
  await it.assertAnswered();
  assert.deepEqual(await it.program.exited, { code: 0, signal: null });
  assert.deepEqual(it.program.pids(), []);
});

test("after an upgrade the first signal lets an old worker finish", bounded, async () => {
  await using it = await startWithRequest();
  const upgrade = await it.control.order("upgrade");
  assert.equal(upgrade.ok, true, upgrade.message);
  assert.ok(
    it.before.some(({ pid }) => isRunning(pid)),
    "an old worker has the request",
  );
  it.program.signal("SIGTERM");
  await it.heardEnd();
  await it.assertAnswered();
  assert.deepEqual(await it.program.exited, { code: 0, signal: null });
  assert.deepEqual(it.program.pids(), []);
});

test("workers that lost their primary end with the program", bounded, async () => {
  await using it = await startWithRequest();
  process.kill((await it.control.status()).pid, "SIGKILL");
  await it.control.settled(2, it.before);
  const carrying = () => it.before.filter(({ pid }) => isRunning(pid));
  await eventually("one to be left", () => carrying().length === 1 || undefined, 10_000);
  await signalTwice(it.program.pid, "SIGTERM");
  const ended = await within(it.program.exited, 15_000, "the end after two signals");
  assert.deepEqual(ended, { code: 0, signal: null });
  assert.deepEqual(it.program.pids(), []);
});

test("two signals end the program when its primary hangs", bounded, async () => {
  await using program = await startTidegate({ config: base });
  const control = controlOf(program.control);
  await control.settled(2);
  const { pid } = await control.status();
  process.kill(pid, "SIGSTOP");
  await eventually("the primary to stop", () => isStopped(pid) || undefined);
  await signalTwice(program.pid, "SIGTERM");
  // Less than what the configuration grants.
  assert.deepEqual(await within(program.exited, 15_000, "the end"), { code: 0, signal: null });
  assert.deepEqual(program.pids(), []);
});

test("a worker that hangs while it shall leave is killed", bounded, async () => {
  const config = { ...base, workers: { count: 2, hangTimeout: "4s", gracefulWait: "1h" } };
  await using program = await startTidegate({ config });
  const control = controlOf(program.control);
  const victim = (await control.settled(2)).find(({ slot }) => slot === 1);
  assert.ok(victim !== undefined);
  process.kill(victim.pid, "SIGSTOP");
  await control.command("workers", "1");
  assert.deepEqual(
    (await control.workers()).map(({ slot, state }) => [slot, state]),
    [
      [0, "live"],
      [1, "leaving"],
    ],
  );
  await allGone([victim.pid]);
  await control.settled(1);
});

test("a new listener is refused while a worker has no descriptor for it", bounded, async () => {
  const [port, other] = [await freePort(), await freePort()];
  const config = {
    ...base,
    listeners: { web: `127.0.0.1:${port}` },
    limits: { connectionsPerAddress: 0 },
  };
  await using program = await startTidegate({ config, maxDescriptors: 128 });
  const control = controlOf(program.control);
  const workers = await control.settled(2);
  await using stack = new AsyncDisposableStack();
  const connections: Client[] = [];
  await eventually(
    "workers without a free descriptor",
    async () => {
      for (let count = 0; count < 20; count += 1) connections.push(stack.use(await connect(port)));
      return workers.every(({ pid }) => descriptorsOf(pid) >= 128) || undefined;
    },
    15_000,
  );
  const next = { ...config, listeners: { ...config.listeners, new: `127.0.0.1:${other}` } };
  await program.writeConfig(next);
  const refused = await control.command("reload");
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /descriptors/);
  await assert.rejects(ask(other), /ECONNREFUSED/);
  await stack.disposeAsync();
  const reloaded = async () => (await control.command("reload")).code === 0 || undefined;
  await eventually("a reload that works", reloaded, 15_000);
  // Half of them come to each worker.
  for (const at of [port, other]) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(at)));
    assert.ok(answers.every(({ status }) => status === 200));
  }
  assert.deepEqual(
    (await control.settled(2)).map(({ pid }) => pid),
    workers.map(({ pid }) => pid),
  );
});
