// Discovery over the control socket: what it answers can be read again, and nobody can change it there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleHost } from "../../test/harness/sample-host.ts";
import { askControl } from "./control-client.ts";
import { readDiscovery } from "./discovery-answer.ts";
import type { DiscoveryRows } from "./operations.ts";

const rows: DiscoveryRows = {
  providers: [
    {
      name: "nas",
      kind: "docker",
      state: "failing",
      trouble: "cannot ask it",
      since: "2026-11-21T06:00:00.000Z",
      found: 1,
    },
  ],
  findings: [
    {
      provider: "nas",
      platform: "docker",
      name: "web",
      id: "0123456789ab",
      project: undefined,
      state: "running",
      addresses: ["172.17.0.2"],
      became: [
        {
          route: "web@nas",
          rule: "Host(`a.test`)",
          service: "web@nas",
          backend: undefined,
          dialect: undefined,
        },
      ],
      notes: [{ severity: "info", about: "", message: "is fine", remedy: undefined }],
    },
  ],
  refusals: [{ place: "docker container web", message: "b.test is the file's" }],
};

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("what was found is answered as the operations have it, and read as it was", async () => {
  await using host = await sampleHost();
  host.operations.found = rows;
  const answer = await askControl(host.path, { route: "/v1/discovery", timeoutMs: 10_000 });
  assert.ok(answer.kind === "answer");
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, asJson(rows));
  assert.deepEqual(asJson(readDiscovery(answer.body)), asJson(rows));
});

test("an answer of another kind is none, and what is new in it is passed over", () => {
  const newer = { ...rows, providers: rows.providers.map((each) => ({ ...each, colour: "red" })) };
  assert.deepEqual(asJson(readDiscovery(asJson(newer))), asJson(rows));
  for (const wrong of [undefined, [], {}, { ...rows, findings: [{}] }, { ...rows, refusals: 1 }]) {
    assert.equal(readDiscovery(wrong), undefined);
  }
});

test("it can only be looked at", async () => {
  await using host = await sampleHost();
  const question = { route: "/v1/discovery", method: "POST", timeoutMs: 10_000 } as const;
  const answer = await askControl(host.path, question);
  assert.equal(answer.kind === "answer" ? answer.status : 0, 405);
});
