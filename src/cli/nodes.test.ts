// `tidegate nodes` as a process of its own, against a control socket that this test serves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand, tidegate } from "../../test/harness/command.ts";
import { sampleHost } from "../../test/harness/sample-host.ts";
import { ago } from "../../test/harness/sample-services.ts";
import { askControl } from "../admin/control-client.ts";
import { readNodes } from "../admin/nodes-answer.ts";
import type { FleetRows, NodeRow } from "../admin/operations.ts";

const self: NodeRow = {
  ...{ name: "one", isSelf: true, state: "up", seen: ago(0), version: "0.1.0", pid: 7 },
  ...{ since: ago(125), snapshot: 4, listeners: ["web 0.0.0.0:80"], admin: ["127.0.0.1:8081"] },
};
const other: NodeRow = { ...self, name: "two", isSelf: false, admin: [] };
const joined: FleetRows = {
  ...{ prefix: "tidegate-fleet/", endpoints: ["http://10.0.0.1:2379"], state: "joined" },
  ...{ trouble: undefined, since: ago(60), seen: ago(1), lag: 2.5, nodes: [self, other] },
};
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

async function shown(fleet: FleetRows | undefined, ...words: string[]) {
  await using host = await sampleHost();
  host.operations.fleet = fleet;
  return await runCommand(tidegate, ["nodes", ...words, "--control", host.path]);
}

test("without a fleet it says how to have one", async () => {
  const { code, stdout } = await shown(undefined);
  assert.equal(code, 0);
  assert.match(stdout, /^this program is in no fleet\. .*\n\nfleet:\n {2}etcd: /);
  assert.deepEqual(JSON.parse((await shown(undefined, "--json")).stdout), { fleet: null });
});

test("it shows the etcd and all nodes, as a table or as JSON", async () => {
  const { code, stdout } = await shown(joined);
  assert.equal(code, 0);
  const [etcd, state, none, heading, one, two] = stdout.split("\n");
  assert.equal(etcd, "etcd    http://10.0.0.1:2379, keys tidegate-fleet/");
  assert.match(state ?? "", /^state {3}joined, for 1h; last answer 1m( \d+s)? ago, within 3 ms$/);
  assert.equal(none, "");
  assert.match(heading ?? "", /^NODE +STATE +SEEN +UP FOR +VERSION +CONFIG +PID +LISTENERS +API$/);
  assert.match(
    one ?? "",
    /^one \(this\) +up .* 0\.1\.0 +4 +7 +web 0\.0\.0\.0:80 +127\.0\.0\.1:8081$/,
  );
  assert.match(two ?? "", /^two +up .* -$/);
  assert.deepEqual(JSON.parse((await shown(joined, "--json")).stdout), { fleet: asJson(joined) });
});

test("when etcd is away it says so, and why; what others say does nothing to the terminal", async () => {
  const nodes = [self, { ...other, name: "\u001B[31mevil", state: "unknown", since: "?" } as const];
  const trouble = "cannot ask etcd at http://10.0.0.1:2379: nobody listens there";
  const { stdout } = await shown({ ...joined, state: "away", trouble, seen: undefined, nodes });
  assert.match(stdout, /^state {3}away: etcd does not answer, .*; last answer never$/m);
  assert.ok(stdout.includes(`        ${trouble}\n`));
  assert.match(stdout, /^\\x1b\[31mevil +unknown/m);
});

test("what is answered is read as it was, and what is none is none", async () => {
  await using host = await sampleHost();
  host.operations.fleet = joined;
  const answer = await askControl(host.path, { route: "/v1/nodes", timeoutMs: 10_000 });
  assert.ok(answer.kind === "answer");
  assert.deepEqual(asJson(readNodes(answer.body)), { fleet: asJson(joined) });
  for (const wrong of [undefined, [], {}, { fleet: {} }, { fleet: { ...joined, nodes: [{}] } }]) {
    assert.equal(readNodes(wrong), undefined);
  }
});
