import { deepStrictEqual, doesNotMatch, ok } from "node:assert";
import { test } from "node:test";
import { checkProblems } from "../../test/harness/config-problems.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

const settingsOf = (text: string) =>
  readConfig(`tracing: ${text}`, { file: "t.yaml", baseFolder: "/b" }).snapshot?.tracing;

test("a collector is enough, and spans go to its usual path", () => {
  deepStrictEqual(settingsOf("{ otlp: http://127.0.0.1:4318 }"), {
    url: "http://127.0.0.1:4318/v1/traces",
    headers: {},
    ca: undefined,
    sample: 1,
    trust: "proxies",
    service: "tidegate",
  });
  const own = settingsOf("{ otlp: https://c.test/otlp, sample: 5%, trust: nobody, service: a }");
  deepStrictEqual([own?.url, own?.sample, own?.service], ["https://c.test/otlp", 0.05, "a"]);
  ok(settingsOf("") === undefined);
});

test("what is wrong is said with its place, and without what may be secret", () => {
  checkProblems(
    [
      ["tracing: {}", "t.yaml:1:1: tracing.otlp: otlp is missing; add otlp"],
      [
        "tracing: { otlp: ftp://c.test }",
        "t.yaml:1:18: tracing.otlp: is no http or https URL; write http://127.0.0.1:4318",
      ],
      [
        "tracing: { otlp: http://c.test, sample: 2 }",
        "t.yaml:1:41: tracing.sample: 2 has no unit; write 2%",
      ],
      [
        "tracing: { otlp: http://c.test, trust: all }",
        't.yaml:1:40: tracing.trust: must be proxies or everybody or nobody, not the text "all"',
      ],
    ],
    4,
  );
  const { problems } = readConfig('tracing: { otlp: "s3cret", headers: { "a b": "s3cret" } }', {
    file: "t.yaml",
    baseFolder: "/b",
  });
  ok(problems.length >= 2);
  for (const each of problems) doesNotMatch(formatProblem(each), /s3cret/);
});
