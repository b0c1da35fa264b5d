// Routes in a real Redis, followed by the source alone: how changes are heard of, however the server is reached,
// and what becomes of it when the server is away, hangs, or holds rubbish.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { needs } from "../harness/needs.ts";
import { type Redis, type RedisOptions, redisNeeds, startRedis } from "../harness/redis.ts";
import { followSource, notesOf, redisSettings, routesOf } from "../harness/redis-source.ts";
import { serverAt } from "../harness/redis-source.ts";

const guide = new URL("../../docs/guide/redis.md", import.meta.url);
const options = { skip: needs(...redisNeeds), timeout: 60_000 };

const route = (host: string, port = 8001) =>
  JSON.stringify({ host, service: { backends: [`http://127.0.0.1:${port}`] } });

function put({ cli }: Redis, name: string, text = route(`${name}.test`)): Promise<string> {
  return cli("SET", `tidegate:routes:${name}`, text);
}

const has =
  (...names: readonly string[]) =>
  (word: Parameters<typeof routesOf>[0]) =>
    routesOf(word).join() === names.join();

test(
  "a key that is set, replaced, renamed or deleted is a route the next moment",
  options,
  async () => {
    await using redis = await startRedis();
    await put(redis, "one");
    await using source = followSource(redisSettings(serverAt(redis.port)));
    const first = await source.until("the first route", has("one"));
    await put(redis, "two");
    const second = await source.until("the second one", has("one", "two"));
    assert.equal(second.collection.routes[0], first.collection.routes[0], "what stays is the same");
    await put(redis, "one", route("other.test"));
    const third = await source.until("another host", ({ collection }) =>
      collection.routes.some(({ rule }) => rule.kind === "host" && rule.host === "other.test"),
    );
    assert.equal(third.collection.routes[1], second.collection.routes[1]);
    await redis.cli("RENAME", "tidegate:routes:one", "tidegate:routes:zero");
    await source.until("the new name", has("two", "zero"));
    await redis.cli("DEL", "tidegate:routes:two");
    await source.until("one less", has("zero"));
    await redis.cli("FLUSHALL");
    await source.until("nothing", has());
    assert.match(JSON.stringify(source.lines), /"by":"tracking"/);
  },
);

const ways: readonly (RedisOptions & { readonly way: string; readonly user?: string })[] = [
  // This user may do anything but be told.
  { way: "polling", user: "someone" },
  { way: "notifications", user: "someone", args: ["--notify-keyspace-events", "KA"] },
];

for (const { way, user, args = [] } of ways) {
  test(`without tracking, changes are heard of by ${way}`, options, async () => {
    await using redis = await startRedis({ args });
    const rights = ["on", ">secret", "~*", "&*", "+@all", "-client|tracking"];
    await redis.cli("ACL", "SETUSER", user ?? "", ...rights);
    await put(redis, "one");
    const server = serverAt(redis.port, { username: user, password: "secret" });
    await using source = followSource(redisSettings(server));
    await source.until("the first route", has("one"));
    assert.match(JSON.stringify(source.lines), new RegExp(`"by":"${way}"`));
    await put(redis, "two");
    await source.until("the second one", has("one", "two"));
    await redis.cli("DEL", "tidegate:routes:one");
    await source.until("one less", has("two"));
    await redis.cli("FLUSHALL");
    await source.until("nothing", has());
  });
}

test("the rights that the guide gives a user are enough", options, async () => {
  const line = /^redis-cli ACL SETUSER (\S+) on '>PASSWORD' '(\S+)' -@all (.*)$/m;
  const [, name = "", keys = "", rights = ""] = line.exec(await readFile(guide, "utf8")) ?? [];
  assert.equal(name, "tidegate");
  await using redis = await startRedis();
  const words = rights.split(" ").map((each) => each.replaceAll("'", ""));
  await redis.cli("ACL", "SETUSER", name, "on", ">PASSWORD", keys, "-@all", ...words);
  await put(redis, "one");
  const server = serverAt(redis.port, { username: name, password: "PASSWORD", database: 0 });
  await using source = followSource(redisSettings(server));
  await source.until("the route", has("one"));
  assert.match(JSON.stringify(source.lines), /"by":"tracking"/);
  await put(redis, "two");
  await source.until("a change", has("one", "two"));
});

