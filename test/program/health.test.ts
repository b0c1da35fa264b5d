// Backends are taken out and put back: by checks, and by what traffic itself shows; known to all workers, and
// told to whoever asks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { BackendRow, ServiceRow } from "../../src/admin/operations.ts";
import { eventually } from "../harness/barrier.ts";
import type { Client } from "../harness/client.ts";
import { gate, LiveOrigin } from "../harness/live-origin.ts";
import { logAtEnd } from "../harness/logged.ts";
import { type Origin, origin } from "../harness/origin.ts";
import {
  asJson,
  begin,
  countsOf,
  originOf,
  origins,
  startStand,
  statusesOf,
} from "../harness/service-stand.ts";

const bounded = { timeout: 30_000 };
const quick = { interval: "100ms", timeout: "1s" };

test(
  "down after `fall` bad checks, up after `rise` good ones, and told in between",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await origins(stack, "a", "b");
    const check = { http: "/health", ...quick, fall: 3, rise: 2 };
    await using stand = await startStand({
      service: { backends: [a.url, b.url], check },
      workers: 2,
    });
    await stand.until("checks of both", ({ backends }) =>
      backends.every(({ lastCheck }) => lastCheck?.isGood === true),
    );
    assert.equal((await stand.service()).state, "up");
    a.health = () => ({ status: 500 });
    const down = await stand.untilBackend(a, "down");
    assert.match(down.why, /500/);
    assert.deepEqual(
      [down.lastCheck?.isGood, /500/.test(down.lastCheck?.text ?? "")],
      [false, true],
    );
    assert.ok(Date.now() - Date.parse(down.since) < 3000, down.since);
    assert.equal((await stand.service()).state, "degraded");
    assert.deepEqual(countsOf((await stand.askApart(16)).map(originOf)), { b: 16 });
    a.health = () => ({});
    await stand.untilBackend(a, "up");
    const names = (await stand.askApart(24)).map(originOf);
    assert.ok(names.includes("a"), names.join(" "));
  },
);

test(
  "two bad checks of three change nothing, and one good one of two neither",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a] = await origins(stack, "a");
    const check = { http: "/health", ...quick, fall: 3, rise: 2 };
    await using stand = await startStand({ service: { backends: [a.url], check } });
    let bad = 0;
    // Two of three are bad, for ever.
    a.health = () => ({ status: bad++ % 3 < 2 ? 500 : 200 });
    const since = (await stand.backend(a)).since;
    await eventually("twelve checks", () => bad > 12 || undefined);
    const row = await stand.backend(a);
    assert.deepEqual([row.state, row.since], ["up", since]);
    a.health = () => ({ status: 500 });
    const down = await stand.untilBackend(a, "down");
    let good = 0;
    a.health = () => ({ status: good++ % 2 === 0 ? 200 : 500 });
    await eventually("eight checks", () => good > 8 || undefined);
    const still = await stand.backend(a);
    assert.deepEqual([still.state, still.since], ["down", down.since]);
  },
);

test("checks run once, however many workers there are", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  const check = { http: "/health", interval: "200ms" };
  await using _stand = await startStand({ service: { backends: [a.url], check }, workers: 2 });
  await eventually("a check", () => a.checks > 0 || undefined);
  const [begun, before] = [performance.now(), a.checks];
  await eventually("eight more", () => a.checks >= before + 8 || undefined);
  const ms = performance.now() - begun;
  // Eight intervals; some jitter is healthy, twice as many checks are not.
  assert.ok(ms > 8 * 200 * 0.7, `eight checks in ${ms} ms`);
});

test(
  "initially down: nobody is sent there before the first success, and one suffices",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await origins(stack, "a", "b");
    b.health = () => ({ status: 503 });
    const check = { http: "/health", ...quick, initially: "down", rise: 5 };
    const service = { backends: [a.url, b.url], check, whenAllDown: "refuse" };
    await using stand = await startStand({ service });
    await stand.untilBackend(a, "up");
    const waiting = await stand.backend(b);
    assert.ok(["unchecked", "down"].includes(waiting.state), waiting.state);
    assert.deepEqual(countsOf(await stand.askInARow(20)), { a: 20 });
    let good = 0;
    b.health = () => ({ status: (good += 1) > 0 ? 200 : 503 });
    await stand.untilBackend(b, "up");
    assert.ok(good < 5, `${good} good checks`);
  },
);

