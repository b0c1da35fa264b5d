import assert from "node:assert/strict";
import { formatRule, parseRule } from "../../src/config/rule.ts";
import { routeOf, subjectOf } from "../harness/routes-sample.ts";
import { Table } from "../../src/routing/table.ts";
import { fuzz } from "./fuzz.ts";

const subjects = [
  subjectOf({ path: "/api/x", query: "a=b", headers: { "x-beta": "1" } }),
  subjectOf({ method: "POST", path: "/", clientIp: "::1" }),
];

fuzz({
  name: "rule",
  words: [
    ..."Host(`a.test`) && |Path(`/a`)|PathPrefix(`/a`)|PathRegexp(`^/a`)|HostRegexp(`^a`)|Header(`a`,`b`)".split(
      "|",
    ),
    ..."Query(`a`)\tHostSNI(`a.test`)\tHostSNIRegexp(`^a`)\tALPN(`h2`)\tMethod(`GET`)\tClientIP(`10.0.0.0/8`)\t||\t&&\t!\t(\t)\t`\t,\t\"\t'\t \t\\\t[\t*\t+\té".split(
      "\t",
    ),
  ],
  maxCharacter: 0x17f,
  check(input) {
    const started = performance.now();
    const parsed = parseRule(input);
    const stream = parseRule(input, "stream");
    if (stream.kind === "rule") {
      const again = parseRule(formatRule(stream.rule), "stream");
      assert.ok(again.kind === "rule" && formatRule(again.rule) === formatRule(stream.rule));
    }
    assert.ok(performance.now() - started < 1000, "it takes too long");
    if (parsed.kind === "bad") {
      assert.ok(
        parsed.at >= 0 && parsed.at <= input.length,
        `place ${parsed.at} of ${input.length}`,
      );
      assert.notEqual(parsed.why, "");
      return false;
    }
    assert.deepEqual(JSON.parse(JSON.stringify(parsed.rule)), parsed.rule, "it is not plain data");
    const table = Table.compile([routeOf("r", parsed.rule)], () => "plan");
    for (const subject of subjects) {
      for (const host of ["a.test", "b.test", ""]) {
        const found = table.match(host, subject);
        assert.ok(found === undefined || found === "plan");
      }
    }
    return true;
  },
});
