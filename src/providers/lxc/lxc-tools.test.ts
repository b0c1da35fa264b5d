import assert from "node:assert/strict";
import { test } from "node:test";
import { nameOf } from "./lxc-monitor.ts";
import { parseInfo } from "./lxc-tools.ts";

test("state and first process are read from what lxc-info writes", () => {
  assert.deepEqual(parseInfo("State:          RUNNING\nPID:            4711\n"), {
    kind: "info",
    state: "RUNNING",
    pid: 4711,
  });
  assert.deepEqual(parseInfo("Name:           web\nState:          STOPPED\n"), {
    kind: "info",
    state: "STOPPED",
    pid: undefined,
  });
  for (const text of ["", "web doesn't exist\n", "State: \n", "PID:            4711\n"]) {
    assert.equal(parseInfo(text), undefined, text);
  }
  const none = parseInfo("State:          STARTING\nPID:            -1\n");
  assert.deepEqual(none, { kind: "info", state: "STARTING", pid: undefined });
});

test("whom lxc-monitor speaks of is read from its lines, whatever they are called", () => {
  assert.equal(nameOf("'web2' changed state to [STARTING]"), "web2");
  assert.equal(nameOf("'web2' exited with status [0]"), "web2");
  assert.equal(nameOf("'a' changed state to' changed state to [STOPPED]"), "a' changed state to");
  for (const line of ["", "'", "web2 changed state to [STARTING]", "x".repeat(100_000)]) {
    assert.equal(nameOf(line), undefined);
  }
});
