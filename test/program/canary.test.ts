// Services made of services: a share for the new version, whoever asks for it by name, and a stand-in when
// the first one is down or answers badly.

import assert from "node:assert/strict";
import { test } from "node:test";
import { field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { countsOf, originOf, origins, startStand } from "../harness/service-stand.ts";

const bounded = { timeout: 30_000 };

test("a canary's share is exact over a hundred requests", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [stable, next] = await origins(stack, "stable", "next");
  await using stand = await startStand({
    service: { split: { stable: 95, next: 5 } },
    services: { stable: [stable.url], next: [next.url] },
  });
  const names = await stand.askInARow(200);
  for (const at of [0, 37, 100]) {
    assert.deepEqual(countsOf(names.slice(at, at + 100)), { stable: 95, next: 5 });
  }
});

test("a share changed by a reload takes effect", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [stable, next] = await origins(stack, "stable", "next");
  const services = { stable: [stable.url], next: [next.url] };
  await using stand = await startStand({ service: { split: { stable: 1, next: 0 } }, services });
  assert.deepEqual(countsOf(await stand.askInARow(20)), { stable: 20 });
  await stand.reload({ split: { stable: 1, next: 1 } });
  assert.deepEqual(countsOf(await stand.askInARow(20)), { stable: 10, next: 10 });
  await stand.reload({ split: { stable: 0, next: 1 } });
  assert.deepEqual(countsOf(await stand.askInARow(20)), { next: 20 });
});

test("who asks for the canary by field or cookie gets it, and nobody else", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [stable, next, beta] = await origins(stack, "stable", "next", "beta");
  const split = [
    { service: "stable", weight: 95 },
    { service: "next", when: { header: { "X-Canary": "1" } } },
    { service: "beta", when: { cookie: { beta: "yes" } } },
  ];
  await using stand = await startStand({
    service: { split },
    services: { stable: [stable.url], next: [next.url], beta: [beta.url] },
  });
  for (const [headers, name] of [
    [{}, "stable"],
    [{ "X-Canary": "1" }, "next"],
    [{ "x-canary": "1" }, "next"],
    [{ "X-Canary": "11" }, "stable"],
    [{ "X-Canary": "" }, "stable"],
    [{ Cookie: "a=b; beta=yes" }, "beta"],
    [{ Cookie: "beta=yess" }, "stable"],
    [{ Cookie: "notbeta=yes" }, "stable"],
    [{ "X-Canary": "1", Cookie: "beta=yes" }, "next"],
  ] as const) {
    const names = await stand.askInARow(10, { headers });
    assert.deepEqual(countsOf(names), { [name]: 10 }, JSON.stringify(headers));
  }
});

test("a part with a share and a condition gets both", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [stable, next] = await origins(stack, "stable", "next");
  const split = [
    { service: "stable", weight: 3 },
    { service: "next", weight: 1, when: { header: { "X-Canary": "1" } } },
  ];
  await using stand = await startStand({
    service: { split },
    services: { stable: [stable.url], next: [next.url] },
  });
  assert.deepEqual(countsOf(await stand.askInARow(40)), { stable: 30, next: 10 });
  const asked = await stand.askInARow(8, { headers: { "X-Canary": "1" } });
  assert.deepEqual(countsOf(asked), { next: 8 });
});

test("with `sticky` a client stays with its version, in all workers", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [stable, next] = await origins(stack, "stable", "next");
  await using stand = await startStand({
    service: { split: { stable: 1, next: 1 }, sticky: true },
    services: { stable: [stable.url], next: [next.url] },
    workers: 2,
  });
  const seen = new Set<string>();
  await eventually("both versions", async () => {
    const first = await stand.ask();
    const [, value = ""] = /^tidegate-part=([^;]+)/.exec(field(first, "set-cookie")) ?? [];
    assert.match(value, /./, field(first, "set-cookie"));
    assert.ok(!value.includes("stable") && !value.includes("next"), value);
    const headers = { Cookie: `tidegate-part=${value}` };
    for (const response of await stand.askApart(8, { headers })) {
      assert.equal(originOf(response), originOf(first));
      assert.equal(field(response, "set-cookie"), "");
    }
    seen.add(originOf(first));
    return seen.size === 2 || undefined;
  });
});

test("the stand-in serves while the first service is down, and no longer", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main, standby] = await origins(stack, "main", "standby");
  const check = { http: "/health", interval: "100ms", timeout: "500ms", fall: 1, rise: 1 };
  await using stand = await startStand({
    service: { failover: ["main", "standby"] },
    services: {
      main: { backends: [main.url], check, passive: { deadFor: "300ms" } },
      standby: [standby.url],
    },
  });
  const state = (wanted: string) =>
    eventually(`main to be ${wanted}`, async () =>
      (await stand.backend(main, "main")).state === wanted ? true : undefined,
    );
  assert.deepEqual(countsOf(await stand.askInARow(10)), { main: 10 });
  main.health = () => ({ status: 500 });
  await state("down");
  assert.deepEqual(countsOf(await stand.askInARow(10)), { standby: 10 });
  main.health = () => ({});
  await state("up");
  assert.deepEqual(countsOf(await stand.askInARow(10)), { main: 10 });
  await main.kill();
  const responses = await stand.askApart(10);
  const failed = responses.filter(({ status }) => status !== 200).length;
  assert.ok(failed <= 1, `${failed} failed until it was known`);
  await main.revive();
  await eventually("main to serve again", async () =>
    (await stand.askInARow(3)).every((name) => name === "main") ? true : undefined,
  );
});

test("on bad statuses the stand-in is asked, for what may be repeated", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main, standby] = await origins(stack, "main", "standby");
  main.answer = ({ target }) => ({ status: Number(target.slice(1)), body: "from main" });
  await using stand = await startStand({
    service: { failover: ["main", "standby"], statuses: ["500-504"] },
    services: {
      main: { backends: [main.url], retry: { replayBody: 1000 } },
      standby: [standby.url],
    },
  });
  const [small, large] = ["s".repeat(900), "l".repeat(5000)];
  for (const [method, status, body, name] of [
    ["GET", 503, undefined, "standby"],
    ["GET", 500, undefined, "standby"],
    ["GET", 505, undefined, "main"],
    ["GET", 404, undefined, "main"],
    ["DELETE", 502, undefined, "standby"],
    ["PUT", 503, small, "standby"],
    ["PUT", 503, large, "main"],
    ["POST", 503, small, "main"],
    ["POST", 503, undefined, "main"],
    ["PATCH", 500, small, "main"],
  ] as const) {
    standby.requests.length = 0;
    const path = `/${status}`;
    const response = await stand.ask({ method, path, ...(body === undefined ? {} : { body }) });
    const what = `${method} answered ${status}, ${body?.length ?? 0} bytes`;
    assert.equal(originOf(response), name, what);
    assert.equal(response.status, name === "main" ? status : 200, what);
    assert.equal(standby.requests.length, name === "main" ? 0 : 1, what);
    if (name === "main") assert.equal(response.body, "from main", what);
    else assert.equal(standby.requests[0]?.body, body ?? "", what);
  }
});

test("when all of them answer badly the client gets such an answer", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [main, standby] = await origins(stack, "main", "standby");
  main.answer = () => ({ status: 503 });
  standby.answer = () => ({ status: 500 });
  await using stand = await startStand({
    service: { failover: ["main", "standby"], statuses: ["500-504"] },
    services: { main: [main.url], standby: [standby.url] },
  });
  const { status } = await stand.ask();
  assert.ok(status === 503 || status === 500, String(status));
  assert.deepEqual([main.requests.length, standby.requests.length], [1, 1]);
});
