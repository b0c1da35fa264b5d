import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultMaxSeries } from "./metrics-limits.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

function read(metrics: string, listener = ":8080") {
  const text = `routes: { a.test: { whoami: true } }\nlisteners: { web: "${listener}" }\n${metrics}\n`;
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
  return { metrics: snapshot?.metrics, problems: problems.map(formatProblem) };
}

test("metrics have no address of their own unless one is written", () => {
  const usual = { address: undefined, maxSeries: defaultMaxSeries };
  assert.deepEqual(read(""), { metrics: usual, problems: [] });
  assert.deepEqual(read("metrics: { maxSeries: 50 }").metrics, { ...usual, maxSeries: 50 });
  const address = { host: "127.0.0.1", port: 9091 };
  assert.deepEqual(read("metrics: { bind: 127.0.0.1:9091 }").metrics, { ...usual, address });
});

test("they are not shown to others, unless that is meant", () => {
  for (const bind of ['":9091"', "192.0.2.1:9091", '"[2001:db8::1]:9091"']) {
    const { metrics, problems } = read(`metrics: { bind: ${bind} }`);
    assert.equal(metrics, undefined, bind);
    assert.match(problems.join(), /t\.yaml:3:\d+: metrics\.bind: whoever reaches .* could read/);
    assert.deepEqual(read(`metrics: { bind: ${bind}, allowAnyone: true }`).problems, []);
  }
});

test("an address of metrics is nobody else's", () => {
  const { problems } = read("metrics: { bind: 127.0.0.1:8080 }", "127.0.0.1:8080");
  assert.match(problems.join(), /metrics\.bind/);
  assert.match(read("metrics: { bind: unix:/run/m.sock }").problems.join(), /control socket/);
  assert.match(read("metrics: { maxSeries: 0 }").problems.join(), /maxSeries/);
});
