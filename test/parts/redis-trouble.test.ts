// A real Redis in trouble, followed by the source alone: rights that are taken away, data that is still being loaded,
// connections that are cut off, a cluster whose slots move. What was read before stays, and nothing is missed.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { discovery } from "../../src/config/provider-limits.ts";
import { eventually } from "../harness/barrier.ts";
import { needs } from "../harness/needs.ts";
import { type Redis, redisNeeds, startRedis } from "../harness/redis.ts";
import { type FollowedSource, followSource, hipacheSettings } from "../harness/redis-source.ts";
import { notesOf, redisSettings, routesOf, serverAt } from "../harness/redis-source.ts";

const options = { skip: needs(...redisNeeds), timeout: 60_000 };

function push({ cli }: Redis, host: string, ...urls: readonly string[]): Promise<string> {
  return cli("RPUSH", `frontend:${host}`, host, ...urls);
}

function populate({ cli }: Redis, count: number, command = "'RPUSH', key, 'x', 'http://h:1'") {
  const lines = [
    `for i = 1, ${count} do`,
    "  local key = 'frontend:h' .. i",
    `  redis.call(${command})`,
    "end",
  ];
  return cli("EVAL", lines.join("\n"), "0");
}

const has =
  (...hosts: readonly string[]) =>
  (word: Parameters<typeof routesOf>[0]) =>
    routesOf(word).join() === hosts.join();

function troubled(source: FollowedSource, pattern: RegExp): Promise<string> {
  return eventually(`trouble like ${String(pattern)}`, () =>
    source.troubles.find((each) => pattern.test(each)),
  );
}

/** A user with all rights but some. */
async function limited({ cli, port }: Redis, ...rights: readonly string[]) {
  await cli("ACL", "SETUSER", "someone", "on", ">secret", "~*", "&*", "+@all", ...rights);
  return serverAt(port, { username: "someone", password: "secret" });
}

test("a right that is taken away empties nothing", options, async () => {
  await using redis = await startRedis();
  const server = await limited(redis);
  await push(redis, "a.test", "http://h:1");
  const json = JSON.stringify({ host: "a.test", service: { backends: ["http://h:1"] } });
  await redis.cli("SET", "tidegate:routes:a", json);
  await using lists = followSource(hipacheSettings(server), true);
  await using texts = followSource(redisSettings(server), true);
  await lists.until("the list", has("a.test"));
  await texts.until("the text", has("a"));
  for (const rights of [
    ["-lrange", "-getrange"],
    ["+lrange", "+getrange", "resetkeys"],
  ]) {
    await redis.cli("ACL", "SETUSER", "someone", ...rights);
    const words = [lists.words.length, texts.words.length];
    const told = [lists.troubles.length, texts.troubles.length];
    await redis.cli("RPUSH", "frontend:a.test", "http://h:2");
    await redis.cli("SET", "tidegate:routes:b", json);
    for (const [index, { troubles }] of [lists, texts].entries()) {
      const trouble = await eventually("the complaint", () => troubles[told[index] ?? 0]);
      assert.match(trouble, /does not let this user do what is needed/);
    }
    assert.deepEqual([lists.words.length, texts.words.length], words);
    await redis.cli("ACL", "SETUSER", "someone", "+@all", "~*");
    await lists.until("what is there now", ({ collection: { services } }) =>
      services.some((each) => each.kind === "backends" && each.backends.length >= 2),
    );
    await redis.cli("LTRIM", "frontend:a.test", "0", "1");
    await redis.cli("DEL", "tidegate:routes:b");
    await lists.until("one", ({ collection: { services } }) =>
      services.every((each) => each.kind === "backends" && each.backends.length === 1),
    );
    await texts.until("one", has("a"));
  }
});

test("a right that is missing is named, and told of once", options, async () => {
  await using redis = await startRedis({ args: ["--notify-keyspace-events", "KA"] });
  await push(redis, "a.test", "http://h:1");
  await using blind = followSource(hipacheSettings(await limited(redis, "-scan")), true);
  assert.match(await troubled(blind, /rights|let this user/), /'scan'/);
  await pause(500);
  assert.equal(blind.troubles.length, 1);
  assert.ok(!blind.lines.some(({ text }) => text === "Redis is followed"), "it is not");
  // Notifications do without this one.
  await using other = followSource(
    hipacheSettings(await limited(redis, "+scan", "-dbsize", "-client|tracking")),
    true,
  );
  await other.until("the list", has("a.test"));
  assert.match(JSON.stringify(other.lines), /"by":"notifications"/);
  await push(redis, "b.test", "http://h:1");
  await other.until("a change", has("a.test", "b.test"));
  assert.deepEqual(other.troubles, []);
});

