import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { identityOf, signal } from "./process-identity.ts";

test("a process is signalled by its identity, and another one with its number is not", async () => {
  const child = spawn("sleep", ["30"]);
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  const identity = identityOf(pid);
  assert.ok(identity !== undefined);
  signal(`${pid} 1`, "SIGKILL");
  assert.equal(identityOf(pid), identity);
  signal(identity, "SIGTERM");
  const [, name] = await once(child, "exit");
  assert.equal(name, "SIGTERM");
  assert.equal(identityOf(pid), undefined);
  signal(identity, "SIGTERM");
});
