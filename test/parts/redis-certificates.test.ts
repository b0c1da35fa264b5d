// Certificates in a real Redis, in its own layout and beside Hipache's lists: shown by all workers as soon as they are
// written, and not taken away by rubbish or by a Redis that is gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { certificateStand, pairText, standOf } from "../harness/certificate-stand.ts";
import { found } from "../harness/discovered.ts";
import { issued, issuer } from "../harness/issued.ts";
import { needs } from "../harness/needs.ts";
import { redisNeeds, startRedis } from "../harness/redis.ts";

const options = { skip: needs(...redisNeeds), timeout: 90_000 };

test(
  "each form is shown, a bad one keeps what was there, and so does a Redis that is away",
  options,
  async () => {
    await using redis = await startRedis();
    const hosts = ["a.test", "b.test", "x.c.test"];
    await using stand = await certificateStand(hosts, { redis: { url: redis.url } });
    const { program, shows } = stand;
    await shows("a.test", "");
    const first = issued(["a.test"]);
    await redis.cli("SET", "tidegate:certificates:shop", pairText(first));
    await shows("a.test", "DNS:a.test");
    const b = issued(["b.test"]);
    await redis.cli("SET", "tidegate:tls:b.test", b.key + b.cert + issuer);
    await shows("b.test", "DNS:b.test");
    const c = issued(["*.c.test"]);
    await redis.cli("HSET", "tidegate:tls:*.c.test", "certificate", c.cert + issuer, "key", c.key);
    await shows("x.c.test", "DNS:*.c.test");
    const rows = await stand.rows();
    assert.deepEqual(
      rows.map(({ source, item, state, isNeeded }) => [source, item, state, isNeeded]),
      [
        ["redis: key tidegate:certificates:shop", "shop@redis", "ok", true],
        ["redis: key tidegate:tls:*.c.test", "tls:*.c.test@redis", "ok", true],
        ["redis: key tidegate:tls:b.test", "tls:b.test@redis", "ok", true],
      ],
    );

    const renewed = issued(["a.test", "www.a.test"]);
    await redis.cli("SET", "tidegate:certificates:shop", pairText(renewed));
    await shows("a.test", "DNS:a.test, DNS:www.a.test");
    const key = "tidegate:certificates:shop";
    for (const rubbish of [`{"cert": "x", "key": ${b.key}`, pairText({ ...b, key: c.key })]) {
      await redis.cli("SET", key, rubbish);
      const row = await stand.row(`redis: key ${key}`, ({ state }) => state === "unusable");
      assert.match(row.why, /what was there before is shown on/);
    }
    await redis.cli("DEL", "tidegate:tls:b.test");
    await redis.cli("LPUSH", "tidegate:tls:b.test", "x");
    const listed = await stand.row(
      "redis: key tidegate:tls:b.test",
      ({ state }) => state === "unusable",
    );
    assert.match(listed.why, /neither a text nor a hash/);
    await shows("a.test", "DNS:a.test, DNS:www.a.test");
    await shows("x.c.test", "DNS:*.c.test");
    const finding = await found(program, "shop", ({ state }) => state === "as it was before");
    const secrets = [first, b, c, renewed].flatMap(({ key: text }) => text.split("\n").slice(1, 3));
    const told = JSON.stringify([finding, rows]) + program.stderr();
    assert.deepEqual(
      secrets.filter((line) => told.includes(line.slice(0, 20))),
      [],
    );

    await redis.cli("SET", key, pairText(renewed));
    await stand.row(`redis: key ${key}`, ({ state }) => state === "ok");
    assert.equal((await program.stop()).code, 0);
    await redis.kill();
    await using again = standOf(await program.startAgain());
    await again.shows("a.test", "DNS:a.test, DNS:www.a.test");
    await again.shows("x.c.test", "DNS:*.c.test");
    await redis.start();
    // It is empty now, and that is what it says.
    await again.shows("a.test", "");
  },
);

test("a source that may have some hosts brings certificates for these alone", options, async () => {
  await using redis = await startRedis();
  const providers = { redis: { url: redis.url, hosts: "*.guest.test" } };
  await using stand = await certificateStand(["shop.test", "a.guest.test"], providers);
  const own = issued(["a.guest.test"]);
  await redis.cli("SET", "tidegate:certificates:own", pairText(own));
  await stand.shows("a.guest.test", "DNS:a.guest.test");
  const stolen = issued(["a.guest.test", "shop.test"]);
  await redis.cli("SET", "tidegate:certificates:stolen", pairText(stolen));
  const place = "redis: key tidegate:certificates:stolen";
  const row = await stand.row(place, ({ state }) => state === "unusable");
  assert.match(row.why, /shop\.test is not claimed: providers\.redis\.hosts allows only/);
  await stand.shows("shop.test", "");
});

test(
  "beside Hipache's lists a hash of planb is shown, and keys of others do no harm",
  options,
  async () => {
    await using redis = await startRedis();
    await using stand = await certificateStand(["a.test"], {
      hipache: { redis: redis.url },
    });
    await redis.cli("SET", "tls:session:1", "somebody else's");
    await redis.cli("RPUSH", "frontend:a.test", "a", "http://127.0.0.1:1");
    const a = issued(["a.test"]);
    await redis.cli("HSET", "tls:a.test", "certificate", a.cert + issuer, "key", a.key);
    await stand.shows("a.test", "DNS:a.test");
    const rows = await stand.rows();
    assert.deepEqual(
      rows.map(({ source, state, isNeeded }) => [source, state, isNeeded]),
      [
        ["hipache: key tls:a.test", "ok", true],
        ["hipache: key tls:session:1", "unusable", false],
      ],
    );
  },
);