test("while Redis loads its data nothing is emptied", options, async () => {
  const args = ["--appendonly", "yes", "--key-load-delay", "100"];
  await using redis = await startRedis({ args });
  await populate(redis, 30_000);
  await using source = followSource(hipacheSettings(serverAt(redis.port)), true);
  await source.until("all", (word) => routesOf(word).length === 30_000, 20_000);
  await redis.kill();
  await redis.start();
  await troubled(source, /is still loading its data/);
  await push(redis, "later.test", "http://h:1");
  await source.until("what came later", (word) => routesOf(word).length === 30_001, 20_000);
  const counts = new Set(source.words.map((word) => routesOf(word).length));
  assert.deepEqual([...counts], [30_000, 30_001]);
});

test("connections that are cut off again and again lose no change", options, async () => {
  await using redis = await startRedis();
  await push(redis, "a.test", "http://h:1");
  await using source = followSource(hipacheSettings(serverAt(redis.port)), true);
  await source.until("the first", has("a.test"));
  await redis.cli("CLIENT", "KILL", "TYPE", "normal").catch(() => "its own, too");
  await push(redis, "b.test", "http://h:1");
  await source.until("what came meanwhile", has("a.test", "b.test"));
  // What does not read fast enough is cut off as well.
  await redis.cli("CONFIG", "SET", "client-output-buffer-limit", "normal 1000 1000 1");
  await populate(redis, 5000);
  await troubled(source, /closed the connection/);
  await redis.cli("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0");
  await source.until("all", (word) => routesOf(word).length === 5002, 10_000);
  const begun = performance.now();
  await redis.cli("FLUSHDB");
  await source.until("nothing", has());
  assert.ok(performance.now() - begun < 2000);
});

test("what is written and changes nothing is not told on", options, async () => {
  await using redis = await startRedis();
  await populate(redis, 1000);
  await using source = followSource(hipacheSettings(serverAt(redis.port)));
  await source.until("all", (word) => routesOf(word).length === 1000);
  const before = source.words.length;
  await populate(redis, 1000, "'LSET', key, 0, 'x'");
  await eventually("all to be read again", async () => {
    const stats = await redis.cli("INFO", "commandstats");
    return Number(/cmdstat_lrange:calls=(\d+)/.exec(stats)?.[1]) >= 2000 || undefined;
  });
  await push(redis, "a.test", "http://h:1");
  await source.until("what changes something", (word) => routesOf(word).length === 1001);
  assert.equal(source.words.length - before, 1);
});

test("by polling, a save between two changes hides none", options, async () => {
  await using redis = await startRedis();
  const server = await limited(redis, "-client|tracking");
  await push(redis, "a.test", "http://h:1");
  await redis.cli("SAVE");
  await push(redis, "b.test", "http://h:1");
  await using source = followSource(hipacheSettings(server));
  await source.until("both", has("a.test", "b.test"));
  assert.match(JSON.stringify(source.lines), /"by":"polling"/);
  // So long that the next second is another one.
  await pause(1100);
  await redis.cli("SAVE");
  await push(redis, "c.test", "http://h:1");
  await source.until("the third", has("a.test", "b.test", "c.test"));
});

test("of thousands of bad keys so many are named as anybody reads", options, async () => {
  await using redis = await startRedis();
  await populate(redis, 1500, "'SET', key, 'x'");
  await using source = followSource(hipacheSettings(serverAt(redis.port)));
  const word = await source.until("all", (each) => routesOf(each).length === 1500);
  assert.equal(word.findings.length, 1001);
  assert.match(notesOf(word)[0] ?? "", /something to say of 500 more keys/);
});

