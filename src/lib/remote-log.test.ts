// Lines of another process: they have to look as if they had been said here, down to secrets and errors.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger, type LogFields, type LogRecord } from "./log.ts";
import { remoteLog } from "./remote-log.ts";

/** The record of a line said in a process with a log of its own, and in one without. */
function both(text: string, fields: LogFields): [LogRecord, LogRecord] {
  const records: LogRecord[] = [];
  const onRecord = (record: LogRecord) => records.push(record);
  createLogger({ pretty: false, level: "info", write: () => {}, onRecord }).warn(text, fields);
  remoteLog(onRecord).warn(text, fields);
  const [here, there] = records;
  assert.ok(here !== undefined && there !== undefined && records.length === 2);
  return [here, structuredClone(there)];
}

test("a record is the same, wherever it was said", () => {
  const cause = Object.assign(new Error("inner"), { code: "ECONNREFUSED", port: 80 });
  const error = new TypeError("outer", { cause });
  for (const fields of [
    {},
    { route: "www", port: 80, isOn: true, none: null, list: [1, "two", { three: 3 }] },
    { password: "hunter2", headers: { authorization: "Basic hunter2", accept: "*/*" } },
    { error, when: new Date(0), url: new URL("http://a.test/"), bad: undefined },
  ]) {
    const [here, there] = both("something", fields);
    assert.deepEqual({ ...there, time: "" }, { ...here, time: "" });
    assert.deepEqual(structuredClone(here), here);
    assert.doesNotMatch(JSON.stringify([here, there]), /hunter2/);
  }
});

test("what is circular, deep, long or no data does no harm", () => {
  const circle: Record<string, unknown> = { name: "circle" };
  circle["self"] = circle;
  const records: LogRecord[] = [];
  remoteLog((record) => records.push(structuredClone(record))).error("odd", {
    circle,
    long: "x".repeat(100_000),
    many: Array.from({ length: 100_000 }, () => "x".repeat(10)),
    big: 10n,
    call: () => 1,
    never: Number.NaN,
    when: new Date("no"),
    error: Object.assign(new Error("x".repeat(100_000)), { self: circle }),
  });
  const text = JSON.stringify(records[0]);
  assert.ok(text.length < 50_000, `${text.length} characters`);
  assert.match(text, /"big":"10"/);
  assert.match(text, /"never":"NaN"/);
});

test("a line below the level is not sent", () => {
  const records: LogRecord[] = [];
  const log = remoteLog((record) => records.push(record), "warn");
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  assert.deepEqual(
    records.map(({ text }) => text),
    ["c", "d"],
  );
  assert.equal(records[0]?.pid, process.pid);
});
