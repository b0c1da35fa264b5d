// What the system or the configuration limits, with more than one worker: a full disk under the access log,
// no descriptor left, most connections in all and of one address. These tests fail
// - when a failed write of the log ends a worker or holds its requests;
// - when a worker without descriptors dies, or never accepts again;
// - when each worker counts for itself: twice as many connections are held.

import assert from "node:assert/strict";
import { chmod, stat, truncate, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ask, requestText } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { type Client, connect } from "../harness/client.ts";
import { tidegate } from "../harness/command.ts";
import { controlOf } from "../harness/control.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";
import { startFleet } from "./fleet.ts";

const bounded = { timeout: 40_000 };

test("an access log that takes nothing is reported, and serving goes on", bounded, async () => {
  const accessLog = { format: "json", path: "/dev/full" };
  await using fleet = await startFleet({ settings: { accessLog } });
  const before = await fleet.settled(2);
  await fleet.program.waitForLog(/ENOSPC|no space/i);
  await fleet.load.lap();
  await fleet.endWithoutFailure();
  assert.deepEqual(pidsOf(await fleet.settled(2)), pidsOf(before));
});

const noMounts = process.getuid?.() === 0 ? needs("unshare", "mount") : "needs root";

test(
  "a disk that was full takes the log again when there is room",
  { ...bounded, skip: noMounts },
  async () => {
    await using folder = await tempFolder();
    const path = folder.file("access.log");
    // A small file system that only the program sees, and that is gone when the program is.
    const mount = `mount -t tmpfs -o size=64k none ${folder.path}`;
    const script = `#!/bin/sh\nexec unshare -m sh -c '${mount} && exec ${tidegate} "$@"' sh "$@"\n`;
    await using scripts = await tempFolder();
    const program = scripts.file("tidegate");
    await writeFile(program, script);
    await chmod(program, 0o755);
    const accessLog = { format: "json", path };
    await using fleet = await startFleet({ program, settings: { accessLog } });
    const seen = `/proc/${fleet.program.pid}/root${path}`;
    await fleet.program.waitForLog(/ENOSPC|no space/i);
    await fleet.load.lap();
    await truncate(seen, 0);
    await eventually(
      "new lines in the log",
      async () => (await stat(seen)).size > 0 || undefined,
      10_000,
    );
    await fleet.endWithoutFailure();
  },
);

test("workers without descriptors live on, and recover when connections end", bounded, async () => {
  await using backend = await httpOrigin((_request, response) => response.end("ok"));
  await using program = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: { "app.test": backend.url },
      workers: 2,
    },
    maxDescriptors: 80,
  });
  const control = controlOf(program.control);
  const before = await control.until("two workers", (rows) => rows.length === 2);
  await using stack = new AsyncDisposableStack();
  const clients: Client[] = [];
  // Each wants one for the backend as well, so these are three times too many.
  for (let count = 0; count < 240; count += 1) {
    const client = stack.use(await connect(program.port(), { timeoutMs: 15_000 }));
    clients.push(client);
    await client.send(requestText());
  }
  await eventually("clients that are turned away, or wait", () => {
    const isTroubled = clients.some((each) => each.hasEnded || /^HTTP\/1.1 50/.test(each.pending));
    return isTroubled || /EMFILE|descriptor/i.test(program.stderr()) || undefined;
  });
  await stack.disposeAsync();
  await eventually(
    "twenty answers in a row",
    async () => {
      try {
        for (let count = 0; count < 20; count += 1) {
          if ((await ask(program.port())).status !== 200) return undefined;
        }
        return true;
      } catch {
        return undefined; // turned away still: asked again
      }
    },
    20_000,
  );
  assert.deepEqual(pidsOf(await control.workers()), pidsOf(before), "none of them died");
  assert.equal((await program.stop()).code, 0);
});

for (const { what, limits, from } of [
  { what: "of all", limits: { connections: 20 }, from: (n: number) => `127.0.1.${n % 250}` },
  { what: "of one address", limits: { connectionsPerAddress: 20 }, from: () => "127.0.1.1" },
]) {
  test(`the limit of connections ${what} holds over two workers`, bounded, async () => {
    await using backend = await httpOrigin((_request, response) => response.end("ok"));
    await using program = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: { "app.test": backend.url },
        workers: 2,
        limits,
      },
    });
    await using stack = new AsyncDisposableStack();
    const held: Client[] = [];
    let tries = 0;
    const attempt = async () => {
      const client = await connect(program.port(), { from: from(++tries) });
      await client.send(requestText());
      await client.waitHeadOrClose();
      if (client.pending.startsWith("HTTP/1.1 200")) held.push(stack.use(client));
      else await client[Symbol.asyncDispose]();
    };
    // Near the limit a worker may refuse what the other one has room for, until they have told each other.
    const fill = () =>
      eventually("the limit to be reached", async () => {
        await attempt();
        return held.length >= 20 || undefined;
      });
    await fill();
    for (let more = 0; more < 60; more += 1) await attempt();
    assert.ok(held.length <= 21, `${held.length} connections are held`);
    for (const client of held.splice(0, 5)) await client[Symbol.asyncDispose]();
    await fill();
    if (what === "of one address") {
      await using other = await connect(program.port(), { from: "127.0.1.2" });
      await other.send(requestText());
      assert.equal((await other.readResponse()).status, 200);
    }
  });
}

function pidsOf(rows: readonly { readonly pid: number }[]): number[] {
  return rows.map(({ pid }) => pid).toSorted((a, b) => a - b);
}
