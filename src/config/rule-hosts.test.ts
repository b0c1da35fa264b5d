import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRule } from "./rule.ts";
import { hostsOf } from "./rule-hosts.ts";

function hosts(text: string): readonly string[] | undefined {
  const parsed = parseRule(text);
  assert.ok(parsed.kind === "rule", text);
  return hostsOf(parsed.rule);
}

test("the names of a rule are those that its requests can have", () => {
  assert.deepEqual(hosts("Host(`a.test`) || Host(`b.test`)"), ["a.test", "b.test"]);
  assert.deepEqual(hosts("Host(`a.test`) && PathPrefix(`/x`)"), ["a.test"]);
  assert.deepEqual(hosts("Host(`a.test`) && !Host(`b.test`)"), ["a.test"]);
  assert.deepEqual(hosts("HostRegexp(`.*`) && Host(`a.test`)"), ["a.test"]);
  assert.equal(hosts("Host(`a.test`) || PathPrefix(`/x`)"), undefined);
  assert.equal(hosts("PathPrefix(`/x`)"), undefined);
});

test("names of which no request has both are none", () => {
  assert.deepEqual(hosts("Host(`own.test`) && Host(`victim.test`)"), []);
  assert.deepEqual(hosts("Host(`*.own.test`) && Host(`victim.test`)"), []);
  assert.deepEqual(hosts("Host(`own.test`) && (Host(`own.test`) || Host(`victim.test`))"), [
    "own.test",
  ]);
});

test("of a name and a star around it the name is left", () => {
  assert.deepEqual(hosts("Host(`*.a.test`) && Host(`b.a.test`)"), ["b.a.test"]);
  assert.deepEqual(hosts("Host(`*.b.a.test`) && Host(`*.a.test`)"), ["*.b.a.test"]);
  assert.deepEqual(hosts("Host(`*.a.test`) && Host(`a.test`)"), []);
  assert.deepEqual(hosts("Host(`*`) && Host(`a.test`)"), ["a.test"]);
});