test(
  "initially down with a check that never comes: refused, and shown as unchecked",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a] = await origins(stack, "a");
    const { passed, open } = gate();
    a.health = () => passed.then(() => ({}));
    const check = { http: "/health", interval: "10s", timeout: "9s", initially: "down" };
    const service = { backends: [a.url], check, whenAllDown: "refuse" };
    await using stand = await startStand({ service, workers: 2 });
    assert.equal((await stand.backend(a)).state, "unchecked");
    const refused = await stand.ask(asJson);
    assert.deepEqual([refused.status, /NO_BACKEND/.test(refused.body)], [503, true]);
    assert.equal(a.requests.length, 0);
    open();
    await stand.untilBackend(a, "up");
    assert.equal((await stand.ask()).status, 200);
  },
);

test("status, body, method, host and fields of a check are as they are set", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [right, body, status] = await origins(stack, "right", "body", "status");
  const all = [right, body, status];
  const seen: string[] = [];
  for (const each of all) {
    each.health = ({ method, headers }) => {
      seen.push(`${method} ${headers["host"]} ${headers["x-check"]}`);
      return { status: each === status ? 204 : 200, body: each === body ? "fine" : "all ok here" };
    };
  }
  const check = {
    ...{ http: "/health", ...quick, fall: 1, statuses: [200, "300-302"], body: "ok" },
    ...{ method: "POST", host: "check.test", headers: { "X-Check": "yes" } },
  };
  await using stand = await startStand({ service: { backends: all.map(({ url }) => url), check } });
  await stand.untilBackend(body, "down");
  const wrong = await stand.untilBackend(status, "down");
  assert.match(wrong.why, /204/);
  assert.deepEqual(countsOf(await stand.askInARow(9)), { right: 9 });
  assert.equal((await stand.backend(right)).state, "up");
  assert.deepEqual([...new Set(seen)], ["POST check.test yes"]);
});

test("a check that gets no answer in time is a bad one", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [b] = await origins(stack, "b");
  await using silent = await origin();
  const check = { http: "/health", interval: "200ms", timeout: "200ms", fall: 2 };
  const service = { backends: [silent.url, b.url], check };
  await using stand = await startStand({ service });
  const { why } = await stand.untilBackend(silent, "down");
  assert.match(why, /./);
  assert.deepEqual(countsOf(await stand.askInARow(8)), { b: 8 });
  await eventually("no more than two checks to be open", () =>
    silent.connections.filter(({ ended }) => !ended).length <= 2 ? true : undefined,
  );
});

/** Answers each connection's first bytes with these; undefined = says nothing. */
function talker(answer: string | undefined): Promise<Origin> {
  return origin({
    onConnection: (connection) => {
      if (answer === undefined) return;
      connection.onData = () => {
        if (connection.received.includes("PING\r\n")) void connection.send(answer);
      };
    },
  });
}

test("a TCP check connects, sends and expects", bounded, async () => {
  await using right = await talker("+PONG\r\n");
  await using wrong = await talker("-ERR\r\n");
  await using mute = await talker(undefined);
  await using refuser = await LiveOrigin.dead("refuser");
  const all = [right, wrong, mute, refuser];
  const tcp = { send: "PING\r\n", expect: "+PONG" };
  const check = { tcp, interval: "200ms", timeout: "200ms", fall: 1, rise: 1 };
  const backends = all.map(({ url }) => url);
  await using stand = await startStand({ service: { backends, check } });
  for (const each of [wrong, mute, refuser]) await stand.untilBackend(each, "down");
  const row = await stand.until(
    "a good one",
    ({ backends: [first] }) => first?.lastCheck?.isGood === true,
  );
  assert.equal(row.state, "degraded");
  await stand.reload({ backends, check: { ...check, tcp: true } });
  for (const each of [wrong, mute]) await stand.untilBackend(each, "up");
  assert.equal((await stand.backend(refuser)).state, "down");
});

test("while it is down it is asked more often, and is soon back", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  a.health = () => ({ status: 500 });
  const check = { http: "/health", interval: "60s", fastInterval: "100ms", fall: 3, rise: 2 };
  await using stand = await startStand({ service: { backends: [a.url], check } });
  await stand.untilBackend(a, "down");
  a.health = () => ({});
  await stand.untilBackend(a, "up");
});

test("a port of its own for checks, and a reload that takes the check away", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, checked] = await origins(stack, "a", "checked");
  checked.health = () => ({ status: 500 });
  const check = { http: "/health", ...quick, port: checked.port, fall: 1 };
  await using stand = await startStand({ service: { backends: [a.url], check } });
  await stand.untilBackend(a, "down");
  assert.equal(a.checks, 0);
  await stand.reload({ backends: [a.url] });
  await stand.untilBackend(a, "up");
  assert.equal((await stand.backend(a)).lastCheck, undefined);
  const { checks } = checked;
  await pause(300); // that nothing comes has no event
  assert.ok(checked.checks <= checks + 1, "checks ended");
});

