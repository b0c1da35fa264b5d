import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { treeOf, usageOf } from "./usage.ts";

test("the CPU time spent by a child is part of its parent's usage", async () => {
  // The shell stays alive as the parent; its child burns 300 ms and then waits for its stdin to end.
  const burn =
    "const end = Date.now() + 300; while (Date.now() < end); console.log('done'); process.stdin.resume()";
  const shell = spawn("sh", ["-c", `"${process.execPath}" -e "${burn}" <&3 3<&- ; exit 0`], {
    stdio: ["ignore", "pipe", "inherit", "pipe"],
  });
  try {
    const { pid, stdout } = shell;
    assert.ok(pid !== undefined && stdout !== null);
    await once(stdout, "data");
    const usage = usageOf(pid);
    assert.equal(usage.pids.length, 2);
    assert.ok(usage.cpuMicros >= 200_000, `only ${usage.cpuMicros} us were counted`);
    assert.ok(usage.residentKb > 10_000);
  } finally {
    for (const stream of shell.stdio) stream?.destroy();
    await once(shell, "exit");
  }
});

test("a process that is gone has an empty tree and no usage", async () => {
  const child = spawn("true");
  await once(child, "exit");
  assert.ok(child.pid !== undefined);
  assert.deepEqual(treeOf(child.pid), []);
  assert.deepEqual(usageOf(child.pid), { cpuMicros: 0, residentKb: 0, pids: [] });
});
