import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRule } from "./rule.ts";
import type { MiddlewareUse } from "./snapshot.ts";
import { patternsIn, patternsOf, unboundedOf } from "./unbounded-pattern.ts";

function found(text: string, middlewares: readonly MiddlewareUse[] = []) {
  const parsed = parseRule(text);
  assert.ok(parsed.kind === "rule", text);
  return unboundedOf([...patternsOf(parsed.rule), ...patternsIn(middlewares)]);
}

test("a pattern whose time nothing bounds is found wherever it stands", () => {
  assert.equal(found("HostRegexp(`^[a-z]+\\.a$`) && PathRegexp(`^/(a+)+$`)"), undefined);
  assert.equal(found("Host(`a`) || !(Path(`/`) && PathRegexp(`(?=x)y`))"), "(?=x)y");
  assert.equal(found("HeaderRegexp(`a`, `(?i)^(a+)+$`)"), "^(a+)+$");
  const redirect = { kind: "redirectMatch", flags: "", to: "/", status: 302 } as const;
  assert.equal(found("Host(`a`)", [{ ...redirect, pattern: "^https://(.*)$" }]), undefined);
  assert.equal(found("Host(`a`)", [{ ...redirect, pattern: "(a)\\1" }]), "(a)\\1");
  const replace = { kind: "replacePath", pattern: "(?!a)", replacement: "" } as const;
  assert.equal(found("Host(`a`)", [replace]), "(?!a)");
});
