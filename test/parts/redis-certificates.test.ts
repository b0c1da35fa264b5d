// Certificates in a real Redis, in its own layout and beside Hipache's lists: shown by all workers as soon as they are
// written, and not taken away by rubbish or by a Redis that is gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Gathered } from "../../src/providers/provider.ts";
import { certificateStand, pairText, standOf } from "../harness/certificate-stand.ts";
import { found } from "../harness/discovered.ts";
import { issued, issuer } from "../harness/issued.ts";
import { needs } from "../harness/needs.ts";
import { redisNeeds, startRedis } from "../harness/redis.ts";
import { followSource, hipacheSettings, redisSettings, serverAt } from "../harness/redis-source.ts";

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

test(
  "a certificate that is bad when the program starts is shown as it was before",
  options,
  async () => {
    await using redis = await startRedis();
    await using stand = await certificateStand(["a.test"], { redis: { url: redis.url } });
    const key = "tidegate:certificates:shop";
    await redis.cli("SET", key, pairText(issued(["a.test"])));
    await stand.shows("a.test", "DNS:a.test");
    await redis.cli("SET", key, "rubbish");
    await stand.row(`redis: key ${key}`, ({ state }) => state === "unusable");
    assert.equal((await stand.program.stop()).code, 0);
    await using again = standOf(await stand.program.startAgain());
    const row = await again.row(`redis: key ${key}`, ({ state }) => state === "unusable");
    assert.match(row.why, /what was there before is shown on/);
    await again.shows("a.test", "DNS:a.test");
    await redis.cli("DEL", key);
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

/** Of the first certificate: whose it is, and what is wrong with what stands there now. */
function firstOf({ collection: { certificates } }: Gathered): string {
  const [first] = certificates;
  const names = (first?.held ?? []).flatMap(({ certificate }) => certificate.names);
  return `${names.join()}: ${first?.trouble === "" ? "well" : first?.trouble}`;
}

test("an empty text is a bad one, and a lost connection forgets nothing", options, async () => {
  await using redis = await startRedis();
  const key = "tidegate:tls:a.test";
  const pair = pairText(issued(["a.test"]));
  await redis.cli("SET", key, pair);
  await redis.cli("SET", "tidegate:routes:a", '{"host": "a.test", "whoami": true}');
  await using source = followSource(redisSettings(serverAt(redis.port)), true);
  await source.until("the certificate", (word) => firstOf(word) === "a.test: well");
  // As `cat MISSING | redis-cli -x SET` writes it.
  await redis.cli("SET", key, "");
  await source.until("what was there before", (word) =>
    firstOf(word).startsWith("a.test: is empty"),
  );
  await redis.cli("SET", "tidegate:routes:a", "rubbish");
  await redis.cli("CLIENT", "KILL", "TYPE", "normal").catch(() => "its own, too");
  const before = source.words.length;
  await redis.cli("SET", "tidegate:routes:b", '{"host": "b.test", "whoami": true}');
  const isNext = ({ collection }: Gathered) =>
    collection.routes.some(({ name }) => name === "b@redis");
  await source.until("what came afterwards", isNext);
  assert.ok(source.troubles.length > 0, "the connection was lost");
  for (const word of source.words.slice(before)) {
    assert.match(firstOf(word), /^a\.test: is empty/);
    assert.ok(word.collection.routes.some(({ name }) => name === "a@redis"));
  }
  await redis.cli("DEL", key);
  await source.until("none", ({ collection }) => collection.certificates.length === 0);
});

test("keys of others that may not be read take no route away", options, async () => {
  await using redis = await startRedis();
  await redis.cli("SET", "tls:session:1", "somebody else's");
  await redis.cli("SET", "routes:a", '{"host": "a.test", "whoami": true}');
  const rights = ["on", ">secret", "~routes:*", "&*", "+@all"];
  await redis.cli("ACL", "SETUSER", "someone", ...rights);
  const server = serverAt(redis.port, { username: "someone", password: "secret" });
  await using source = followSource(redisSettings(server, { prefix: "" }), true);
  await source.until("the route", ({ collection: { routes } }) => routes.length === 1);
  assert.deepEqual(source.troubles, []);
});

test(
  "a Redis that is too old to say how long a field is costs its hashes alone",
  options,
  async () => {
    await using redis = await startRedis({ args: ["--rename-command", "HSTRLEN", ""] });
    await redis.cli("RPUSH", "frontend:a.test", "a", "http://127.0.0.1:1");
    const a = issued(["a.test"]);
    await redis.cli("HSET", "tls:a.test", "certificate", a.cert + issuer, "key", a.key);
    await redis.cli("SET", "tls:b.test", pairText(issued(["b.test"])));
    await using source = followSource(hipacheSettings(serverAt(redis.port)), true);
    const word = await source.until("the list", ({ collection }) => collection.routes.length === 1);
    assert.match(firstOf(word), /^: is a hash, .* Redis 3\.2/);
    await redis.cli("DEL", "tls:b.test");
    await source.until("the hash alone", ({ collection }) => collection.certificates.length === 1);
    assert.deepEqual(source.troubles, []);
  },
);
