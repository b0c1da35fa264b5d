// `rateLimit` with real clients: exact over workers and over programs, and what becomes of it when Redis does not play along.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { needs } from "../harness/needs.ts";
import { redisNeeds, startRedis } from "../harness/redis.ts";
import { flood, tally } from "../harness/request-flood.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };
const withRedis = { ...bounded, skip: needs(...redisNeeds) };

function configOf(rateLimit: unknown, more: Readonly<Record<string, unknown>> = {}) {
  return {
    listeners: { web: { bind: "127.0.0.1:0", trustedProxies: ["127.0.0.1"] } },
    routes: {
      "a.test": { respond: { status: 200, body: "ok" }, middlewares: [{ rateLimit }] },
    },
    ...more,
  };
}

for (const workers of [0, 2, 3]) {
  test(`exactly the burst passes, with ${workers} workers`, bounded, async () => {
    const config = configOf({ average: 60, period: "24h", burst: 100 });
    await using program = await startTidegate({ config, workers });
    const answers = await flood(program.port(), { requests: 1000, connections: 40 });
    assert.deepEqual(tally(answers), { 200: 100, 429: 900 });
  });
}

test("each worker counts for itself, when that is wanted", bounded, async () => {
  const config = configOf({ average: 60, period: "24h", burst: 10, scope: "worker" });
  await using program = await startTidegate({ config, workers: 2 });
  const counts = tally(await flood(program.port(), { requests: 400, connections: 40 }));
  assert.ok(counts[200] === 10 || counts[200] === 20, JSON.stringify(counts));
});

test("many clients are told apart exactly over the workers", bounded, async () => {
  const config = configOf({ rates: ["5/h", { average: 50, period: "24h" }] });
  await using program = await startTidegate({ config, workers: 2 });
  const answers = await flood(program.port(), {
    requests: 1000,
    // Requests of one client come by several connections.
    connections: 30,
    lines: (number) => `X-Forwarded-For: 192.0.2.${number % 100}\r\n`,
  });
  assert.deepEqual(tally(answers), { 200: 500, 429: 500 });
});

test("what is counted survives a reload that changes something else", bounded, async () => {
  const limit = { average: 3, period: "24h" };
  await using program = await startTidegate({ config: configOf(limit), workers: 2 });
  await flood(program.port(), { requests: 10 });
  const more = configOf(limit);
  const routes = { ...more.routes, "b.test": { respond: { status: 200, body: "there" } } };
  await program.writeConfig({ ...more, routes });
  program.signal("SIGHUP");
  await eventually("the new route", async () => {
    const { status } = await ask(program.port(), { name: "b.test" });
    return status === 200 || undefined;
  });
  assert.equal((await ask(program.port(), { name: "a.test" })).status, 429);
});

test(
  "who is refused is told when to come again, and all are told what is left",
  bounded,
  async () => {
    const config = configOf({ rates: ["2/m", "1000/h"], headers: true });
    await using program = await startTidegate({ config });
    const get = () => ask(program.port(), { name: "a.test" });
    const first = await get();
    assert.equal(
      field(first, "ratelimit-policy"),
      '"2-per-1m";q=2;w=60, "1000-per-1h";q=1000;w=3600',
    );
    assert.match(field(first, "ratelimit"), /^"2-per-1m";r=1;t=30, "1000-per-1h";r=999;t=\d$/);
    await get();
    const refused = await get();
    assert.equal(refused.status, 429);
    const wait = Number(field(refused, "retry-after"));
    assert.ok(wait >= 25 && wait <= 30, String(wait));
    assert.match(field(refused, "ratelimit"), /^"2-per-1m";r=0;t=\d\d, "1000-per-1h";r=998;/);
    assert.match(field(refused, "cache-control"), /no-store/);
  },
);

test(
  "nobody gets more by writing his address, its case or a longer key differently",
  bounded,
  async () => {
    const limit = { average: 2, period: "24h", by: "header:X-Api-Key" };
    await using program = await startTidegate({ config: configOf(limit) });
    const long = "k".repeat(16_000);
    const names = ["X-Api-Key", "x-api-key", "X-API-KEY", "x-Api-key"];
    const answers = await flood(program.port(), {
      requests: 8,
      connections: 1,
      lines: (number) => `${names[number % 4] ?? ""}: ${long}\r\n`,
    });
    assert.deepEqual(tally(answers), { 200: 2, 429: 6 });
    await using six = await startTidegate({ config: configOf("2/h") });
    const addresses = await flood(six.port(), {
      requests: 8,
      connections: 1,
      lines: (number) => `X-Forwarded-For: 2001:db8:1:2:${number}::${number}\r\n`,
    });
    assert.deepEqual(tally(addresses), { 200: 2, 429: 6 });
  },
);

test("an address that anybody could have written is not believed", bounded, async () => {
  const config = { ...configOf("2/h"), listeners: { web: "127.0.0.1:0" } };
  await using program = await startTidegate({ config });
  const answers = await flood(program.port(), {
    requests: 8,
    lines: (number) => `X-Forwarded-For: 192.0.2.${number}\r\nForwarded: for=192.0.2.${number}\r\n`,
  });
  assert.deepEqual(tally(answers), { 200: 2, 429: 6 });
});