test(
  "keys of the wrong type and rubbish are findings, and keep nothing else away",
  options,
  async () => {
    await using redis = await startRedis();
    await redis.cli("RPUSH", "tidegate:routes:list", "x");
    await put(redis, "broken", '{"host":');
    const long = "redis.call('SET', KEYS[1], '\"' .. string.rep('x', 307200) .. '\"')";
    await redis.cli("EVAL", long, "1", "tidegate:routes:long");
    await put(redis, "typo", '{"hots":"a.test"}');
    await redis.cli("SET", "tidegate:route:web", "{}");
    await redis.cli("SET", "tidegate:routes:__proto__", route("a.test"));
    await redis.cli("SET", "tidegate:something", "else");
    await put(redis, "good");
    await using source = followSource(redisSettings(serverAt(redis.port)));
    const word = await source.until("the good one", has("good"));
    const notes = notesOf(word).join("\n");
    assert.match(notes, /key tidegate:routes:list: holds no text/);
    assert.match(notes, /broken: .*is not JSON/);
    assert.match(notes, /long: .*is longer than 256 KiB/);
    assert.match(notes, /typo: .*unknown key "hots"/);
    assert.match(notes, /key tidegate:route:web: is none of ours/);
    assert.match(notes, /__proto__/);
    assert.doesNotMatch(notes, /something/);
    // What it said before it went bad stays.
    await put(redis, "good", "{");
    const later = await source.until("the complaint", (each) =>
      /good: /.test(notesOf(each).join("\n")),
    );
    assert.deepEqual(routesOf(later), ["good"]);
  },
);

test("a password that is wrong or missing is told of, and never repeated", options, async () => {
  await using redis = await startRedis({
    args: ["--requirepass", "s3cret"],
    cliArgs: ["-a", "s3cret", "--no-auth-warning"],
  });
  await put(redis, "one");
  await using good = followSource(redisSettings(serverAt(redis.port, { password: "s3cret" })));
  await good.until("the route", has("one"));
  const cases = { "wr0ng-one": /refuses the user or the password/, none: /wants a password/ };
  for (const [password, expected] of Object.entries(cases)) {
    const login = password === "none" ? {} : { password };
    await using bad = followSource(redisSettings(serverAt(redis.port, login)));
    const error = String(await bad.ended);
    assert.match(error, expected);
    assert.doesNotMatch(`${error}${JSON.stringify(bad.lines)}`, /wr0ng|s3cret/);
  }
});

test(
  "it is reached over TLS with a certificate of our own, and over a unix socket",
  options,
  async () => {
    const { ca, cert, key } = await certificates();
    await using secure = await startRedis({ tls: { ca, cert, key } });
    await put(secure, "safe");
    const tls = { ca, certificate: cert, key };
    await using over = followSource(redisSettings(serverAt(secure.port, { tls })));
    await over.until("the route over TLS", has("safe"));
    await put(secure, "two");
    await over.until("a change over TLS", has("safe", "two"));
    const stranger = { ...tls, ca: undefined };
    await using distrustful = followSource(redisSettings(serverAt(secure.port, { tls: stranger })));
    assert.match(String(await distrustful.ended), /certificate that is not trusted.*tls\.ca/);
    await using plain = followSource(redisSettings(serverAt(secure.port)));
    assert.match(String(await plain.ended), /Redis at .* (closed the connection|did not answer)/);

    const place = { kind: "unix", path: secure.socket } as const;
    await using local = followSource(redisSettings(serverAt(0, { place })));
    await local.until("the routes over the socket", has("safe", "two"));
  },
);

test("databases and prefixes are told apart", { ...options, timeout: 120_000 }, async () => {
  await using redis = await startRedis();
  await put(redis, "zero");
  await redis.cli("-n", "3", "SET", "my*app:routes:three", route("three.test"));
  await redis.cli("-n", "3", "SET", "myxapp:routes:other", route("other.test"));
  const settings = redisSettings(serverAt(redis.port, { database: 3 }), { prefix: "my*app:" });
  await using source = followSource(settings);
  await source.until("its own route", has("three"));
  await redis.cli("-n", "3", "SET", "my*app:routes:four", route("four.test"));
  await source.until("a change of it", has("four", "three"));
  await using bare = followSource(redisSettings(serverAt(redis.port), { prefix: "" }));
  await redis.cli("SET", "routes:bare", route("bare.test"));
  await bare.until("keys without a prefix", has("bare"));
});

