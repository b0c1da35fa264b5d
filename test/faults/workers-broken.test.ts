// The code on disk is replaced by one that does not start. What runs goes on; the command says why it failed;
// and repaired code is taken. These tests fail
// - when workers are ended before the new ones have said that they serve: the load fails;
// - when a crash at start is not told to whoever asked for the restart: the command succeeds, or hangs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProgramCopy, programCopy } from "../harness/program-copy.ts";
import { startFleet } from "./fleet.ts";

const bounded = { timeout: 60_000 };

for (const [command, module] of [
  ["restart", "src/process/worker.ts"],
  ["upgrade", "src/process/worker.ts"],
  ["upgrade", "src/process/primary.ts"],
] as const) {
  test(
    `\`${command}\` to a broken ${module} fails, says why, and harms nobody`,
    bounded,
    async () => {
      await using copy: ProgramCopy = await programCopy();
      await using fleet = await startFleet({ program: copy.launcher });
      const before = await fleet.settled(2);
      const { pid: primary } = await fleet.control.status();
      const repair = await copy.break(module, "broken on purpose");
      const failed = await fleet.control.command(command);
      assert.equal(failed.code, 1, failed.stdout);
      assert.match(failed.stdout + failed.stderr, /serve on|still serve|unchanged|goes on|go on/i);
      assert.match(fleet.program.stderr(), /broken on purpose/);
      const after = await fleet.settled(2);
      assert.deepEqual(
        after.map(({ pid }) => pid),
        before.map(({ pid }) => pid),
      );
      assert.equal((await fleet.control.status()).pid, primary);
      await fleet.load.lap();
      await repair();
      const done = await fleet.control.command(command);
      assert.equal(done.code, 0, done.stdout + done.stderr);
      await fleet.settled(2, before);
      await fleet.load.lap();
      await fleet.endWithoutFailure();
    },
  );
}
