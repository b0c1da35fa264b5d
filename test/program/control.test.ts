// The commands against the real program with real workers: each does what its page says, and what is
// served meanwhile is served.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import type { LogRecord } from "../../src/lib/log.ts";
import type { Status, WorkerRow } from "../../src/admin/operations.ts";
import { ask } from "../harness/ask.ts";
import { eventually, signal, within } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { type Ended, runCommand, tidegate } from "../harness/command.ts";
import { freePort } from "../harness/free-port.ts";
import { httpOrigin } from "../harness/origin.ts";
import { isRunning } from "../harness/processes.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const config = (body: string) => ({
  listeners: { web: "127.0.0.1:0" },
  routes: { "app.test": { respond: { body } } },
});

const start = (workers: number) => startTidegate({ config: config("one"), workers });

// A start of a primary and its workers takes a second or two on a busy machine.
const command = (program: Tidegate, ...words: readonly string[]): Promise<Ended> =>
  runCommand(tidegate, [...words, "--control", program.control], { timeoutMs: 60_000 });

async function json<T>(program: Tidegate, ...words: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await command(program, ...words, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}

async function done(program: Tidegate, ...words: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await command(program, ...words);
  assert.equal(code, 0, `${words.join(" ")}: ${stderr}`);
  assert.notEqual(stdout, "");
}

const bodyOf = async (program: Tidegate) => (await ask(program.port())).body;

test("status, routes and workers tell what runs", async () => {
  await using program = await start(2);
  assert.equal(await bodyOf(program), "one");
  const status = await json<Status>(program, "status");
  assert.deepEqual(
    [status.state, status.mainPid, status.workers.wanted, status.workers.live],
    ["serving", program.pid, 2, 2],
  );
  assert.equal(status.listeners[0]?.addresses[0]?.port, program.port());
  assert.equal(status.snapshot.routes, 1);
  const counted = await eventually("the request to be counted", async () => {
    const { counts } = await json<Status>(program, "status");
    return counts.answered === 1 ? counts : undefined;
  });
  assert.equal(counted.exchanges, 0);
  const workers = await json<WorkerRow[]>(program, "workers");
  assert.equal(workers.length, 2);
  for (const { pid, state } of workers) {
    assert.ok(isRunning(pid) && program.pids().includes(pid));
    assert.equal(state, "live");
  }
  assert.match((await command(program, "routes")).stdout, /app\.test/);
  assert.match((await command(program, "status")).stdout, /^workers +2 of 2 live$/m);
});

test("the control socket is its owner's alone, and gone after the end", async () => {
  await using program = await start(0);
  assert.equal(statSync(program.control).mode & 0o777, 0o600);
  await program.stop();
  assert.equal(existsSync(program.control), false);
  assert.ok(existsSync(dirname(program.control)));
  assert.equal((await command(program, "status")).code, 3);
});

test("reload takes the new configuration, or says what is wrong with it", async () => {
  await using program = await start(1);
  await program.writeConfig(config("two"));
  await done(program, "reload");
  assert.equal(await bodyOf(program), "two");
  await program.writeConfig("routes:\n  app.test: ftp://x\n");
  const { code, stderr } = await command(program, "reload");
  assert.equal(code, 1);
  assert.match(stderr, /tidegate\.yaml:2:13: /);
  assert.equal(await bodyOf(program), "two");
  assert.match((await command(program, "status")).stdout, /not live: .*tidegate\.yaml:2:13/);
  await program.writeConfig(config("three"));
  await done(program, "reload");
  assert.doesNotMatch((await command(program, "status")).stdout, /not live/);
  assert.equal(await bodyOf(program), "three");
});

test("workers changes how many there are", async () => {
  await using program = await start(1);
  for (const size of [3, 1]) {
    await done(program, "workers", String(size));
    await eventually(`${size} workers`, async () => {
      const rows = await json<WorkerRow[]>(program, "workers");
      return rows.length === size ? true : undefined;
    });
    assert.equal(await bodyOf(program), "one");
  }
  assert.notEqual((await command(program, "workers", "lots")).code, 0);
});

test("restart replaces the workers, upgrade the primary as well, and the main process stays", async () => {
  await using program = await start(2);
  const pids = async () => {
    const rows = await json<WorkerRow[]>(program, "workers");
    return rows.filter(({ state }) => state === "live").map(({ pid }) => pid);
  };
  const before = await json<Status>(program, "status");
  const first = await pids();
  await done(program, "restart");
  const second = await pids();
  assert.equal(second.length, 2);
  assert.ok(!second.some((pid) => first.includes(pid)));
  assert.equal((await json<Status>(program, "status")).pid, before.pid);
  await done(program, "upgrade");
  const after = await eventually("the successor to answer", async () => {
    const status = await json<Status>(program, "status");
    return status.pid === before.pid ? undefined : status;
  });
  assert.deepEqual([after.mainPid, after.workers.live], [program.pid, 2]);
  assert.ok(!(await pids()).some((pid) => second.includes(pid)));
  assert.equal(await bodyOf(program), "one");
});

test("drain lets no more in and waits for what runs; resume opens again", async () => {
  const asked = signal();
  const answer = signal();
  await using origin = await httpOrigin((_request, response) => {
    asked.fire();
    void answer.promise.then(() => response.end("finished"));
  });
  const routes = { "app.test": `http://127.0.0.1:${origin.port}` };
  // Not one that the system chooses: that would be another one after the drain.
  const listeners = { web: `127.0.0.1:${await freePort()}` };
  await using program = await startTidegate({ config: { listeners, routes }, workers: 2 });
  const running = ask(program.port());
  await asked.promise;
  const draining = command(program, "drain");
  await eventually("the drain", async () => {
    const { state } = await json<Status>(program, "status");
    return state === "draining" ? true : undefined;
  });
  await assert.rejects(connect(program.port()));
  answer.fire();
  assert.equal((await running).body, "finished");
  assert.equal((await draining).code, 0);
  await done(program, "resume");
  assert.equal(await bodyOf(program), "finished");
});

test("logs gives what was said, and follows workers and primary", async () => {
  await using program = await start(1);
  await program.writeConfig(config("two"));
  await done(program, "reload");
  const { stdout } = await command(program, "logs", "--json");
  const records = stdout.split("\n").filter((line) => line !== "");
  const texts = records.map((line) => (JSON.parse(line) as LogRecord).text);
  assert.ok(texts.includes("configuration reloaded"), stdout);
  const following = spawn(tidegate, ["logs", "-f", "-n", "0", "--control", program.control], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(following, "close");
  let out = "";
  following.stdout.on("data", (bytes: Buffer) => (out += bytes.toString()));
  try {
    await eventually(
      "the line of a reload",
      async () => {
        await command(program, "reload");
        return out.includes("configuration reloaded") ? true : undefined;
      },
      20_000,
    );
    await program.stop();
    const [code] = await within(closed, 20_000, "the end of logs");
    assert.equal(code, 0);
  } finally {
    following.kill("SIGKILL");
  }
});

test("stop returns when the program is gone, and --now cuts what runs", async () => {
  const asked = signal();
  await using origin = await httpOrigin(() => asked.fire());
  const routes = { "app.test": `http://127.0.0.1:${origin.port}` };
  for (const workers of [0, 2]) {
    await using program = await startTidegate({
      config: { listeners: { web: "127.0.0.1:0" }, routes },
      workers,
    });
    const cut = ask(program.port()).catch(() => "cut");
    await asked.promise;
    await done(program, "stop", "--now");
    assert.equal(await cut, "cut");
    assert.deepEqual(program.pids(), []);
    assert.deepEqual(await program.exited, { code: 0, signal: null });
  }
});

test("a single process says what it cannot do", async () => {
  await using program = await start(0);
  for (const words of [["restart"], ["upgrade"], ["workers", "2"]]) {
    const { code, stderr } = await command(program, ...words);
    assert.equal(code, 1);
    assert.match(stderr, /one process/);
  }
  assert.match((await command(program, "workers")).stdout, /single process/);
  assert.equal(await bodyOf(program), "one");
});