test(
  "a Redis that is killed or hangs is said so; what it holds is caught up with",
  options,
  async () => {
    await using redis = await startRedis();
    await put(redis, "one");
    await using source = followSource(redisSettings(serverAt(redis.port)), true);
    await source.until("the first route", has("one"));
    await redis.kill();
    await redis.start();
    await put(redis, "two");
    const words = source.words.length;
    await source.until("what it holds now", has("two"));
    assert.deepEqual(
      source.words.slice(words).map((word) => routesOf(word)),
      [["two"]],
      "in between it says nothing",
    );
    assert.match(source.troubles.join(), /(closed the connection|does not accept connections)/);
    redis.freeze();
    await eventually(
      "the hang to be told of",
      () => source.troubles.find((each) => /did not answer within 5 s/.test(each)),
      20_000,
    );
    redis.thaw();
    await put(redis, "three");
    await source.until("what came meanwhile", has("three", "two"), 10_000);
  },
);

test(
  "the master that sentinels name is followed, also when it is another one",
  options,
  async () => {
    await using first = await startRedis();
    await using second = await startRedis({ args: ["--replicaof", "127.0.0.1", `${first.port}`] });
    await eventually(
      "the replica to be in step",
      async () =>
        (await second.cli("INFO", "replication")).includes("master_link_status:up") || undefined,
      15_000,
    );
    const sentinel = [
      `sentinel monitor main 127.0.0.1 ${first.port} 1`,
      "sentinel down-after-milliseconds main 500",
      "sentinel failover-timeout main 3000",
    ].join("\n");
    await using watcher = await startRedis({ sentinel });
    await put(first, "one");
    const node = { host: "127.0.0.1", port: watcher.port };
    const place = { kind: "sentinel", master: "main", nodes: [node] } as const;
    await using source = followSource(redisSettings(serverAt(0, { place })), true);
    await source.until("the first route", has("one"));
    // A sentinel has to know of the replica before it can choose it.
    await eventually(
      "the sentinel to know the replica",
      async () =>
        (await watcher.cli("SENTINEL", "REPLICAS", "main")).includes(`${second.port}`) || undefined,
      15_000,
    );
    await first.kill();
    await eventually(
      "the replica to be the master",
      async () => (await second.cli("ROLE").catch(() => "")).startsWith("master") || undefined,
      45_000,
    );
    await put(second, "two");
    await source.until("what the new master holds", has("one", "two"), 15_000);
    const unknown = { ...place, master: "other" } as const;
    await using lost = followSource(redisSettings(serverAt(0, { place: unknown })));
    assert.match(String(await lost.ended), /knows no master called other/);
  },
);

test("keys of a cluster are followed", options, async () => {
  await using redis = await startRedis({
    args: ["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"],
  });
  await redis.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await eventually(
    "the cluster to be whole",
    async () => (await redis.cli("CLUSTER", "INFO")).includes("cluster_state:ok") || undefined,
    15_000,
  );
  const nodes = [
    { host: "127.0.0.1", port: 1 },
    { host: "127.0.0.1", port: redis.port },
  ];
  const server = serverAt(0, { place: { kind: "cluster", nodes } });
  await put(redis, "one");
  await using source = followSource(redisSettings(server));
  await source.until("the first route", has("one"));
  await put(redis, "two");
  await source.until("the second one", has("one", "two"));
});

test("a million keys of somebody else do not hurt", { ...options, timeout: 120_000 }, async (t) => {
  await using redis = await startRedis({ args: ["--enable-debug-command", "yes"] });
  await redis.cli("DEBUG", "POPULATE", "1000000", "foreign");
  await put(redis, "one");
  const begun = performance.now();
  await using source = followSource(redisSettings(serverAt(redis.port)));
  await source.until("the route among them", has("one"), 30_000);
  t.diagnostic(`listed in ${Math.round(performance.now() - begun)} ms`);
  const changed = performance.now();
  await put(redis, "two");
  await source.until("a change among them", has("one", "two"));
  t.diagnostic(`a change was heard of within ${Math.round(performance.now() - changed)} ms`);
});