test("a Redis that hangs in the middle of a greeting is said to hang", options, async () => {
  await using stack = new AsyncDisposableStack();
  const server = createServer((socket) => {
    stack.defer(() => void socket.destroy());
    socket.on("error", () => "it is cut off");
    // HELLO; what comes next is never answered.
    socket.once("data", () => socket.write("%1\r\n+server\r\n+redis\r\n"));
  });
  stack.defer(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  await using source = followSource(hipacheSettings(serverAt(address.port)));
  assert.match(String(await source.ended), /did not answer within 5 s/);
});

function firstUrls({ collection }: Parameters<typeof routesOf>[0]): string {
  const urls = collection.services.map((each) =>
    each.kind === "backends" ? `${each.name}=${each.backends[0]?.url}` : each.name,
  );
  return urls.sort().join(" ").replaceAll("@hipache", "");
}

test("of lists for one host the one written as requests are compared counts", options, async () => {
  await using redis = await startRedis();
  for (const [index, key] of ["b.test.", "B.test", "C.test", "c.Test", "d.test"].entries()) {
    await push(redis, key, `http://h:${index + 1}`, `http://i:${index + 1}`);
  }
  await redis.cli("SADD", "dead:c.test", "0");
  await using source = followSource(hipacheSettings(serverAt(redis.port)));
  const first = await source.until("all", (word) => routesOf(word).length === 3);
  assert.equal(firstUrls(first), "b.test=http://h:1 c.test=http://h:4 d.test=http://h:5");
  assert.deepEqual(notesOf(first), [
    "frontend:B.test: is for the same host as frontend:b.test., which counts",
    "frontend:C.test: is for the same host as frontend:c.Test, which counts",
  ]);
  assert.equal(first.dead[0]?.backend, "http://h:4");
  await push(redis, "b.test", "http://h:9", "http://i:9");
  const then = await source.until("the exact one", (word) =>
    firstUrls(word).startsWith("b.test=http://h:9"),
  );
  assert.equal(routesOf(then).length, 3);
  source.tellDead("b.test@hipache", "http://i:9");
  await source.until("its mark", ({ dead }) =>
    dead.some(({ backend }) => backend === "http://i:9"),
  );
  await redis.cli("DEL", "frontend:b.test", "frontend:b.test.");
  await source.until("the one that is left", (word) =>
    firstUrls(word).startsWith("b.test=http://h:2"),
  );
});

test(
  "keys and elements of any size keep nobody busy, and nothing of them is kept",
  options,
  async () => {
    await using redis = await startRedis();
    const script = [
      "redis.call('SADD', 'dead:' .. string.rep('a.', 500000), '0')",
      "redis.call('RPUSH', 'frontend:' .. string.rep('a.', 500000), 'x', 'http://h:1')",
      "local long = string.rep('y', 1000000)",
      "redis.call('RPUSH', 'frontend:long.test', long, long, 'http://h:1')",
    ];
    await redis.cli("EVAL", script.join("\n"), "0");
    await using source = followSource(hipacheSettings(serverAt(redis.port)));
    const word = await source.until("the list", has("long.test"));
    assert.deepEqual(notesOf(word), ["frontend:long.test: backend 0: is longer than a URL can be"]);
    assert.ok(JSON.stringify(word).length < 10_000);
  },
);

test("slots that move to a master who was not there before are followed", options, async () => {
  const args = ["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"];
  await using one = await startRedis({ args });
  await one.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  const whole = async (redis: Redis) =>
    (await redis.cli("CLUSTER", "INFO")).includes("cluster_state:ok") || undefined;
  await eventually("the cluster", () => whole(one), 15_000);
  const node = { host: "127.0.0.1", port: one.port };
  const server = serverAt(0, { place: { kind: "cluster", nodes: [node] } });
  const every = discovery.relist;
  discovery.relist = 300;
  try {
    await using source = followSource(hipacheSettings(server), true);
    await push(one, "a.test", "http://h:1");
    await source.until("the first", has("a.test"));
    await using two = await startRedis({ args });
    await one.cli("CLUSTER", "MEET", "127.0.0.1", `${two.port}`);
    const id = await two.cli("CLUSTER", "MYID");
    await eventually(
      "they know each other",
      async () => (await one.cli("CLUSTER", "NODES")).includes(id) || undefined,
      15_000,
    );
    const slot = await one.cli("CLUSTER", "KEYSLOT", "frontend:b.test");
    for (const each of [two, one]) await each.cli("CLUSTER", "SETSLOT", slot, "NODE", id);
    // Nothing was there, so that nobody is told.
    await eventually(
      "the new master",
      async () => (await push(two, "b.test", "http://h:1").catch(() => "")) === "2" || undefined,
      15_000,
    );
    await source.until("what the new one holds", has("a.test", "b.test"), 15_000);
  } finally {
    discovery.relist = every;
  }
});
