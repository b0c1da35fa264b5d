// The diagnostics log, through lines as they come out, and once through a real stderr.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { createLogger, type LogRecord } from "./log.ts";

function gathered(pretty: boolean, level: "debug" | "info" = "info") {
  const lines: string[] = [];
  return { lines, log: createLogger({ pretty, level, write: (line) => lines.push(line) }) };
}

test("a piped log is one JSON object per line", () => {
  const { log, lines } = gathered(false);
  log.warn("two routes claim the same host", { route: "www" });
  assert.equal(lines.length, 1);
  const record = JSON.parse(lines[0] ?? "");
  assert.deepEqual(
    { level: record.level, text: record.text, route: record.route, pid: record.pid },
    { level: "warn", text: "two routes claim the same host", route: "www", pid: process.pid },
  );
  assert.match(record.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("a log below its level is silent", () => {
  const { log, lines } = gathered(false);
  log.debug("too much detail");
  assert.deepEqual(lines, []);
});

test("secrets are not written, at the top or one below", () => {
  for (const pretty of [false, true]) {
    const { log, lines } = gathered(pretty);
    log.info("asked", { password: "hunter2", headers: { authorization: "Basic hunter2" } });
    assert.doesNotMatch(lines.join(""), /hunter2/);
    assert.match(lines.join(""), /\(secret\)/);
  }
});

test("a person reads time, level, text and fields on one line", () => {
  const { log, lines } = gathered(true);
  log.info("listening", { port: 8080 });
  // oxlint-disable-next-line no-control-regex
  const bare = lines.join("").replace(/\x1b\[\d+m/g, "");
  assert.match(bare, /^\d\d:\d\d:\d\d info {2}listening port=8080\n$/);
});

test("an error keeps its stack and its causes", () => {
  const error = new Error("outer", { cause: new Error("inner") });
  const json = gathered(false);
  json.log.error("failed", { error });
  const record = JSON.parse(json.lines[0] ?? "");
  assert.equal(record.error.message, "outer");
  assert.equal(record.error.cause.message, "inner");
  const pretty = gathered(true);
  pretty.log.error("failed", { error });
  assert.match(pretty.lines.join(""), /outer[\s\S]*\n +at /);
});

test("each line that is written is also told as data, without secrets", () => {
  const records: LogRecord[] = [];
  const onRecord = (record: LogRecord) => records.push(record);
  const log = createLogger({ pretty: true, level: "info", write: () => {}, onRecord });
  log.debug("not written");
  log.error("failed", { error: new Error("why"), password: "hunter2", port: 80 });
  assert.equal(records.length, 1);
  const { time, level, text, pid, fields } = records[0] as LogRecord;
  assert.deepEqual([level, text, pid], ["error", "failed", process.pid]);
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 10_000);
  assert.deepEqual([fields["password"], fields["port"]], ["(secret)", 80]);
  assert.equal((fields["error"] as Error).message, "why");
});

test("a line of another process is written as it was said there, if the level lets it", () => {
  const { log, lines } = gathered(false);
  const record: LogRecord = {
    time: "2026-11-21T06:00:00.000Z",
    level: "warn",
    text: "said elsewhere",
    pid: 4711,
    fields: { route: "www", pid: 1, level: "x" },
  };
  log.write(record);
  log.write({ ...record, level: "debug" });
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [{ level: "warn", time: record.time, pid: 4711, text: "said elsewhere", route: "www" }],
  );
});

test("text from outside cannot steer a terminal or begin a line of its own", () => {
  const { log, lines } = gathered(true);
  log.info("said", { peer: "\x1b[2Jx\ny" });
  assert.match(lines.join(""), /\\x1b\[2Jx\\x0ay/);
  assert.equal(lines.join("").split("\n").length, 2);
});

test("a stderr that nobody reads any more does no harm", async () => {
  const url = new URL("./log.ts", import.meta.url).href;
  const code = `
    const { createLogger } = await import(${JSON.stringify(url)});
    const log = createLogger({ pretty: false, level: "info" });
    process.stdin.once("data", () => { log.info("into nothing"); console.log("alive"); process.exit(0); });
    console.log("ready");
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "pipe" });
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  child.stderr.destroy();
  await once(child.stderr, "close");
  child.stdin.write("go\n");
  const [said] = await once(child.stdout, "data");
  assert.equal(String(said), "alive\n");
  assert.deepEqual(await exited, [0, null]);
});
