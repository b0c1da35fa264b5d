// The control socket as its users meet it: a real server, real connections, over a real file.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, stat, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { eventually, signal, within } from "../../test/harness/barrier.ts";
import { accountStand } from "../../test/harness/admin-stand.ts";
import { SampleOperations } from "../../test/harness/sample-operations.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { createLogger, type LogRecord } from "../lib/log.ts";
import { readStatus } from "./answers.ts";
import { askControl, type Question } from "./control-client.ts";
import { ControlServer } from "./control-server.ts";
import type { Outcome } from "./operations.ts";

const log = createLogger({ pretty: false, level: "silent" });

async function open(path: string, operations = new SampleOperations(), replace = false) {
  const opened = await ControlServer.open({ path, operations, log, replace });
  if (opened.kind !== "listening") throw new Error("the path is taken");
  const { server } = opened;
  return { operations, server, [Symbol.asyncDispose]: () => server.close() };
}

async function answered(path: string, question: Question): Promise<[number, unknown]> {
  const answer = await askControl(path, { timeoutMs: 10_000, ...question });
  if (answer.kind !== "answer") throw new Error(`no answer: ${JSON.stringify(answer)}`);
  return [answer.status, answer.body];
}

/** A connection that sends these bytes; `all` is what came when the other side ended it. */
async function raw(path: string, text: string): Promise<{ socket: Socket; all: Promise<string> }> {
  const socket = connect(path);
  await once(socket, "connect");
  let got = "";
  socket.on("data", (bytes) => (got += bytes.toString()));
  socket.on("error", () => {});
  socket.write(text);
  return { socket, all: once(socket, "close").then(() => got) };
}

test("only its owner may connect, and nothing else is left in the folder", async () => {
  await using folder = await tempFolder();
  const path = folder.file("control.sock");
  {
    await using opened = await open(path);
    assert.equal(opened.server.path, path);
    const { mode } = await stat(path);
    assert.equal((mode & 0o777).toString(8), "600");
    assert.deepEqual(await readdir(folder.path), ["control.sock"]);
  }
  assert.deepEqual(await readdir(folder.path), []);
});

test("reading gives what the operations say", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  await using opened = await open(path);
  const { operations } = opened;
  const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  const [code, status] = await answered(path, { route: "/v1/status" });
  assert.deepEqual([code, status], [200, asJson(operations.status())]);
  assert.deepEqual(asJson(readStatus(status)), status);
  const [, routes] = await answered(path, { route: "/v1/routes" });
  assert.deepEqual(routes, asJson(operations.routes()));
  const [, workers] = await answered(path, { route: "/v1/workers" });
  assert.deepEqual(workers, asJson(operations.workers()));
});

test("each action is done once, and its outcome is the answer", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  await using opened = await open(path);
  const { operations } = opened;
  for (const name of ["reload", "restart", "upgrade", "drain", "resume"]) {
    const answer = await answered(path, { route: `/v1/${name}`, method: "POST" });
    assert.deepEqual(answer, [200, { ok: true, message: "done" }], name);
  }
  for (const size of [4, "auto", "3"]) {
    await answered(path, { route: "/v1/workers", method: "PUT", body: { size } });
  }
  assert.deepEqual(operations.calls, [
    "reload",
    "restart",
    "upgrade",
    "drain",
    "resume",
    "resize 4",
    "resize auto",
    "resize 3",
  ]);
});

test("stop answers at once, and now is a second stop", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  await using opened = await open(path);
  const { operations } = opened;
  const [status] = await answered(path, { route: "/v1/stop", method: "POST" });
  assert.deepEqual([status, operations.calls], [202, ["stop"]]);
  await answered(path, { route: "/v1/stop", method: "POST", body: { now: true } });
  assert.equal(operations.calls.length, 3);
});

