import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { adminStand, bearer } from "../../../test/harness/admin-stand.ts";
import { ApiClient } from "../../../test/harness/api-client.ts";
import { eventually } from "../../../test/harness/barrier.ts";
import type { TrafficEntry } from "../../traffic/entry.ts";

const entry: TrafficEntry = {
  ...{
    time: 1,
    id: "",
    listener: "web",
    client: "10.0.0.1",
    method: "GET",
    scheme: "http",
    protocol: "HTTP/1.1",
  },
  ...{ host: "a.test", target: "/", route: "a", service: "", backend: "", status: 503 },
  ...{ failure: "", requestBytes: 0, bytes: 5, duration: 1, backendTime: 1, attempts: 1 },
  userAgent: "",
};

describe("traffic over the API", () => {
  test("a filter is understood as it is meant, and a wrong one refused with what to write", async () => {
    await using stand = await adminStand();
    const client = await ApiClient.of(stand.base, bearer(stand.tokens.read));
    stand.operations.traffic.entries = [entry, { ...entry, status: 404, target: "/other" }];
    const all = await client.call("traffic", {
      ...{ route: "a", status: "5xx", method: "get", text: "A.TEST", from: "10.0.0.0/8" },
      ...{ slower: "1ms", failed: "true" },
    });
    assert.equal(all.status, 200);
    assert.deepEqual(all.body, entry);
    const wrong = [
      ["status", "9xx", /like 404/],
      ["slower", "soon", /500ms or 2s/],
      ["from", "here", /10\.0\.0\.0\/8/],
      ["follow", "maybe", /true or false/],
    ] as const;
    for (const [name, value, why] of wrong) {
      const { status, body } = await client.call("traffic", { [name]: value });
      assert.equal(status, 400);
      assert.match(JSON.stringify(body), why);
    }
  });

  test("who follows gets lines as they come, is told of what was left out, and is let go", async () => {
    await using stand = await adminStand();
    const { traffic } = stand.operations;
    const ending = new AbortController();
    const response = await fetch(`${stand.base}/v1/traffic?follow=true&route=a`, {
      headers: bearer(stand.tokens.read),
      signal: ending.signal,
    });
    assert.deepEqual(traffic.filters, [{ route: "a" }]);
    traffic.tell({ entries: [entry], dropped: 37 });
    const reader = response.body?.getReader();
    let text = "";
    while (!text.includes("notShown"))
      text += Buffer.from((await reader?.read())?.value ?? []).toString();
    assert.deepEqual(
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
      [entry, { notShown: 37 }],
    );
    assert.equal(traffic.followers, 1);
    ending.abort();
    await eventually("nobody to follow", () => traffic.followers === 0);
  });

  test("who does not read loses lines and is told how many, and one too many is refused", async () => {
    await using stand = await adminStand();
    const { traffic } = stand.operations;
    const response = await fetch(`${stand.base}/v1/traffic?follow=true`, {
      headers: bearer(stand.tokens.read),
    });
    // More than sockets and the buffer of a reader take.
    const rounds = 40;
    const long = { ...entry, target: `/${"x".repeat(1000)}` };
    for (let round = 0; round < rounds; round++) {
      traffic.tell({ entries: Array.from({ length: 1000 }, () => long), dropped: 0 });
    }
    let text = "";
    let shown = 0;
    let missing = 0;
    for await (const bytes of response.body ?? []) {
      text += Buffer.from(bytes).toString();
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        const read = JSON.parse(line) as { notShown?: number };
        shown += read.notShown === undefined ? 1 : 0;
        missing += read.notShown ?? 0;
      }
      if (shown + missing === rounds * 1000) break;
    }
    assert.ok(missing > 0 && shown > 0, `${shown} shown, ${missing} missing`);
    traffic.isFull = true;
    const client = await ApiClient.of(stand.base, bearer(stand.tokens.read));
    assert.equal((await client.call("traffic", { follow: "true" })).status, 429);
  });

  test("what is open is closed by its id, and records are for administrators", async () => {
    await using stand = await adminStand();
    const { traffic } = stand.operations;
    const edit = await ApiClient.of(stand.base, bearer(stand.tokens.edit));
    const { time: _time, id: _id, ...who } = entry;
    traffic.openOnes = [{ ...who, id: "1-1", since: 1, isTunnel: true }];
    assert.deepEqual((await edit.call("exchanges")).body, traffic.openOnes);
    assert.equal((await edit.call("close_exchange", { id: "1-1" })).status, 200);
    assert.equal((await edit.call("close_exchange", { id: "1-2" })).status, 404);
    assert.equal((await edit.call("records")).status, 403);

    const admin = edit.with(bearer(stand.tokens.admin));
    const started = await admin.call("start_record", { body: { route: "www" } });
    assert.equal(started.status, 201);
    assert.equal((await admin.call("start_record", { body: { route: "other" } })).status, 409);
    assert.equal(
      (await admin.call("start_record", { body: { route: "www", count: 0 } })).status,
      422,
    );
    assert.equal((await admin.call("record", { id: "1", format: "har" })).status, 200);
    assert.equal((await admin.call("end_record", { id: "1" })).status, 200);
    assert.match(JSON.stringify((await admin.call("records")).body), /somebody ended it/);
    assert.equal((await admin.call("delete_record", { id: "1" })).status, 200);
    assert.equal((await admin.call("record", { id: "1" })).status, 404);
  });
});