for (const workers of [0, 2]) {
  test(
    `a backend that refuses costs one retried request per worker (${workers} workers)`,
    bounded,
    async () => {
      await using stack = new AsyncDisposableStack();
      const dead = stack.use(await LiveOrigin.dead("dead"));
      const [b] = await origins(stack, "b");
      await using stand = await startStand({
        service: { backends: [dead.url, b.url], passive: { deadFor: "60s" } },
        workers,
      });
      assert.deepEqual(statusesOf(await stand.askApart(60)), [200]);
      const { state, why } = await stand.backend(dead);
      assert.deepEqual([state, /refused/i.test(why)], ["dead", true], why);
      const entries = await logAtEnd(stand.program);
      const retried = entries.filter(({ attempts }) => attempts !== 1);
      assert.ok(retried.length <= Math.max(workers, 1), `${retried.length} were tried again`);
      assert.ok(retried.length > 0);
    },
  );
}

test("a mark is known to all workers", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  const passive = { statuses: [500], failures: 3, deadFor: "60s" };
  const service = { backends: [a.url, b.url], passive };
  await using stand = await startStand({ service, workers: 2 });
  await stand.askApart(8);
  a.answer = () => ({ status: 500 });
  await eventually("the mark", async () => {
    await stand.ask();
    return (await stand.backend(a)).state === "dead" ? true : undefined;
  });
  a.requests.length = 0;
  assert.deepEqual(countsOf((await stand.askApart(40)).map(originOf)), { b: 40 });
  assert.equal(a.requests.length, 0);
});

test(
  "a mark costs each other worker one request at most, however soon that comes",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await origins(stack, "a", "b");
    const passive = { statuses: [500], failures: 1, deadFor: "1s" };
    const service = { backends: [a.url, b.url], passive };
    await using stand = await startStand({ service, workers: 2 });
    a.answer = () => ({ status: 500 });
    for (let round = 0; round < 4; round += 1) {
      await eventually("the mark", async () =>
        (await stand.ask()).status === 500 ? true : undefined,
      );
      const statuses = (await stand.askApart(12)).map(({ status }) => status);
      const more = statuses.filter((status) => status === 500).length;
      assert.ok(more <= 1, `${more} more failed: ${statuses.join(" ")}`);
    }
  },
);

test(
  "dead for deadFor, then a single request is tried: bad, and it is dead again",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await origins(stack, "a", "b");
    a.answer = () => ({ status: 500 });
    const passive = { statuses: [500], failures: 1, deadFor: "500ms" };
    await using stand = await startStand({ service: { backends: [a.url, b.url], passive } });
    const marks: number[] = [];
    await eventually("three marks", async () => {
      for (const response of await stand.askApart(4)) {
        if (response.status === 500) marks.push(performance.now());
      }
      return marks.length >= 3 || undefined;
    });
    for (const [n, at] of marks.entries()) {
      if (n === 0) continue;
      const ms = at - (marks[n - 1] ?? 0);
      assert.ok(ms > 450, `tried again after ${ms} ms`);
    }
  },
);

for (const workers of [0, 2]) {
  test(
    `half open: one request is tried, the others go elsewhere; good, and it is back (${workers} workers)`,
    bounded,
    async () => {
      await using stack = new AsyncDisposableStack();
      const [a, b] = await origins(stack, "a", "b");
      a.answer = () => ({ status: 500 });
      const passive = { statuses: [500], failures: 1, deadFor: "500ms" };
      await using stand = await startStand({
        service: { backends: [a.url, b.url], passive },
        workers,
      });
      await eventually("the mark", async () =>
        (await stand.ask()).status === 500 ? true : undefined,
      );
      await stand.untilBackend(a, "dead");
      const { passed, open } = gate();
      a.answer = () => passed.then(() => ({}));
      a.requests.length = 0;
      const clients: Client[] = [];
      const askOnce = async (n: number) => {
        const arrived = () => a.requests.length + b.requests.length;
        const before = arrived();
        clients.push(stack.use(await begin(stand.port, { path: `/${n}` })));
        await eventually("it to arrive", () => arrived() > before || undefined);
      };
      for (let n = 0; a.requests.length === 0; n += 1) await askOnce(n);
      for (let n = 0; n < 30; n += 1) await askOnce(1000 + n);
      const tried = a.requests.length;
      assert.ok(tried <= Math.max(workers, 1), `${tried} were tried, one for each worker at most`);
      open();
      for (const client of clients) assert.equal((await client.readResponse()).status, 200);
      await stand.untilBackend(a, "up");
      const names = (await stand.askApart(24)).map(originOf);
      assert.ok(names.includes("a"), names.join(" "));
    },
  );
}

