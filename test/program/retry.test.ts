// What is asked again, of whom, how often, and what never is: a request that may have been acted upon.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { LiveOrigin } from "../harness/live-origin.ts";
import { logAtEnd } from "../harness/logged.ts";
import { type Origin, origin } from "../harness/origin.ts";
import {
  asJson,
  countsOf,
  originOf,
  origins,
  startStand,
  statusesOf,
} from "../harness/service-stand.ts";

const bounded = { timeout: 30_000 };
const patient = { failures: 0, connectFailures: 0 }; // nobody is marked: each request meets the bad one

test(
  "statuses that are listed are asked of another backend, for what may be repeated",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await origins(stack, "a", "b");
    a.answer = ({ target }) => ({ status: Number(target.slice(1)), body: "from a" });
    const retry = { statuses: [502, "503-504"], replayBody: 1000, budget: "100%" };
    const service = { backends: [a.url, b.url], retry, balance: "round-robin", passive: patient };
    await using stand = await startStand({ service });
    const [small, large] = ["s".repeat(900), "l".repeat(5000)];
    for (const [method, status, body, isRepeated] of [
      ["GET", 503, undefined, true],
      ["GET", 502, undefined, true],
      ["GET", 504, undefined, true],
      ["GET", 500, undefined, false],
      ["GET", 404, undefined, false],
      ["HEAD", 503, undefined, true],
      ["DELETE", 503, undefined, true],
      ["PUT", 503, small, true],
      ["PUT", 503, large, false],
      ["POST", 503, undefined, false],
      ["POST", 503, small, false],
      ["PATCH", 503, small, false],
    ] as const) {
      a.requests.length = 0;
      b.requests.length = 0;
      const options = { method, path: `/${status}`, ...(body === undefined ? {} : { body }) };
      // Four: some of them are dealt to a first.
      const names = (await stand.askApart(4, options)).map(originOf);
      const what = `${method} answered ${status}, ${body?.length ?? 0} bytes`;
      assert.ok(a.requests.length > 0, what);
      assert.equal(b.requests.length, isRepeated ? 4 : 2, what);
      // The answer to a HEAD names its origin as well.
      assert.deepEqual(countsOf(names), isRepeated ? { b: 4 } : { a: 2, b: 2 }, what);
      if (!isRepeated) assert.equal(a.requests.length, 2, what);
      for (const seen of b.requests) assert.equal(seen.body, body ?? "", what);
    }
  },
);

test("without `statuses` an answer is an answer", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  for (const each of [a, b]) each.answer = () => ({ status: 503, body: "busy" });
  await using stand = await startStand({ service: { backends: [a.url, b.url] } });
  const response = await stand.ask();
  assert.deepEqual([response.status, response.body], [503, "busy"]);
  assert.equal(a.requests.length + b.requests.length, 1);
});

test(
  "when nobody has a better answer the client gets one of those there are",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await origins(stack, "a", "b");
    for (const each of [a, b]) each.answer = () => ({ status: 503, body: "busy" });
    const retry = { statuses: [503] };
    await using stand = await startStand({ service: { backends: [a.url, b.url], retry } });
    const response = await stand.ask();
    assert.deepEqual([response.status, response.body], [503, "busy"]);
    assert.ok(["a", "b"].includes(originOf(response)));
  },
);

test("there are no more attempts than were allowed, each at somebody else", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const all = await origins(stack, "a", "b", "c", "d");
  for (const each of all) each.answer = () => ({ status: 503 });
  const backends = all.map(({ url }) => url);
  const retry = { statuses: [503], attempts: 2 };
  await using stand = await startStand({ service: { backends, retry, passive: patient } });
  assert.equal((await stand.ask()).status, 503);
  const asked = all.map(({ requests }) => requests.length);
  assert.deepEqual(
    asked.toSorted((x, y) => x - y),
    [0, 1, 1, 1],
  );
  const entries = await logAtEnd(stand.program);
  assert.deepEqual(
    entries.map(({ attempts }) => attempts),
    [3],
  );
});

test("a try that takes too long is given up for another backend", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  await using silent = await origin();
  const [b] = await origins(stack, "b");
  const retry = { tryTimeout: "200ms", budget: "100%" };
  const backends = [silent.url, b.url];
  await using stand = await startStand({ service: { backends, retry, passive: patient } });
  for (let n = 0; n < 4; n += 1) {
    const begun = performance.now();
    const response = await stand.ask({ method: "PUT", body: "again" });
    const ms = performance.now() - begun;
    assert.equal(originOf(response), "b");
    assert.ok(ms < 1000, `${ms} ms`);
  }
  assert.ok(b.requests.every(({ body }) => body === "again"));
  await stand.assertQuiet();
});

test("a POST is not given up by tryTimeout, and not asked twice", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  for (const each of [a, b]) each.answer = () => pause(500).then(() => ({})); // slow, as tested
  const retry = { tryTimeout: "100ms" };
  await using stand = await startStand({ service: { backends: [a.url, b.url], retry } });
  const responses = await Promise.all(
    Array.from({ length: 4 }, () => stand.ask({ method: "POST", body: "once" })),
  );
  assert.deepEqual(statusesOf(responses), [200]);
  assert.equal(a.requests.length + b.requests.length, 4);
});

