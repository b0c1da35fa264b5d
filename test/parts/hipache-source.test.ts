// Hipache's layout in a real Redis, followed by the source alone: what is read of it and how often, what rubbish
// becomes, and where marks of dead backends go.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { needs } from "../harness/needs.ts";
import { type Redis, redisNeeds, startRedis } from "../harness/redis.ts";
import { followSource, hipacheSettings, notesOf, routesOf } from "../harness/redis-source.ts";
import { serverAt } from "../harness/redis-source.ts";

const options = { skip: needs(...redisNeeds), timeout: 60_000 };

async function callsOf({ cli }: Redis, command: string): Promise<number> {
  const stats = await cli("INFO", "commandstats");
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

test("of ten thousand lists only the one that changed is read again", options, async () => {
  await using redis = await startRedis();
  const script =
    "for i = 1, 10000 do redis.call('RPUSH', 'frontend:h' .. i, 'x', 'http://h:' .. i) end";
  await redis.cli("EVAL", script, "0");
  await using source = followSource(hipacheSettings(serverAt(redis.port)));
  const before = await source.until("all of them", (word) => routesOf(word).length === 10_000);
  const calls = await callsOf(redis, "lrange");
  await redis.cli("RPUSH", "frontend:h5000", "http://other:1");
  const after = await source.until("the change", ({ collection }) =>
    collection.services.some((each) => each.kind === "backends" && each.backends.length === 2),
  );
  assert.equal((await callsOf(redis, "lrange")) - calls, 1);
  const old = new Set<unknown>(before.collection.services);
  assert.equal(after.collection.services.filter((each) => !old.has(each)).length, 1);
});

test(
  "keys that are no lists, and hosts that nobody can ask for, are findings",
  options,
  async () => {
    await using redis = await startRedis();
    await redis.cli("SET", "frontend:text.test", "x");
    await redis.cli("SADD", "frontend:set.test", "x");
    await redis.cli("RPUSH", "frontend:foo.*", "x", "http://h:1");
    await redis.cli("RPUSH", "frontend:*.a.b.c.d.e.f", "x", "http://h:1");
    await redis.cli("RPUSH", "frontend:CASE.test", "x", "http://upper:1");
    await redis.cli("RPUSH", "frontend:case.test", "x", "http://lower:1");
    await redis.cli("RPUSH", "frontend:good.test", "x", "http://h:1", "mywebsite");
    await redis.cli("SET", "dead:good.test", "1");
    await redis.cli("HSET", "tls:good.test", "certificate", "x");
    await using source = followSource(hipacheSettings(serverAt(redis.port)));
    const word = await source.until("the hosts", (each) => routesOf(each).includes("good.test"));
    // One that cannot be read answers for itself, as one without backends does.
    assert.deepEqual(routesOf(word).sort(), ["case.test", "good.test", "set.test", "text.test"]);
    const notes = notesOf(word).join("\n");
    assert.match(notes, /frontend:text\.test: is not a list/);
    assert.match(notes, /frontend:set\.test: is not a list/);
    assert.match(notes, /frontend:foo\.\*: is for no host/);
    assert.match(notes, /frontend:\*\.a\.b\.c\.d\.e\.f: .*more than 5 labels/);
    assert.match(
      notes,
      /frontend:CASE\.test: is for the same host as frontend:case\.test, which counts/,
    );
    assert.match(notes, /frontend:good\.test: backend 1: has no http/);
    const lower = word.collection.services.find(({ name }) => name === "case.test@hipache");
    assert.ok(lower?.kind === "backends" && lower.backends[0]?.url === "http://lower:1");
    await redis.cli("DEL", "frontend:text.test");
    await redis.cli("RPUSH", "frontend:text.test", "x", "http://h:1");
    await source.until("a list instead", (each) => !/text\.test/.test(notesOf(each).join("\n")));
  },
);

test("one Redis is read and another written, as Hipache had it", options, async () => {
  await using master = await startRedis();
  await using replica = await startRedis({
    args: ["--replicaof", "127.0.0.1", `${master.port}`],
  });
  await eventually(
    "the replica to be in step",
    async () =>
      (await replica.cli("INFO", "replication")).includes("master_link_status:up") || undefined,
    15_000,
  );
  const write = serverAt(master.port);
  await using source = followSource(hipacheSettings(serverAt(replica.port), { write }));
  await master.cli("RPUSH", "frontend:a.test", "x", "http://one:1", "http://two:1");
  await source.until("the route", (word) => routesOf(word).join() === "a.test");
  source.tellDead("a.test@hipache", "http://two:1");
  const word = await source.until("the mark, by way of the replica", ({ dead }) => dead.length > 0);
  assert.equal(word.dead[0]?.backend, "http://two:1");
  assert.equal(await master.cli("SMEMBERS", "dead:a.test"), "1");
  await master.cli("SADD", "dead:a.test", "0");
  await source.until("both", ({ dead }) => dead.length === 2);
  await master.cli("DEL", "dead:a.test");
  await source.until("none", ({ dead }) => dead.length === 0);
});

test(
  "a mark below a wildcard counts for it, and of our own none is written there",
  options,
  async () => {
    await using redis = await startRedis();
    await redis.cli("RPUSH", "frontend:*.a.test", "x", "http://one:1", "http://two:1");
    await redis.cli("RPUSH", "frontend:own.a.test", "x", "http://one:1", "http://two:1");
    await using source = followSource(hipacheSettings(serverAt(redis.port)));
    await source.until("both", (word) => routesOf(word).length === 2);
    source.tellDead("*.a.test@hipache", "http://two:1");
    source.tellDead("nobody@hipache", "http://two:1");
    source.tellDead("own.a.test@hipache", "http://nobody:1");
    source.tellDead("own.a.test@hipache", "http://one:1");
    const own = await source.until("the one that is told", ({ dead }) => dead.length > 0);
    assert.deepEqual(
      own.dead.map(({ service }) => service),
      ["own.a.test@hipache"],
    );
    assert.equal(await redis.cli("KEYS", "dead:*"), "dead:own.a.test");
    await redis.cli("SADD", "dead:x.y.a.test", "0");
    const word = await source.until("the one below", ({ dead }) => dead.length === 2);
    const below = word.dead.find(({ service }) => service === "*.a.test@hipache");
    assert.equal(below?.backend, "http://one:1");
  },
);

test("a Redis that cannot be written to is told of, and harms nothing", options, async () => {
  await using redis = await startRedis();
  await using away = await startRedis();
  const write = serverAt(away.port);
  await using source = followSource(hipacheSettings(serverAt(redis.port), { write }));
  await redis.cli("RPUSH", "frontend:a.test", "x", "http://one:1", "http://two:1");
  await source.until("the route", (word) => routesOf(word).join() === "a.test");
  await away.kill();
  source.tellDead("a.test@hipache", "http://two:1");
  await eventually("a warning", () =>
    source.lines.find(({ level, text }) => level === "warn" && /could not be told/.test(text)),
  );
  await away.start();
  source.tellDead("a.test@hipache", "http://two:1");
  await eventually(
    "the mark",
    async () => (await away.cli("SMEMBERS", "dead:a.test")) === "1" || undefined,
  );
  await redis.cli("RPUSH", "frontend:b.test", "x", "http://one:1");
  await source.until("the other route", (word) => routesOf(word).join() === "a.test,b.test");
});

test("the rights that the guide gives a user are enough", options, async () => {
  const guide = new URL("../../docs/guide/from-hipache.md", import.meta.url);
  const line = /^redis-cli ACL SETUSER tidegate on '>PASSWORD' (.*)$/m.exec(
    await readFile(guide, "utf8"),
  );
  assert.ok(line);
  await using redis = await startRedis();
  const rights = (line[1] ?? "").split(" ").map((each) => each.replaceAll("'", ""));
  await redis.cli("ACL", "SETUSER", "tidegate", "on", ">PASSWORD", "resetchannels", ...rights);
  await redis.cli("RPUSH", "frontend:a.test", "x", "http://one:1", "http://two:1");
  const server = serverAt(redis.port, { username: "tidegate", password: "PASSWORD" });
  await using source = followSource(hipacheSettings(server));
  await source.until("the route", (word) => routesOf(word).join() === "a.test");
  assert.match(JSON.stringify(source.lines), /"by":"tracking"/);
  source.tellDead("a.test@hipache", "http://two:1");
  await source.until("the mark", ({ dead }) => dead.length === 1);
  assert.deepEqual(
    source.lines.filter(({ level }) => level === "warn"),
    [],
  );
});