test(
  "a share of failures makes it dead, not before there are enough requests",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await origins(stack, "a", "b");
    const passive = {
      statuses: ["500-599"],
      failures: 0,
      ratio: "50%",
      minRequests: 20,
      deadFor: "60s",
    };
    let asked = 0;
    a.answer = () => ({ status: (asked += 1) % 3 === 0 ? 200 : 502 });
    await using stand = await startStand({ service: { backends: [a.url, b.url], passive } });
    await stand.askInARow(36);
    assert.equal(asked, 18);
    assert.equal((await stand.backend(a)).state, "up", "18 of 20");
    await stand.askInARow(12);
    assert.equal((await stand.backend(a)).state, "dead");
    assert.ok(asked >= 20 && asked <= 22, `${asked} were asked`);
  },
);

test("slow answers count as failed", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b] = await origins(stack, "a", "b");
  a.answer = () => pause(150).then(() => ({})); // being slow is what is tested
  const passive = { slow: "100ms", failures: 2, deadFor: "60s" };
  const service = { backends: [a.url, b.url], passive, balance: "round-robin" };
  await using stand = await startStand({ service });
  const names = await stand.askInARow(20);
  assert.deepEqual(countsOf(names), { a: 2, b: 18 });
  assert.equal((await stand.backend(a)).state, "dead");
  assert.equal((await stand.backend(b)).state, "up");
});

test("when all are dead `try` asks them anyway, and `refuse` does not", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const a = stack.use(await LiveOrigin.dead("a"));
  const passive = { deadFor: "60s" };
  await using stand = await startStand({ service: { backends: [a.url], passive } });
  assert.deepEqual(statusesOf(await stand.askApart(3)), [502]);
  const row = await stand.backend(a);
  assert.equal(row.state, "dead");
  assert.equal((await stand.service()).state, "down");
  await a.revive();
  assert.equal((await stand.ask()).status, 200, "tried, though it is marked");
  await a.kill();
  await stand.reload({ backends: [a.url], passive, whenAllDown: "refuse" });
  await stand.ask();
  await a.revive();
  const { connections } = a;
  const refused = await stand.ask(asJson);
  assert.deepEqual([refused.status, /NO_BACKEND/.test(refused.body)], [503, true], refused.body);
  assert.equal(a.connections, connections);
});

test(
  "`tidegate services` and `status` tell state, since when, why and the last check",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await origins(stack, "a", "b");
    const check = { http: "/health", ...quick, fall: 1 };
    const backends = [
      { url: a.url, weight: 3 },
      { url: b.url, tier: 1 },
    ];
    await using stand = await startStand({ service: { backends, check }, workers: 2 });
    await stand.askApart(5);
    b.health = () => ({ status: 500 });
    await stand.untilBackend(b, "down");
    const ended = await stand.command("services", "--json");
    assert.equal(ended.code, 0, ended.stderr);
    const rows = JSON.parse(ended.stdout) as ServiceRow[];
    const shop = rows.find(({ name }) => name === "shop");
    assert.deepEqual(
      [shop?.kind, shop?.state, shop?.balance],
      ["backends", "degraded", "two-random"],
    );
    const [first, second] = (shop?.backends ?? []) as [BackendRow, BackendRow];
    assert.deepEqual(
      [first.state, first.weight, first.tier, first.answered, first.failed, first.inFlight],
      ["up", 3, 0, 5, 0, 0],
    );
    assert.deepEqual([second.state, second.tier, second.answered], ["down", 1, 0]);
    assert.match(second.why, /500/);
    assert.ok(Math.abs(Date.now() - Date.parse(second.since)) < 10_000);
    assert.ok(Math.abs(Date.now() - Date.parse(second.lastCheck?.at ?? "")) < 10_000);
    assert.match((await stand.command("services", "shop")).stdout, /down/);
    const status = await stand.command("status");
    assert.match(status.stdout, /shop/, "a service that is not up is shown");
  },
);

test("workers to come know what is down and dead", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a, b, c] = await origins(stack, "a", "b", "c");
  const check = { http: "/health", ...quick, fall: 1 };
  const passive = { statuses: [500], failures: 1, deadFor: "60s" };
  const service = { backends: [a.url, b.url, c.url], check, passive };
  await using stand = await startStand({ service, workers: 2 });
  a.health = () => ({ status: 500 });
  await stand.untilBackend(a, "down");
  b.answer = () => ({ status: 500 });
  await eventually("the mark", async () => ((await stand.ask()).status === 500 ? true : undefined));
  await stand.untilBackend(b, "dead");
  const before = await stand.control.workers();
  assert.equal((await stand.command("restart")).code, 0);
  await stand.control.settled(2, before);
  const { backends } = await stand.service();
  assert.deepEqual(
    backends.map(({ state }) => state),
    ["down", "dead", "up"],
  );
  assert.deepEqual(countsOf((await stand.askApart(20)).map(originOf)), { c: 20 });
});
