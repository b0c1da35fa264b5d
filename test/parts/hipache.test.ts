// Hipache's users on the real program: what they type into redis-cli, and what their clients are answered, with
// two workers.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { hipacheStand } from "../harness/hipache.ts";
import { freePort } from "../harness/free-port.ts";
import { needs } from "../harness/needs.ts";
import { type Redis, redisNeeds } from "../harness/redis.ts";

/** What redis-cli prints that listens to a channel. */
function subscribe(redis: Redis, channel: string) {
  const child = spawn("redis-cli", ["-s", redis.socket, "--raw", "SUBSCRIBE", channel]);
  let text = "";
  child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
  return {
    said: (pattern: RegExp) =>
      eventually(`${String(pattern)} on the channel`, () => pattern.test(text) || undefined),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

const options = { skip: needs(...redisNeeds), timeout: 90_000 };

/** Nobody serves this host. */
const unknown = 404;

test("the session of its README works as printed", options, async () => {
  await using stand = await hipacheStand();
  const { redis, origin, answers, status } = stand;
  const [first, second] = [await origin(201), await origin(202)];
  assert.equal(await status("www.dotcloud.com"), unknown);
  assert.equal(await redis.cli("rpush", "frontend:www.dotcloud.com", "mywebsite"), "1");
  assert.equal(await redis.cli("rpush", "frontend:www.dotcloud.com", first.url), "2");
  assert.equal(await redis.cli("rpush", "frontend:www.dotcloud.com", second.url), "3");
  await answers("www.dotcloud.com", 201);
  await answers("www.dotcloud.com", 202);
  assert.equal(
    await redis.cli("lrange", "frontend:www.dotcloud.com", "0", "-1"),
    ["mywebsite", first.url, second.url].join("\n"),
  );
  // Off again.
  await redis.cli("lrem", "frontend:www.dotcloud.com", "0", first.url);
  await eventually("the second one alone", async () => {
    for (let round = 0; round < 20; round += 1) {
      if ((await status("www.dotcloud.com")) !== 202) return undefined;
    }
    return true;
  });
  await redis.cli("lset", "frontend:www.dotcloud.com", "1", first.url);
  await answers("www.dotcloud.com", 201);
  await redis.cli("del", "frontend:www.dotcloud.com");
  await answers("www.dotcloud.com", unknown);
});

interface Block {
  readonly what: string;
  /** Backends by host, each by the status that it answers with. */
  readonly lists: Readonly<Record<string, readonly number[]>>;
  /** Statuses by requested host; 404 = nobody serves it. */
  readonly asked: Readonly<Record<string, readonly number[]>>;
}

const blocks: readonly Block[] = [
  {
    what: "simple domains",
    lists: { simple: [201], "foo.bar": [202], "a.b.c.d.e.f.g.h.i.j.k.l.m": [203] },
    asked: {
      simple: [201],
      "foo.bar": [202],
      "a.b.c.d.e.f.g.h.i.j.k.l.m": [203],
      other: [unknown],
    },
  },
  {
    what: "a wildcard",
    lists: { "*.foo.bar": [201] },
    asked: { "test.foo.bar": [201], "pipo.foo.bar": [201], "foo.bar": [unknown] },
  },
  {
    what: "a short wildcard",
    lists: { "*.foo": [201] },
    asked: { "bar.foo": [201], "foo.bar": [unknown], foo: [unknown] },
  },
  {
    what: "which wildcard goes first",
    lists: { "*.foo.bar": [201], "foo.bar": [202], "pipo.foo.bar": [203], "*.baz.foo.bar": [204] },
    asked: {
      "test.foo.bar": [201],
      "foo.bar": [202],
      "pipo.foo.bar": [203],
      "qux.baz.foo.bar": [204],
      "qux.bix.foo.bar": [201],
      "qux.bix.bar.foo": [unknown],
    },
  },
  {
    what: "how deep a wildcard may be",
    lists: {
      "*.quux": [201],
      "*.qux.quux": [202],
      "*.baz.qux.quux": [203],
      "*.bar.baz.qux.quux": [204],
      "foo.bar.baz.qux.quux": [205],
      "*.foo.bar.baz.qux.quux": [206],
      "*.quuux.foo.bar.baz.qux.quux": [207],
    },
    asked: {
      "too.deep.quuux.foo.bar.baz.qux.quux": [206],
      "too.deep.foo.bar.baz.qux.quux": [206],
      "foo.bar.baz.qux.quux": [205],
      "bar.bar.baz.qux.quux": [204],
      "foo.baz.qux.quux": [203],
      "foo.qux.quux": [202],
      "foo.quux": [201],
    },
  },
  {
    what: "several backends",
    lists: { foobar: [201, 202, 203] },
    asked: { foobar: [201, 202, 203] },
  },
  {
    what: "everybody else",
    lists: { "*": [201], "*.foo.bar": [202], empty: [] },
    // One that has an identifier alone answers for itself, and does not fall through.
    asked: { "some.where": [201], "test.foo.bar": [202], empty: [502, 503] },
  },
];

test("hosts are found as Hipache finds them", options, async (t) => {
  await using stand = await hipacheStand();
  assert.equal(blocks.length, 7);
  for (const { what, lists, asked } of blocks) {
    await t.test(what, async () => {
      for (const [host, statuses] of Object.entries(lists)) {
        const origins = await Promise.all(statuses.map((each) => stand.origin(each)));
        await stand.connects(host, ...origins.map(({ url }) => url));
      }
      // When the one that was written last is served, all are.
      await stand.connects("last.test", (await stand.origin(299)).url);
      await stand.answers("last.test", 299);
      for (const [host, statuses] of Object.entries(asked)) {
        for (let round = 0; round < 20; round += 1) {
          const status = await stand.status(host);
          assert.ok(statuses.includes(status), `${host}: ${status}`);
        }
      }
      await stand.redis.cli("FLUSHDB");
      await stand.answers("last.test", unknown);
    });
  }
});

test("every method comes through, also with a body", options, async () => {
  await using stand = await hipacheStand();
  await stand.connects("simple", (await stand.origin(201)).url);
  await stand.answers("simple", 201);
  for (const method of ["GET", "HEAD", "OPTIONS", "TRACE", "DELETE"]) {
    assert.equal(await stand.status("simple", { name: "simple", method }), 201, method);
  }
  for (const method of ["POST", "PUT"]) {
    assert.equal(await stand.status("simple", { name: "simple", method, body: "{}" }), 201, method);
  }
});

test("a backend that is down, or fails, is picked once and never again", options, async () => {
  await using stand = await hipacheStand({ hipache: { retryOnError: 0 } });
  const good = await stand.origin(201);
  const failing = await stand.origin(501);
  const down = `http://127.0.0.1:${await freePort()}`;
  const cases = [
    { host: "down.test", other: down, statuses: [502, 503] },
    { host: "failing.test", other: failing.url, statuses: [501] },
  ];
  for (const { host, other, statuses } of cases) {
    await stand.connects(host, good.url, other);
    const bad: number[] = [];
    for (let round = 0; round < 60 && bad.length === 0; round += 1) {
      const status = await eventually("the host to be served", async () =>
        [await stand.status(host)].find((each) => each !== unknown),
      );
      if (status !== 201) bad.push(status);
    }
    assert.ok(
      bad.length === 1 && statuses.includes(bad[0] ?? 0),
      `it was never picked: ${bad.join()}`,
    );
    // All workers are told along with Redis; until then another one may pick it as well.
    await eventually(
      "the mark",
      async () => (await stand.redis.cli("SMEMBERS", `dead:${host}`)) === "1" || undefined,
    );
    for (let round = 0; round < 30; round += 1) assert.equal(await stand.status(host), 201);
  }
});

test(
  "dead backends are told to whoever else reads there, and theirs are heard of",
  options,
  async () => {
    await using stand = await hipacheStand();
    const { redis } = stand;
    const [one, two] = [await stand.origin(201), await stand.origin(202)];
    await stand.connects("shop.test", one.url, two.url);
    await stand.answers("shop.test", 202);
    await using listener = subscribe(redis, "dead");
    await listener.said(/subscribe/);

    await two.kill();
    // Nobody notices: another backend is asked.
    for (let round = 0; round < 20; round += 1) assert.equal(await stand.status("shop.test"), 201);
    await listener.said(new RegExp(`^shop\\.test;${two.url}/;1;2$`, "m"));
    assert.equal(await redis.cli("SMEMBERS", "dead:shop.test"), "1");
    const ttl = Number(await redis.cli("PTTL", "dead:shop.test"));
    assert.ok(ttl > 20_000 && ttl <= 30_000, `${ttl}`);

    // Taken back by hand.
    await two.revive();
    await redis.cli("SREM", "dead:shop.test", "1");
    await stand.answers("shop.test", 202);

    // And the other way round: marked by somebody else.
    await redis.cli("SADD", "dead:shop.test", "0");
    await redis.cli("EXPIRE", "dead:shop.test", "60");
    await eventually("the first one to be left alone", async () => {
      one.requests.length = 0;
      for (let round = 0; round < 10; round += 1) await stand.status("shop.test");
      return one.requests.length === 0 || undefined;
    });
    for (let round = 0; round < 20; round += 1) assert.equal(await stand.status("shop.test"), 202);
    await redis.cli("SREM", "dead:shop.test", "0");
    await stand.answers("shop.test", 201);
    // A mark that is over by itself.
    await redis.cli("SADD", "dead:shop.test", "0");
    await redis.cli("PEXPIRE", "dead:shop.test", "1200");
    await stand.answers("shop.test", 201);

    // All of them: nobody else is asked, and nothing falls through.
    await stand.connects("*", (await stand.origin(299)).url);
    await stand.answers("other.test", 299);
    await redis.cli("SADD", "dead:shop.test", "0", "1");
    await eventually("an answer of ours", async () =>
      (await stand.status("shop.test")) > 499 ? true : undefined,
    );
    assert.equal(await stand.status("other.test"), 299);
  },
);

test(
  "while a checker is there, it alone marks; the channel is told all the same",
  options,
  async () => {
    await using stand = await hipacheStand({ hipache: { prefix: "p:" } });
    const { redis } = stand;
    const [one, two] = [await stand.origin(201), await stand.origin(202)];
    await redis.cli("SET", "hchecker_ping", String(Math.floor(Date.now() / 1000)));
    await redis.cli("RPUSH", "p:frontend:shop.test", "shop", one.url, two.url);
    await stand.answers("shop.test", 202);
    await using listener = subscribe(redis, "dead");
    await listener.said(/subscribe/);
    await two.kill();
    for (let round = 0; round < 20; round += 1) assert.equal(await stand.status("shop.test"), 201);
    await listener.said(/^shop\.test;/m);
    assert.equal(await redis.cli("EXISTS", "p:dead:shop.test"), "0");
  },
);
