// The commands that speak to a running program, as processes of their own, against a control socket that
// this test serves: so that each answer a program may give is seen, also those that are hard to provoke.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod } from "node:fs/promises";
import { createServer } from "node:net";
import { test } from "node:test";
import { ControlServer } from "../admin/control-server.ts";
import type { Outcome } from "../admin/operations.ts";
import type { LogRecord } from "../lib/log.ts";
import { eventually, within } from "../../test/harness/barrier.ts";
import { runCommand, tidegate } from "../../test/harness/command.ts";
import { quietLog, sampleHost } from "../../test/harness/sample-host.ts";
import { SampleOperations } from "../../test/harness/sample-operations.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";

const record = (text: string): LogRecord => {
  return { time: "2026-11-21T06:00:00.000Z", level: "warn", text, pid: 7, fields: { port: 80 } };
};

test("status says what runs, in words and as JSON", async () => {
  await using running = await sampleHost();
  const { operations } = running;
  const words = await running.run("status");
  assert.deepEqual([words.code, words.stderr], [0, ""]);
  for (const pattern of [
    /^Tidegate 0\.1\.0 {2}serving$/m,
    /, for 1h 2m, /,
    /embedded defaults/,
    /^listening +web {2}\[::\]:8080$/m,
    /^workers +2 of 2 live$/m,
    /^services +1 of 1 up$/m,
    /^open +3 connections, 2 requests, 1 tunnel$/m,
    /^answered +12,345 requests$/m,
    /^memory +210 MiB$/m,
  ]) {
    assert.match(words.stdout, pattern);
  }
  const json = await running.run("status", "--json");
  const whole = JSON.parse(json.stdout) as { pid: number; services: { name: string }[] };
  assert.deepEqual([whole.pid, whole.services[0]?.name], [process.pid, "shop"]);
  operations.state = "draining";
  operations.problems = [
    { file: "t.yaml", line: 3, column: 4, path: "routes", message: "is odd", severity: "error" },
  ];
  const { stdout } = await running.run("status");
  assert.match(stdout, /draining.*tidegate resume/);
  assert.match(stdout, /not live: t\.yaml:3:4: routes: is odd/);
});

test("routes and workers are tables, or JSON", async () => {
  await using running = await sampleHost();
  const routes = await running.run("routes");
  assert.match(
    routes.stdout,
    /^ROUTE +RULE +GOES TO +WRITTEN AT\nwww .*127\.0\.0\.1:1 +t\.yaml:1:1/,
  );
  const workers = await running.run("workers");
  assert.match(workers.stdout, /^SLOT +PID +STATE .*\n0 +4711 +live .* 70 MiB /);
  for (const name of ["routes", "workers"]) {
    const { stdout } = await running.run(name, "--json");
    assert.equal((JSON.parse(stdout) as unknown[]).length, 1);
  }
});

test("what is done is told on stdout with exit code 0, what is refused on stderr with 1", async () => {
  await using running = await sampleHost();
  const { operations } = running;
  const commands = [["reload"], ["restart"], ["upgrade"], ["resume"], ["workers", "4"]];
  for (const words of commands) {
    operations.next = { ok: true, message: "well done" };
    const done = await running.run(...words);
    assert.deepEqual(done, { code: 0, signal: null, stdout: "well done\n", stderr: "" });
    operations.next = { ok: false, message: "not today" };
    const refused = await running.run(...words);
    assert.deepEqual(refused, {
      code: 1,
      signal: null,
      stdout: "",
      stderr: "tidegate: not today\n",
    });
    const json = await running.run(...words, "--json");
    assert.equal(json.code, 1);
    assert.deepEqual(JSON.parse(json.stdout), { ok: false, message: "not today" });
  }
  assert.equal(operations.calls.at(-1), "resize 4");
});

