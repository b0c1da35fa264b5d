import assert from "node:assert/strict";
import { readConfig } from "../../src/config/read.ts";
import { fuzz } from "./fuzz.ts";

const options = { file: "tidegate.yaml", baseFolder: "/nowhere" };

fuzz({
  name: "config",
  words: [
    ..."routes:|services:|listeners:|limits:|timeouts:|accessLog:|\n|\n  |\n    |: |- |{|}|[|]|,|'|#|&a|*a|<<: *a".split(
      "|",
    ),
    ...'!!binary|true|false|null|~|-1|0|1e9|5s|64KiB|http://127.0.0.1:1|unix:/a|"*.a.test"|__proto__|constructor|...'.split(
      "|",
    ),
    ..."backends: |split: |failover: [|mirror: |to: {|sticky: true|check: /x|breaker: |maintenance: |balance: |20%|[500-504]".split(
      "|",
    ),
    ..."tcp://a:1|udp://a:1|tls://a:1|protocol: tcp|tcpRoutes: |listener: |sni: |tls: { cert: a, key: b }|alerts: |email: ".split(
      "|",
    ),
    ..."---\n\t|\uFEFF\té\t\u2028\t\0\t%YAML 1.2\n\ttoString: 1\n\tredirect: \trule: \thost: ".split(
      "\t",
    ),
  ],
  maxCharacter: 0x17f,
  check(input) {
    const started = performance.now();
    const { snapshot, problems } = readConfig(input, options);
    assert.ok(performance.now() - started < 3000, "it takes too long");
    const lines = input.split(/\r\n|\r|\n/).length;
    for (const { line, column, message } of problems) {
      assert.ok(
        Number.isInteger(line) && line >= 1 && line <= lines + 1,
        `line ${line} of ${lines}`,
      );
      assert.ok(Number.isInteger(column) && column >= 1, `column ${column}`);
      assert.notEqual(message, "");
    }
    const hasError = problems.some(({ severity }) => severity === "error");
    assert.equal(snapshot === undefined, hasError, "errors and no snapshot belong together");
    assert.equal(Object.getPrototypeOf({}), Object.prototype);
    assert.equal(Reflect.get({}, "polluted"), undefined);
    if (snapshot === undefined) return false;
    assert.deepEqual(structuredClone(snapshot), snapshot, "it is not plain data");
    return true;
  },
});