test("a refusal is a problem document, with the problems of the configuration", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  await using opened = await open(path);
  const { operations } = opened;
  operations.next = { ok: false, message: "no successor came" };
  const [code, body] = await answered(path, { route: "/v1/upgrade", method: "POST" });
  assert.equal(code, 409);
  assert.deepEqual(body, {
    type: "about:blank",
    status: 409,
    title: "Refused",
    detail: "no successor came",
  });
  const problems = [
    { file: "t.yaml", line: 1, column: 2, path: "x", message: "y", severity: "error" as const },
  ];
  operations.next = { ok: false, message: "not changed", problems };
  const [bad, document] = await answered(path, { route: "/v1/reload", method: "POST" });
  assert.equal(bad, 422);
  assert.deepEqual((document as Outcome).problems, problems);
  assert.equal((await answered(path, { route: "/v1/retire", method: "POST" }))[0], 409);
});

test("what makes no sense is refused with a reason, and nothing is done", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  await using opened = await open(path);
  const cases: readonly [number, Question][] = [
    [404, { route: "/v1/nothing" }],
    [405, { route: "/v1/reload" }],
    [405, { route: "/v1/workers", method: "POST" }],
    [400, { route: "/v1/workers", method: "PUT" }],
    [400, { route: "/v1/workers", method: "PUT", body: { size: 0 } }],
    [400, { route: "/v1/workers", method: "PUT", body: { size: 1.5 } }],
    [400, { route: "/v1/workers", method: "PUT", body: { size: 5000 } }],
    [400, { route: "/v1/workers", method: "PUT", body: { size: {} } }],
    [400, { route: "/v1/log?lines=-1" }],
    [400, { route: "/v1/log?follow=maybe" }],
    [413, { route: "/v1/workers", method: "PUT", body: "x".repeat(20_000) }],
  ];
  for (const [expected, question] of cases) {
    const [code, body] = await answered(path, question);
    assert.equal(code, expected, JSON.stringify(question).slice(0, 100));
    assert.ok(((body as { detail?: string }).detail ?? "").length > 10);
  }
  const { all } = await raw(
    path,
    "PUT /v1/workers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
  );
  assert.match(await within(all, 5000, "the answer"), /^HTTP\/1\.1 411 /);
  assert.deepEqual(opened.operations.calls, []);
});

test("an operation that throws is an answer and not the end", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  await using opened = await open(path);
  const { operations } = opened;
  const failing = Promise.reject<Outcome>(new Error("out of order"));
  failing.catch(() => {}); // it waits for its turn
  operations.next = failing;
  const [code, body] = await answered(path, { route: "/v1/restart", method: "POST" });
  assert.equal(code, 500);
  assert.match((body as { detail: string }).detail, /out of order/);
  assert.equal((await answered(path, { route: "/v1/status" }))[0], 200);
});

const record = (text: string): LogRecord => {
  return { time: new Date().toISOString(), level: "info", text, pid: 1, fields: {} };
};

test("the log gives the latest lines, and with follow those to come", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  await using opened = await open(path);
  const { operations, server } = opened;
  for (const text of ["a", "b", "c"]) operations.log.push(record(text));
  const lines: string[] = [];
  const arrived = signal();
  const onLine = (line: string) => {
    lines.push((JSON.parse(line) as { text: string }).text);
    if (lines.length === 3) operations.log.push(record("d"));
    if (lines.length === 4) arrived.fire();
  };
  const twoLines: string[] = [];
  await askControl(path, { route: "/v1/log?lines=2", onLine: (line) => twoLines.push(line) });
  assert.equal(twoLines.length, 2);
  const following = askControl(path, { route: "/v1/log?lines=3&follow=true", onLine });
  await within(arrived.promise, 5000, "the line that came later");
  assert.deepEqual(lines, ["a", "b", "c", "d"]);
  await server.close();
  assert.equal((await within(following, 5000, "the end of the stream")).kind, "answer");
});