test("a reload prints the problems with their places", async () => {
  await using running = await sampleHost();
  const problem = { file: "t.yaml", line: 3, column: 4, path: "routs", message: "is unknown" };
  const problems = [
    { ...problem, remedy: "write routes", severity: "error" as const },
    { ...problem, line: 9, severity: "warning" as const },
  ];
  running.operations.next = { ok: false, message: "nothing was changed", problems };
  const { code, stderr } = await running.run("reload");
  assert.equal(code, 1);
  assert.equal(
    stderr,
    "t.yaml:3:4: routs: is unknown; write routes\nt.yaml:9:4: warning: routs: is unknown\n" +
      "tidegate: nothing was changed\n",
  );
  running.operations.next = { ok: true, message: "live", problems: problems.slice(1) };
  const warned = await running.run("reload");
  assert.deepEqual([warned.code, warned.stdout], [0, "live\n"]);
  assert.match(warned.stderr, /^t\.yaml:9:4: warning/);
});

test("drain waits until nothing runs", async () => {
  await using running = await sampleHost();
  const { operations } = running;
  const drained = running.run("drain");
  await eventually("the drain", () => (operations.state === "draining" ? true : undefined));
  operations.open = { connections: 9, exchanges: 0, tunnels: 0, answered: 1 };
  const { code, stdout } = await drained;
  assert.equal(code, 0);
  assert.match(stdout, /^drained/);
});

test("drain says when somebody resumed meanwhile, and --no-wait does not wait at all", async () => {
  await using running = await sampleHost();
  const { operations } = running;
  operations.next = { ok: true, message: "accepts no more" };
  const quick = await running.run("drain", "--no-wait");
  assert.deepEqual([quick.code, quick.stdout], [0, "accepts no more\n"]);
  operations.state = "serving";
  const waiting = running.run("drain");
  await eventually("the drain", () => (operations.state === "draining" ? true : undefined));
  operations.state = "serving";
  const { code, stderr } = await waiting;
  assert.equal(code, 1);
  assert.match(stderr, /resume/);
});

test("stop waits for the end; --now is a second stop; --no-wait returns at once", async () => {
  await using running = await sampleHost();
  const { operations, server } = running;
  const quick = await running.run("stop", "--no-wait");
  assert.equal(quick.code, 0);
  assert.deepEqual(operations.calls, ["stop"]);
  operations.mainPid = 2 ** 30; // a process that is not there
  operations.onStop = () => {
    if (operations.calls.length === 3) void server.close();
  };
  const { code, stdout } = await running.run("stop", "--now");
  assert.deepEqual([code, stdout], [0, "it has ended\n"]);
  assert.deepEqual(operations.calls, ["stop", "stop", "stop"]);
});

test("nobody there is exit code 3, with the path that was tried and what to do", async () => {
  await using folder = await tempFolder();
  const path = folder.file("none.sock");
  const commands =
    "status,routes,workers,workers 3,logs,reload,restart,upgrade,drain,resume,stop,services,services a," +
    "pause a,resume a,resume a b,drain a b,drain a b --wait,maintenance a on,alert test";
  for (const words of commands.split(",")) {
    const { code, stdout, stderr } = await runCommand(tidegate, [
      ...words.split(" "),
      "--control",
      path,
    ]);
    assert.deepEqual([words, code, stdout], [words, 3, ""]);
    assert.ok(stderr.includes(path), stderr);
    assert.match(stderr, /tidegate run/);
  }
});

test("every command explains itself", async () => {
  const { stdout: all } = await runCommand(tidegate, ["--help"]);
  const names = [...all.matchAll(/^ {2}([a-z]+)\b/gm)].map(([, name = ""]) => name);
  const some =
    "status workers logs reload restart upgrade drain resume services pause maintenance alert";
  for (const name of some.split(" ")) {
    assert.ok(names.includes(name), name);
  }
  for (const name of names.filter((each) => each !== "help")) {
    const { code, stdout } = await runCommand(tidegate, [name, "--help"]);
    assert.equal(code, 0, name);
    assert.match(stdout, new RegExp(`Usage: tidegate ${name}`));
  }
});

test("TIDEGATE_CONTROL says where the socket is, and --control goes before it", async () => {
  await using running = await sampleHost();
  const env = { TIDEGATE_CONTROL: running.path };
  assert.equal((await runCommand(tidegate, ["status"], { env })).code, 0);
  const other = running.folder.file("none.sock");
  const { code } = await runCommand(tidegate, ["status", "--control", other], { env });
  assert.equal(code, 3);
});