test("a lone backend is waited for, whatever tryTimeout says", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  a.answer = () => pause(500).then(() => ({})); // slow, as tested
  const retry = { tryTimeout: "100ms" };
  await using stand = await startStand({ service: { backends: [a.url], retry } });
  assert.equal((await stand.ask()).status, 200);
  assert.equal(a.requests.length, 1);
});

test("the last backend left is waited for, whatever tryTimeout says", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  for (const each of [a, b]) each.answer = () => pause(500).then(() => ({})); // slow, as tested
  const retry = { tryTimeout: "100ms" };
  await using stand = await startStand({ service: { backends: [a.url, b.url], retry } });
  assert.equal((await stand.ask()).status, 200);
  assert.deepEqual([a.requests.length, b.requests.length], [1, 1]);
});

/** Reads a request and then does this. */
function breaking(how: (connection: Origin["connections"][number]) => void): Promise<Origin> {
  return origin({
    onConnection: (connection) => {
      connection.onData = () => {
        if (connection.received.includes("\r\n\r\n")) how(connection);
      };
    },
  });
}

for (const [method, isRepeated] of [
  ["GET", true],
  ["PUT", true],
  ["POST", false],
  ["PATCH", false],
] as const) {
  test(
    `a fresh connection that dies unanswered: ${method} is ${isRepeated ? "" : "not "}asked of another`,
    bounded,
    async () => {
      await using stack = new AsyncDisposableStack();
      await using breaker = await breaking((connection) => connection.reset());
      const [b] = await origins(stack, "b");
      const retry = { budget: "100%" };
      const service = {
        backends: [breaker.url, b.url],
        retry,
        balance: "round-robin",
        passive: patient,
      };
      await using stand = await startStand({ service });
      const options = { method, ...(method === "GET" ? {} : { body: "body" }) };
      const responses = await stand.askApart(4, options);
      assert.deepEqual(countsOf(responses.map(originOf)), isRepeated ? { b: 4 } : { b: 2, 502: 2 });
      assert.ok(breaker.connections.length > 0);
      if (!isRepeated) assert.equal(breaker.connections.length, 2);
      assert.equal(b.requests.length, isRepeated ? 4 : 2);
    },
  );
}

test("nothing is asked again once a byte of an answer came", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  await using breaker = await breaking((connection) => {
    void connection.send("HTTP/1.1 200 OK\r\nContent-").then(() => connection.reset());
  });
  const [b] = await origins(stack, "b");
  const service = { backends: [breaker.url, b.url], balance: "round-robin", passive: patient };
  await using stand = await startStand({ service });
  const names = (await stand.askApart(2)).map(originOf);
  assert.deepEqual(countsOf(names), { b: 1, 502: 1 });
  assert.equal(b.requests.length, 1);
});

test(
  "a body longer than is kept reaches the next backend when the first refused, and only then",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const dead = stack.use(await LiveOrigin.dead("dead"));
    const [b] = await origins(stack, "b");
    const service = {
      backends: [dead.url, b.url],
      retry: { replayBody: 100, budget: "100%" },
      passive: patient,
    };
    await using stand = await startStand({ service });
    const responses = await stand.askApart(4, { method: "POST", body: "x".repeat(300_000) });
    assert.deepEqual(statusesOf(responses), [200]);
    assert.ok(b.requests.every(({ body }) => body.length === 300_000));
    assert.equal(b.requests.length, 4);
  },
);

test("no storm: in an outage retries stay within the budget", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const all = await origins(stack, "a", "b", "c");
  for (const each of all) each.answer = () => ({ status: 503 });
  const backends = all.map(({ url }) => url);
  const retry = { statuses: [503], attempts: 2, budget: "20%" };
  await using stand = await startStand({ service: { backends, retry, passive: patient } });
  const lanes = await Promise.all(Array.from({ length: 8 }, () => stand.askInARow(75, asJson)));
  const answers = lanes.flat();
  assert.equal(answers.length, 600);
  const attempts = all.reduce((sum, { requests }) => sum + requests.length, 0);
  const granted = 600 * 0.2 + 10;
  assert.ok(attempts <= 600 + granted + 10, `${attempts} attempts for 600 requests`);
  // And it is a budget, not an end of retries.
  assert.ok(attempts >= 600 + granted / 2, `${attempts} attempts for 600 requests`);
});

test(
  "with a budget of nothing the reserve is left, for connections that are refused too",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await origins(stack, "a", "b");
    for (const each of [a, b]) each.answer = () => ({ status: 503 });
    const retry = { statuses: [503], attempts: 1, budget: "0%" };
    const service = { backends: [a.url, b.url], retry, passive: patient };
    await using stand = await startStand({ service });
    await stand.askInARow(40);
    const attempts = a.requests.length + b.requests.length;
    assert.ok(attempts >= 45 && attempts <= 51, `${attempts} attempts for 40 requests`);
  },
);
