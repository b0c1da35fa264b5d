// Measures over the API: who may ask, and what becomes of those who look on.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { type AdminStand, adminStand } from "../../../test/harness/admin-stand.ts";
import { eventually } from "../../../test/harness/barrier.ts";
import { measureLimits } from "../../config/metrics-limits.ts";
import { readMeasured } from "../measures.ts";

const get = (stand: AdminStand, path: string, init: RequestInit = {}) =>
  fetch(`${stand.base}${path}`, {
    ...init,
    headers: { Authorization: `Bearer ${stand.tokens.read}` },
  });

test("measures are what their schema says, with as many rows as are asked for", async () => {
  await using stand = await adminStand();
  const answer = await get(stand, "/v1/measures?limit=7&history=3");
  assert.equal(answer.status, 200);
  assert.ok(readMeasured(await answer.json()) !== undefined);
  await (await get(stand, "/v1/measures?limit=1000000")).body?.cancel();
  await (await get(stand, "/v1/measures")).body?.cancel();
  const { wishes } = stand.operations.measures;
  assert.deepEqual(wishes, [
    { rows: 7, history: 3 },
    { rows: measureLimits.mostRows, history: measureLimits.history },
    { rows: measureLimits.rows, history: measureLimits.history },
  ]);
  assert.equal((await get(stand, "/v1/measures?limit=x")).status, 400);
});

test("nobody gets numbers without logging in, and a token that may read is enough", async () => {
  await using stand = await adminStand();
  for (const path of ["/v1/measures", "/v1/live", "/metrics"]) {
    assert.equal((await fetch(`${stand.base}${path}`)).status, 401, path);
  }
  const answer = await get(stand, "/metrics");
  assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(await answer.text(), stand.operations.measures.text);
});

test("who looks on hears at once, then each second, until it goes", async () => {
  await using stand = await adminStand();
  const { followers } = stand.operations.measures;
  const leaving = new AbortController();
  const answer = await get(stand, "/v1/live", { signal: leaving.signal });
  assert.equal(answer.headers.get("content-type"), "text/event-stream");
  const reader = answer.body?.getReader();
  const next = async () => Buffer.from((await reader?.read())?.value ?? []).toString();
  assert.match(await next(), /^event: measures\ndata: \{"at":.*\}\n\n$/);
  for (const tell of followers) tell('{"n":2}');
  assert.equal(await next(), 'event: measures\ndata: {"n":2}\n\n');
  leaving.abort();
  await eventually("nobody to follow", async () => followers.size === 0 || undefined);
});

test("who does not read is cut off, and not waited for", async () => {
  await using stand = await adminStand();
  const { followers } = stand.operations.measures;
  const socket = connect(stand.port, "127.0.0.1");
  socket.on("error", () => {});
  const closed = once(socket, "close");
  const head = `GET /v1/live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${stand.tokens.read}\r\n\r\n`;
  socket.write(head);
  await eventually("it follows", async () => followers.size === 1 || undefined);
  socket.pause();
  const much = JSON.stringify("x".repeat(200_000));
  await eventually("it is given up", async () => {
    for (const tell of followers) tell(much);
    return followers.size === 0 || undefined;
  });
  socket.resume();
  await closed;
});

test("when too many look on, another one is told to come again", async () => {
  await using stand = await adminStand();
  stand.operations.measures.isFull = true;
  const answer = await get(stand, "/v1/live");
  assert.equal(answer.status, 503);
  assert.match(await answer.text(), /look on already/);
});

test("a token that is taken back ends what it looks at", async () => {
  await using stand = await adminStand();
  const answer = await get(stand, "/v1/live");
  const [token] = stand.accounts.tokens().filter(({ name }) => name === "read");
  assert.ok(token !== undefined);
  stand.accounts.revokeToken(token.id, undefined, { by: "test", from: "" });
  await assert.rejects(async () => {
    for await (const _ of answer.body ?? []) continue;
  });
  const { followers } = stand.operations.measures;
  await eventually("nobody to follow", async () => followers.size === 0 || undefined);
});

test("who asks again and again without reading is cut off, and one after the other is no matter", async () => {
  await using stand = await adminStand();
  const one = `GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${stand.tokens.read}\r\n\r\n`;
  const greedy = connect(stand.port, "127.0.0.1");
  greedy.on("error", () => {});
  const closed = once(greedy, "close");
  greedy.write(one.repeat(50));
  greedy.resume();
  await closed;
  const patient = connect(stand.port, "127.0.0.1");
  for (let count = 0; count < 20; count++) {
    patient.write(one);
    const [bytes]: unknown[] = await once(patient, "data");
    assert.match(String(bytes), /^HTTP\/1\.1 200 /);
  }
  patient.destroy();
});