test("no rights, no sense and no answer are told apart from nobody there", async () => {
  await using folder = await tempFolder();
  const path = folder.file("strange.sock");
  let answer = "";
  const server = createServer((socket) => {
    socket.once("data", () => socket.end(answer));
    socket.on("error", () => {});
  });
  server.listen(path);
  await once(server, "listening");
  const silent = await runCommand(tidegate, ["status", "--control", path]);
  assert.deepEqual([silent.code, silent.stdout], [1, ""]);
  assert.match(silent.stderr, /no answer came/);
  answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
  const other = await runCommand(tidegate, ["status", "--control", path]);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /none that this version understands/);
  server.close();
  await once(server, "close");
});

test(
  "a socket of somebody else is not nobody",
  { skip: process.geteuid?.() === 0 && "root may use every socket" },
  async () => {
    await using running = await sampleHost();
    await chmod(running.path, 0);
    const { code, stderr } = await running.run("status");
    assert.equal(code, 1);
    assert.match(stderr, /you may not use/);
  },
);

test("logs prints lines for a person, or as they are", async () => {
  await using running = await sampleHost();
  for (const text of ["one", "two", "three"]) running.operations.log.push(record(text));
  const words = await running.run("logs", "-n", "2");
  assert.equal(words.code, 0);
  assert.match(words.stdout, /^\d\d:\d\d:\d\d warn {2}two port=80\n\d\d:\d\d:\d\d warn {2}three /);
  const json = await running.run("logs", "--json", "--lines", "1");
  const line = JSON.parse(json.stdout) as Record<string, unknown>;
  assert.deepEqual([line["text"], line["pid"]], ["three", 7]);
  assert.notEqual((await running.run("logs", "-n", "many")).code, 0);
});

test("logs --follow goes on, also with a successor, and ends when nobody is left", async () => {
  await using running = await sampleHost();
  const { operations, server, path } = running;
  operations.log.push(record("before"));
  const child = spawn(tidegate, ["logs", "-f", "--control", path], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (bytes: Buffer) => (out += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (err += bytes.toString()));
  const closed = once(child, "close");
  const saw = (text: string) =>
    eventually(`the line ${text}: ${err}`, () => (out.includes(text) ? true : undefined), 10_000);
  try {
    await saw("before");
    operations.log.push(record("live"));
    await saw("live");
    const next = new SampleOperations();
    next.pid = 2 ** 30;
    next.log.push(record("first line of the successor"));
    const opening = await ControlServer.open({
      path,
      operations: next,
      log: quietLog,
      replace: true,
    });
    if (opening.kind !== "listening") throw new Error("the path is taken");
    await server.close();
    await saw("first line of the successor");
    await opening.server.close();
    const [code] = await within(closed, 10_000, "the command's end");
    assert.equal(code, 0);
    assert.match(err, /the program has ended/);
    assert.equal(out.match(/before/g)?.length, 1);
  } finally {
    child.kill("SIGKILL");
  }
});

test("logs ends quietly when its reader has seen enough", async () => {
  await using running = await sampleHost();
  for (let i = 0; i < 1000; i += 1) running.operations.log.push(record("x".repeat(500)));
  const script = `"$1" logs -n 1000 --control "$2" | head -n 1`;
  const { code, stderr, stdout } = await runCommand("/bin/sh", [
    "-c",
    script,
    "sh",
    tidegate,
    running.path,
  ]);
  assert.deepEqual([code, stderr, stdout.split("\n").length], [0, "", 2]);
});

test("on a terminal a long action shows how far it is, and clears that away", async () => {
  await using running = await sampleHost();
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  running.operations.next = promise;
  // `script` gives the command a terminal.
  const line = `${tidegate} restart --control ${running.path}`;
  const child = spawn("script", ["-qec", line, "/dev/null"], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (bytes: Buffer) => (out += bytes.toString()));
  const closed = once(child, "close");
  await eventually(
    "the progress",
    () => (/restarting: 2 of 2 workers live/.test(out) ? true : undefined),
    10_000,
  );
  resolve({ ok: true, message: "all replaced" });
  await within(closed, 10_000, "the command's end");
  assert.ok(out.endsWith("\r\u001B[2Kall replaced\r\n"), JSON.stringify(out));
});
