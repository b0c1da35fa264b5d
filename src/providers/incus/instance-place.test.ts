import assert from "node:assert/strict";
import { test } from "node:test";
import { placeFactsOf } from "./instance-place.ts";

const running = { name: "blog", type: "container", state: { status: "Running", pid: 4711 } };

test("a container has the number of its first process, and the name that LXC knows it by", () => {
  assert.deepEqual(placeFactsOf(running), { pid: 4711, names: ["blog"] });
  assert.deepEqual(placeFactsOf({ ...running, project: "default" }), {
    ...{ pid: 4711, names: ["blog"] },
  });
  assert.deepEqual(placeFactsOf({ ...running, project: "shop" }), {
    ...{ pid: 4711, names: ["shop_blog"] },
  });
});

test("a virtual machine has no files here, whatever its state says", () => {
  const facts = placeFactsOf({ ...running, type: "virtual-machine" });
  assert.match("why" in facts ? facts.why : "", /virtual machine/);
});

test("what does not run, starts or says nonsense has none either", () => {
  const states = [
    ...[{}, null, undefined, "x", { status: "Stopped", pid: 0 }, { status: "Running", pid: -1 }],
    ...[
      { status: "Running", pid: "17" },
      { status: "Starting", pid: 17 },
    ],
  ];
  for (const state of states) assert.ok("why" in placeFactsOf({ ...running, state }));
  for (const each of [null, undefined, 5, []]) assert.ok("why" in placeFactsOf(each));
});
