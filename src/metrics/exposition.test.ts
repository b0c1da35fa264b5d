import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { needs } from "../../test/harness/needs.ts";
import { quantile, timeBounds, timeBuckets, bucketOf } from "../lib/time-buckets.ts";
import { exposition } from "./exposition.ts";
import { knownFamilies } from "./families.ts";
import { layouts, meterKinds, routeCell } from "./layout.ts";
import { Sums } from "./sums.ts";

function sample(name: string): Sums {
  const sums = new Sums(100);
  for (const kind of meterKinds) {
    const changes = Array.from({ length: layouts[kind].cells }, (_, at) => [at, at + 1]).flat();
    sums.add(1, { kind, labels: layouts[kind].labels.map(() => name), changes });
  }
  return sums;
}

const names = ["a.test", 'q"u\\o\nte', "ünï\u{1F30A}", "\uD800 alone", "{x=1}"];

test(
  "promtool understands all of it, whatever names are",
  { skip: needs("promtool") },
  async () => {
    for (const name of names) {
      const known = Object.values(knownFamilies).map((family) => ({
        family,
        samples: [{ labels: family.labels.map(() => name), value: 1.5 }],
      }));
      const input = await exposition(sample(name), known);
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
        input,
        encoding: "utf8",
      });
      assert.equal(`${stdout}${stderr}`, "", name);
      assert.equal(status, 0);
    }
  },
);

test("names cannot break out of their quotes", async () => {
  const text = await exposition(sample('a"} 1\nevil{x="'), []);
  assert.doesNotMatch(text, /^evil/m);
  assert.match(text, /tidegate_request_bytes_total\{route="a\\"\} 1\\nevil\{x=\\""\} 8\n/);
});

test("buckets count up to the number of all, which is that of the last bucket", async () => {
  const sums = new Sums(10);
  const changes = [0, 2, timeBuckets - 1].flatMap((at) => [routeCell.buckets + at, 1]);
  sums.add(1, { kind: "route", labels: ["a"], changes: [...changes, routeCell.seconds, 61.5] });
  const text = await exposition(sums, []);
  const lines = text.split("\n").filter((line) => line.startsWith("tidegate_request_duration"));
  const values = lines.map((line) => Number(line.split(" ").at(-1)));
  assert.deepEqual(values.slice(0, 4), [1, 1, 2, 2]);
  assert.deepEqual(values.slice(-4), [2, 3, 61.5, 3]);
  assert.equal(lines.length, timeBounds.length + 3);
});

test("metrics of many rows are written without keeping others from their turn", async () => {
  const sums = new Sums(5000);
  for (let at = 0; at < 2000; at++) {
    sums.add(1, { kind: "route", labels: [`r${at}`], changes: [2, 1, routeCell.buckets, 1] });
  }
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const text = await exposition(sums, []);
  clearInterval(timer);
  assert.ok(turns > 1, "timers ran meanwhile");
  assert.equal(text.match(/^tidegate_requests_total\{/gm)?.length, 2000);
});

test("times fall into the buckets whose ends they do not pass, and shares are found between", () => {
  assert.equal(bucketOf(0), 0);
  assert.equal(bucketOf(0.0005), 0);
  assert.equal(bucketOf(0.00051), 1);
  assert.equal(bucketOf(1e9), timeBuckets - 1);
  const counts = new Float64Array(timeBuckets + 1);
  assert.equal(quantile(counts, 1, 0.5), 0);
  counts[1 + bucketOf(0.02)] = 100;
  assert.ok(Math.abs(quantile(counts, 1, 0.5) - 0.0175) < 1e-9);
  counts[1 + timeBuckets - 1] = 100;
  assert.equal(quantile(counts, 1, 0.99), 60, "nobody knows more");
});
