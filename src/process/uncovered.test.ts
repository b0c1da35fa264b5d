import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "../config/read.ts";
import { Uncovered } from "./uncovered.ts";

const tls = { secure: { bind: ":443", tls: true } };

function rows(routes: object, names: readonly string[], listeners: object = tls) {
  const text = JSON.stringify({ listeners, routes });
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
  assert.ok(snapshot, JSON.stringify(problems));
  return new Uncovered().rows(snapshot, new Set(names));
}

const route = (host: string | string[], more: object) => ({ r: { host, whoami: true, ...more } });

test("a route that has everybody come by https, and has no certificate, is said with its names", () => {
  for (const more of [{ redirect: "https" }, { hsts: true }]) {
    const [row, ...others] = rows(route(["a.test", "b.test", "c.test"], more), [
      "b.test",
      "*.x.test",
    ]);
    assert.deepEqual(others, []);
    assert.deepEqual(row?.names, ["a.test", "c.test"]);
    assert.deepEqual([row?.state, row?.source, row?.isNeeded], ["unusable", "route r", true]);
    assert.match(row?.why ?? "", /no certificate is for it/);
  }
});

test("others may be for http alone, and those that have one made have rows of their own", () => {
  const redirect = { redirect: "https" };
  assert.deepEqual(rows(route("a.test", {}), []), []);
  assert.deepEqual(rows(route("a.test", { ...redirect, tls: "internal" }), []), []);
  assert.deepEqual(rows(route("a.x.test", redirect), ["*.x.test"]), []);
  assert.deepEqual(rows(route("*.x.test", redirect), ["*.x.test"]), []);
  assert.deepEqual(rows(route("*", redirect), []), []);
  // Somebody else ends TLS.
  assert.deepEqual(rows(route("a.test", redirect), [], { web: ":80" }), []);
});

test("it is known since when it is so, until it is mended", () => {
  const text = JSON.stringify({ listeners: tls, routes: route("a.test", { hsts: true }) });
  const { snapshot } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
  assert.ok(snapshot);
  const uncovered = new Uncovered();
  const since = (names: readonly string[], now: number) =>
    uncovered.rows(snapshot, new Set(names), now).map((each) => Date.parse(each.since ?? ""));
  assert.deepEqual(
    [since([], 1000), since([], 5000), since(["a.test"], 6000)],
    [[1000], [1000], []],
  );
  assert.deepEqual(since([], 9000), [9000]);
});
