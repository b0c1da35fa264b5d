import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { FirstProcesses, firstProcess } from "./first-process.ts";

const yes = async () => true;
const no = async () => false;

test("a process is taken with when it began, if it is the one that is meant", async () => {
  const stat = await readFile(`/proc/${process.pid}/stat`, "utf8");
  const startedAt = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  assert.deepEqual(await firstProcess(process.pid, yes), { pid: process.pid, startedAt });
  assert.equal(await firstProcess(process.pid, no), undefined);
});

test("one that has ended is none, also when it ends while it is looked at", async () => {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  const pid = child.pid ?? 0;
  const ends = async () => {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
    return true;
  };
  assert.equal(await firstProcess(pid, ends), undefined);
  assert.equal(await firstProcess(pid, yes), undefined);
});

test("what was found out is asked again with another run only", async () => {
  const processes = new FirstProcesses();
  let asked = 0;
  const isMeant = async () => {
    asked += 1;
    return true;
  };
  const { pid } = process;
  for (const run of ["a", "a", "b", "b"]) {
    processes.begin();
    assert.equal((await processes.of("x", { pid, run }, isMeant))?.pid, pid);
  }
  assert.equal(asked, 2);
  processes.begin();
  processes.begin();
  await processes.of("x", { pid, run: "b" }, isMeant);
  assert.equal(asked, 3, "who was not listed is forgotten");
});
