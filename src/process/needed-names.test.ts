import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "../config/read.ts";
import { NeededNames } from "./needed-names.ts";

function needed(routes: readonly string[], more = ""): NeededNames {
  const lines = routes.map(
    (rule, at) => `  r${at}: { rule: ${JSON.stringify(rule)}, whoami: true }`,
  );
  const text = `${more}\nroutes:\n${lines.join("\n")}\n`;
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
  assert.ok(snapshot, JSON.stringify(problems));
  return new NeededNames(snapshot);
}

test("a certificate is needed when a route is for one of its names", () => {
  const names = needed([
    "Host(`a.test`) && PathPrefix(`/x`)",
    "Host(`b.test`) || Host(`www.c.test`)",
    "Host(`*.deep.test`)",
  ]);
  const yes = [
    ["a.test"],
    ["no.test", "b.test"],
    ["*.c.test"],
    ["*.deep.test"],
    ["x.deep.test"],
    ["*.x.deep.test"],
  ];
  const no = [["c.test"], ["*.a.test"], ["deep.test"], ["*.test.com"], ["x.a.test"], []];
  for (const each of yes) assert.ok(names.has(each), each.join());
  for (const each of no) assert.ok(!names.has(each), each.join());
});

test("where a route may be for any name, every certificate is needed; the default one always is", () => {
  for (const rule of [
    "PathPrefix(`/`)",
    "HostRegexp(`^a`)",
    "Host(`a.test`) || Path(`/x`)",
    "!Host(`a.test`)",
  ]) {
    assert.ok(needed([rule]).has(["anybody.test"]), rule);
  }
  assert.ok(!needed(["Host(`a.test`)"]).has(["shown.test"]));
  assert.ok(needed(["Host(`a.test`)"], "tls: { default: shown.test }").has(["shown.test"]));
});