test("who has gone is no longer told the log", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  await using opened = await open(path);
  const { operations } = opened;
  let followers = 0;
  const follow = operations.log.follow.bind(operations.log);
  operations.log.follow = (listener) => {
    followers += 1;
    const end = follow(listener);
    return () => {
      followers -= 1;
      end();
    };
  };
  const { socket } = await raw(path, "GET /v1/log?follow=true HTTP/1.1\r\nHost: x\r\n\r\n");
  await eventually("the follower", () => (followers === 1 ? true : undefined));
  socket.destroy();
  await eventually("its end", () => (followers === 0 ? true : undefined));
});

test("a reader of the log that does not read is cut off, and nobody else notices", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  await using opened = await open(path);
  const { operations } = opened;
  const socket = connect(path);
  socket.on("error", () => {});
  const closed = once(socket, "close");
  socket.write("GET /v1/log?lines=0&follow=true HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(socket, "readable"); // the head; from now on it is not read
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 400; i += 1) {
    operations.log.push(record("x".repeat(100_000)));
    if (i % 10 === 0) await answered(path, { route: "/v1/status" });
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 20_000_000, "the buffer is bounded");
  socket.resume();
  await within(closed, 5000, "the end of the connection");
});

test("connections that hang disturb nobody, and end", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  await using opened = await open(path);
  assert.equal(opened.operations.calls.length, 0);
  const silent = await raw(path, "");
  const half = await raw(path, "POST /v1/reload HTTP/1.1\r\nHost: x");
  const bodyless = await raw(
    path,
    "PUT /v1/workers HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
  );
  assert.equal((await answered(path, { route: "/v1/status" }))[0], 200);
  const ends = [silent.all, half.all, bodyless.all];
  await within(Promise.all(ends), 20_000, "the end of connections that say nothing");
  assert.deepEqual(opened.operations.calls, []);
});

test("a path that is in use is left alone, and its status told", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  const first = new SampleOperations();
  first.state = "orphaned";
  await using _running = await open(path, first);
  const second = new SampleOperations();
  const opened = await ControlServer.open({ path, operations: second, log, replace: false });
  assert.equal(opened.kind, "taken");
  assert.equal(opened.kind === "taken" ? opened.status?.state : "", "orphaned");
  assert.deepEqual(await readdir(folder.path), ["c"]);
});

test("of two that start together one gets the path, and the other is told so", async () => {
  await using folder = await tempFolder();
  for (let round = 0; round < 10; round += 1) {
    const path = folder.file(`c${round}`);
    const tries = [0, 1, 2].map(() =>
      ControlServer.open({ path, operations: new SampleOperations(), log, replace: false }),
    );
    const opened = await Promise.all(tries);
    const kinds = opened.map(({ kind }) => kind).sort();
    assert.deepEqual(kinds, ["listening", "taken", "taken"]);
    for (const each of opened) if (each.kind === "listening") await each.server.close();
  }
});

test("a socket that a dead program left is replaced", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "close");
  assert.ok((await stat(path)).isSocket());
  await using _opened = await open(path);
  assert.equal((await answered(path, { route: "/v1/status" }))[0], 200);
});

test("a file that is no socket is never removed", async () => {
  await using folder = await tempFolder();
  const path = folder.file("notes.txt");
  await writeFile(path, "mine");
  const options = { path, operations: new SampleOperations(), log, replace: false };
  await assert.rejects(ControlServer.open(options), /notes\.txt is there and is no socket/);
  assert.ok((await stat(path)).isFile());
});

test("a successor takes the path without a gap, and the predecessor's end leaves it alone", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  const old = await open(path);
  const done = new AbortController();
  const asking = (async () => {
    let count = 0;
    for (; !done.signal.aborted; count += 1) await answered(path, { route: "/v1/status" });
    return count;
  })();
  const operations = new SampleOperations();
  operations.state = "draining";
  await using _next = await open(path, operations, true);
  await old.server.close();
  const [, status] = await answered(path, { route: "/v1/status" });
  done.abort();
  assert.ok((await asking) > 1);
  assert.equal(readStatus(status)?.state, "draining");
});