test("a dry run refuses nobody and says so", bounded, async () => {
  await using program = await startTidegate({
    config: configOf({ average: 1, period: "1h", dryRun: true }),
  });
  assert.deepEqual(tally(await flood(program.port(), { requests: 20 })), { 200: 20 });
  await program.waitForLog(
    /would have been refused.*127\.0\.0\.1|127\.0\.0\.1.*would have been refused/,
  );
});

// --- Redis -----------------------------------------------------------------------------------------------

test("two programs with a Redis count as one", withRedis, async () => {
  await using redis = await startRedis({
    args: ["--requirepass", "s3cret-word"],
    cliArgs: ["-a", "s3cret-word", "--no-auth-warning"],
  });
  const url = `redis://:s3cret-word@127.0.0.1:${redis.port}/0`;
  const config = configOf({
    average: 60,
    period: "24h",
    burst: 100,
    redis: { url, wait: "5s", fallback: "refuse" },
  });
  await using one = await startTidegate({ config, workers: 2 });
  await using two = await startTidegate({ config, workers: 0 });
  const all = await Promise.all(
    [one, two].map((each) => flood(each.port(), { requests: 500, connections: 20 })),
  );
  assert.deepEqual(tally(all.flat()), { 200: 100, 429: 900 });
  const said = one.stdout() + one.stderr() + two.stdout() + two.stderr();
  assert.ok(!said.includes("s3cret-word"));
});

for (const [fallback, status] of [
  ["local", { 200: 5, 429: 15 }],
  ["allow", { 200: 20 }],
  ["refuse", { 503: 20 }],
] as const) {
  test(`a Redis that dies is done without: ${fallback}`, withRedis, async () => {
    await using redis = await startRedis();
    const limit = { average: 5, period: "24h", redis: { url: redis.url, wait: "2s", fallback } };
    await using program = await startTidegate({ config: configOf(limit) });
    assert.deepEqual(
      tally(await flood(program.port(), { requests: 8, connections: 1, lines: forwarded(1) })),
      {
        200: 5,
        429: 3,
      },
    );
    await redis.kill();
    const answers = await flood(program.port(), {
      requests: 20,
      connections: 1,
      lines: forwarded(2),
    });
    assert.deepEqual(tally(answers), status);
    await program.waitForLog(/counted without Redis/);
    await redis.start();
    // It is found again by itself.
    let number = 3;
    await eventually("Redis to be asked again", async () => {
      const headers = { "X-Forwarded-For": `192.0.2.${++number % 250}` };
      await ask(program.port(), { name: "a.test", headers });
      return (await redis.cli("DBSIZE")) !== "0" || undefined;
    });
  });
}

test("a Redis that stands still keeps nobody waiting for long", withRedis, async () => {
  await using redis = await startRedis();
  const limit = { average: 5, period: "24h", redis: { url: redis.url, wait: "100ms" } };
  await using program = await startTidegate({ config: configOf(limit) });
  assert.equal((await ask(program.port(), { name: "a.test" })).status, 200);
  redis.freeze();
  const answers = await flood(program.port(), { requests: 20, lines: forwarded(7) });
  assert.deepEqual(tally(answers), { 200: 5, 429: 15 });
  redis.thaw();
});

test("keys of others, full and read-only Redis refuse nobody", withRedis, async () => {
  await using redis = await startRedis();
  const limit = { average: 3, period: "24h", by: "all", redis: { url: redis.url, wait: "2s" } };
  await using program = await startTidegate({ config: configOf(limit) });
  const get = async () => (await ask(program.port(), { name: "a.test" })).status;
  assert.equal(await get(), 200);
  const [key = ""] = (await redis.cli("KEYS", "tidegate:limit:*")).split("\n");
  // One of another type, and one that says nothing that we know.
  await redis.cli("DEL", key);
  await redis.cli("LPUSH", key, "1");
  assert.deepEqual([await get(), await get(), await get(), await get()], [200, 200, 200, 429]);
  await redis.cli("DEL", key);
  await redis.cli("SET", key, "nan inf 1e999 garbage");
  assert.equal(await get(), 200);
  // As after a clock that went back: nobody waits longer than for a limit that is used up.
  await redis.cli("SET", key, "9000000000000000");
  const late = await ask(program.port(), { name: "a.test" });
  assert.equal(late.status, 429);
  assert.ok(Number(field(late, "retry-after")) <= 86_400);
  await redis.cli("DEL", key);
  await redis.cli("CONFIG", "SET", "maxmemory", "1");
  assert.equal(await get(), 429);
  await redis.cli("CONFIG", "SET", "maxmemory", "0");
  await redis.cli("REPLICAOF", "127.0.0.1", "1");
  assert.equal(await get(), 429);
  await program.waitForLog(/counted without Redis.*WRONGTYPE|WRONGTYPE.*counted without Redis/);
});

function forwarded(number: number): () => string {
  return () => `X-Forwarded-For: 192.0.2.${number}\r\n`;
}
