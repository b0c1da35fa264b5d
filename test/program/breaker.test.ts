// The circuit breaker: a service that fails too much is left alone for a while, and gets its requests back
// little by little.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "../harness/barrier.ts";
import type { Response } from "../harness/client.ts";
import { gate, LiveOrigin } from "../harness/live-origin.ts";
import { asJson, begin, origins, type Stand, startStand } from "../harness/service-stand.ts";

const bounded = { timeout: 40_000 };
const times = { checkPeriod: "50ms", fallbackDuration: "1s", recoveryDuration: "1s" };
const patient = { failures: 0, connectFailures: 0 }; // marks of backends would mix in

function isRefused(response: Response): boolean {
  return response.body.includes("BREAKER_OPEN");
}

/** Asks until the breaker refuses. */
function opened(stand: Stand, ms = 8000): Promise<Response> {
  return eventually(
    "the breaker to open",
    async () => {
      const response = await stand.ask(asJson);
      return isRefused(response) ? response : undefined;
    },
    ms,
  );
}

test("connections that fail open it; nobody is asked; and it recovers", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  const breaker = { when: "NetworkErrorRatio() > 0.30", ...times };
  await using stand = await startStand({
    service: { backends: [a.url], breaker, passive: patient },
  });
  assert.deepEqual(new Set(await stand.askInARow(30)), new Set(["a"]));
  assert.equal((await stand.service()).breaker, "closed");
  await a.kill();
  assert.equal((await stand.ask()).status, 502);
  assert.equal((await opened(stand)).status, 503);
  const begun = performance.now();
  assert.equal((await stand.service()).breaker, "open");
  await a.revive();
  const { connections } = a;
  const refused = await stand.askApart(20, asJson);
  const inTime = performance.now() - begun < 800;
  assert.ok(inTime, "the machine is too slow for this test");
  assert.ok(refused.every((response) => response.status === 503 && isRefused(response)));
  assert.equal(a.connections, connections, "nobody is asked while it is open");
  let [first, last] = [0, 0];
  let refusals = 0;
  await eventually(
    "a hundred answers in a row",
    async () => {
      for (let n = 0; n < 100; n += 1) {
        const response = await stand.ask(asJson);
        last = performance.now() - begun;
        if (isRefused(response)) {
          if (first > 0) refusals += 1;
          return undefined;
        }
        assert.equal(response.status, 200);
        if (first === 0) first = last;
      }
      return true;
    },
    10_000,
  );
  assert.ok(first > 850, `let through after ${first} ms`);
  assert.ok(refusals > 0, "more and more, not all at once");
  await stand.until("closed", ({ breaker: state }) => state === "closed");
});

test("a share of statuses opens it, and its own status is answered", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  a.answer = ({ target }) => ({ status: target === "/bad" ? 500 : 200 });
  const when = "ResponseCodeRatio(500, 600, 0, 600) > 0.5";
  const breaker = { when, ...times, status: 429 };
  await using stand = await startStand({
    service: { backends: [a.url], breaker, passive: patient },
  });
  // A third is not more than a half.
  for (let n = 0; n < 10; n += 1) {
    for (const path of ["/bad", "/good", "/good"]) {
      const { status } = await stand.ask({ path });
      assert.equal(status, path === "/bad" ? 500 : 200);
    }
  }
  await pause(200); // some periods, in which nothing may happen
  assert.equal((await stand.ask({ path: "/good" })).status, 200);
  const refused = await eventually(
    "the breaker to open",
    async () => {
      const response = await stand.ask({ path: "/bad", ...asJson });
      return isRefused(response) ? response : undefined;
    },
    15_000,
  );
  assert.equal(refused.status, 429);
});

test("slow answers open it, and what runs meanwhile is finished", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  const { passed, open } = gate();
  a.answer = async ({ target }) => {
    await (target === "/long" ? passed : pause(150)); // being slow is what is tested
    return {};
  };
  const breaker = { when: "LatencyAtQuantileMS(50.0) > 100", ...times };
  await using stand = await startStand({
    service: { backends: [a.url], breaker, passive: patient },
  });
  await using running = await begin(stand.port, { path: "/long" });
  await a.arrived(1);
  await opened(stand);
  open();
  assert.equal((await running.readResponse()).status, 200);
});

test("it fails again while it recovers, and is open again", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const a = stack.use(await LiveOrigin.dead("a"));
  const breaker = { when: "NetworkErrorRatio() > 0.30", ...times, fallbackDuration: "300ms" };
  await using stand = await startStand({
    service: { backends: [a.url], breaker, passive: patient },
  });
  await opened(stand);
  await eventually("one that is let through", async () =>
    isRefused(await stand.ask(asJson)) ? undefined : true,
  );
  await eventually("open again", async () => {
    await stand.ask();
    return (await stand.service()).breaker === "open" ? true : undefined;
  });
});

test(
  "another service is not cut off with it, nor the same one after a reload without it",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const dead = stack.use(await LiveOrigin.dead("dead"));
    const [b] = await origins(stack, "b");
    const breaker = { when: "NetworkErrorRatio() > 0.30", ...times, fallbackDuration: "60s" };
    await using stand = await startStand({
      service: { backends: [dead.url], breaker, passive: patient },
      services: { other: { backends: [b.url], breaker } },
      routes: { "other.test": { service: "other" } },
    });
    await opened(stand);
    assert.equal((await stand.ask({ name: "other.test" })).status, 200);
    await dead.revive();
    assert.equal((await stand.ask()).status, 503);
    await stand.reload({ backends: [dead.url] });
    assert.equal((await stand.ask()).status, 200);
  },
);