test("closing waits for short answers, and not for those that take long", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  const { operations, server } = await open(path);
  operations.next = new Promise(() => {});
  const pending = askControl(path, { route: "/v1/restart", method: "POST" });
  await eventually("the call", () => (operations.calls.length > 0 ? true : undefined));
  await within(server.close(), 5000, "the server's end");
  assert.equal((await pending).kind, "lost");
});

test("a path too long for a socket is refused by name", async () => {
  await using folder = await tempFolder();
  const path = folder.file("x".repeat(120));
  const options = { path, operations: new SampleOperations(), log, replace: false };
  await assert.rejects(ControlServer.open(options), /too long for a socket/);
  assert.deepEqual(await readdir(folder.path), []);
});

test("the admin API is there too, for whoever may open the socket, with or without a store", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  await using stand = await accountStand();
  await using opened = await open(path);
  const { operations } = opened;
  const [closed, status] = await answered(path, { route: "/api/v1/status" });
  assert.deepEqual([closed, readStatus(status)?.pid], [200, process.pid]);
  operations.who = { kind: "open", ...stand };
  const put: Question = { route: "/api/v1/routes/a.test", method: "PUT", body: "http://h:1" };
  assert.equal((await answered(path, put))[0], 200);
  assert.match(operations.configuration.calls.at(-1) ?? "", /"by":"control socket"/);
  const [, who] = await answered(path, { route: "/api/v1/session" });
  assert.deepEqual(who, { user: "control socket", role: "admin", how: "socket", csrf: null });
  const token: Question = {
    route: "/api/v1/tokens",
    method: "POST",
    body: { name: "x", role: "read" },
  };
  assert.equal((await answered(path, token))[0], 403, "there is nobody whose it would be");
  const [missing, problem] = await answered(path, { route: "/api/v1/nothing" });
  assert.deepEqual([missing, (problem as { status: number }).status], [404, 404]);
  const big: Question = { ...put, body: "x".repeat(20_000) };
  assert.equal((await answered(path, big))[0], 200, "an item may be longer than an order");
});

test("what is done over the socket is in the audit, and what only looks is not", async () => {
  await using folder = await tempFolder();
  const path = folder.file("c");
  await using stand = await accountStand();
  await using opened = await open(path);
  const { operations } = opened;
  operations.who = { kind: "open", ...stand };
  const before = stand.accounts.audit(undefined, 100).length;
  const changes = [{ section: "routes", name: "a.test" }];
  const orders: readonly Question[] = [
    { route: "/v1/status" },
    { route: "/v1/reload", method: "POST" },
    { route: "/v1/services/pause", method: "POST", body: { service: "shop" } },
    { route: "/v1/services/pause", method: "POST", body: {} },
    { route: "/v1/store/change", method: "POST", body: { by: "root", changes, dryRun: true } },
    { route: "/v1/store/change", method: "POST", body: { by: "root", changes } },
    { route: "/api/v1/restart", method: "POST" },
    { route: "/v1/upgrade", method: "POST" },
    { route: "/v1/users/remove", method: "POST", body: { name: "read" } },
  ];
  for (const each of orders) await answered(path, each);
  const rows = stand.accounts.audit(undefined, 100).slice(0, -before).toReversed();
  assert.deepEqual(
    rows.map(({ by, what, revision }) => [by, what, revision]),
    [
      ["control socket", "reload", undefined],
      ["control socket", 'services/pause {"service":"shop"}', undefined],
      ["control socket (root)", "set routes a.test", 1],
      ["control socket", "restart", undefined],
      ["control socket", "upgrade", undefined],
      ["control socket", "remove user read", undefined],
    ],
  );
});
