// What Hipache's own functional tests ask of it, asked of `tidegate hipache` with two workers, on a real Redis; and what its
// older tests in Python ask, of a program that is as lenient.

import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { checkBody, sendBody } from "../harness/big-body.ts";
import { connect } from "../harness/client.ts";
import { freePort } from "../harness/free-port.ts";
import { type HipacheStand, hipacheStand } from "../harness/hipache.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin, origin } from "../harness/origin.ts";
import { redisNeeds } from "../harness/redis.ts";

const options = { skip: needs(...redisNeeds), timeout: 90_000 };

/** As in Hipache's tests, but for ports. */
const server = {
  retryOnError: 0,
  deadBackendTTL: 30,
  deadBackendOn500: true,
  lruCache: { size: 9 },
};

interface Block {
  readonly what: string;
  /** Backends by host, each by the status that it answers with. */
  readonly lists: Readonly<Record<string, readonly number[]>>;
  /** Status by requested host. */
  readonly asked: Readonly<Record<string, number>>;
}

const blocks: readonly Block[] = [
  {
    what: "multiple simple domains",
    lists: { simple: [201], "foo.bar": [202], "a.b.c.d.e.f.g.h.i.j.k.l.m": [203] },
    asked: { simple: 201, "foo.bar": 202, "a.b.c.d.e.f.g.h.i.j.k.l.m": 203 },
  },
  {
    what: "a single wildcard",
    lists: { "*.foo.bar": [201] },
    asked: { "test.foo.bar": 201, "pipo.foo.bar": 201, "foo.bar": 400 },
  },
  {
    what: "a short wildcard",
    lists: { "*.foo": [201] },
    asked: { "bar.foo": 201, "foo.bar": 400, foo: 400 },
  },
  {
    what: "priorities of wildcards",
    lists: { "*.foo.bar": [201], "foo.bar": [202], "pipo.foo.bar": [203], "*.baz.foo.bar": [204] },
    asked: {
      "test.foo.bar": 201,
      "foo.bar": 202,
      "pipo.foo.bar": 203,
      "qux.baz.foo.bar": 204,
      "qux.bix.foo.bar": 201,
      "qux.bix.bar.foo": 400,
    },
  },
  {
    what: "depths of wildcards",
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
      "too.deep.quuux.foo.bar.baz.qux.quux": 206,
      "too.deep.foo.bar.baz.qux.quux": 206,
      "foo.bar.baz.qux.quux": 205,
      "bar.bar.baz.qux.quux": 204,
      "foo.baz.qux.quux": 203,
      "foo.qux.quux": 202,
      "foo.quux": 201,
    },
  },
  { what: "nobody", lists: {}, asked: { simple: 400 } },
];

/** Writes lists, and returns when they are served. */
async function served(
  stand: HipacheStand,
  lists: Block["lists"],
  last = "last.test",
): Promise<void> {
  for (const [host, statuses] of Object.entries(lists)) {
    const origins = await Promise.all(statuses.map((each) => stand.origin(each)));
    await stand.connects(host, ...origins.map(({ url }) => url));
  }
  // When the one that was written last is served, all are.
  await stand.connects(last, (await stand.origin(299)).url);
  await stand.answers(last, 299);
}

test("hosts are found, and unknown ones are answered 400", options, async (t) => {
  await using stand = await hipacheStand({ server });
  assert.equal(blocks.length, 6);
  for (const { what, lists, asked } of blocks) {
    await t.test(what, async () => {
      await served(stand, lists);
      for (const [host, status] of Object.entries(asked)) {
        for (let round = 0; round < 4; round += 1) {
          assert.equal(await stand.status(host), status, host);
        }
      }
      await stand.redis.cli("FLUSHDB");
      await stand.answers("last.test", 400);
    });
  }
});

test("every method comes through, with and without a body", options, async () => {
  await using stand = await hipacheStand({ server });
  await served(stand, { simple: [201] });
  for (const method of ["GET", "HEAD", "OPTIONS", "TRACE", "DELETE"]) {
    assert.equal(await stand.status("simple", { name: "simple", method }), 201, method);
  }
  for (const method of ["POST", "PUT"]) {
    const chunked = { method, host: "127.0.0.1", port: stand.program.port() };
    assert.equal(await upload({ ...chunked, name: "simple" }, 2), 201, method);
  }
});

interface Upload {
  readonly method: string;
  readonly host: string;
  readonly port: number;
  readonly name: string;
}

/** Sent in chunks. Returns the status. */
async function upload({ name, ...place }: Upload, size: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const sent = request({ ...place, headers: { Host: name }, agent: false }, (answer) => {
    answer.resume();
    answer.on("error", reject);
    answer.on("end", () => resolve(answer.statusCode ?? 0));
  });
  sent.on("error", reject);
  await sendBody(sent, size);
  return promise;
}

test("three backends share twenty requests", options, async () => {
  await using stand = await hipacheStand({ server });
  await served(stand, { foobar: [201, 202, 203] });
  const seen = new Set<number>();
  for (let round = 0; round < 40; round += 1) seen.add(await stand.status("foobar"));
  assert.deepEqual(
    [...seen].toSorted((a, b) => a - b),
    [201, 202, 203],
  );
});

test("a backend that is down, or fails, is asked once and never again", options, async () => {
  await using stand = await hipacheStand({ server });
  const good = await stand.origin(201);
  const kinds = [
    { what: "down", url: `http://127.0.0.1:${await freePort()}`, status: 502 },
    { what: "failing", url: (await stand.origin(501)).url, status: 501 },
    // Of the tests in Python.
    { what: "gateway", url: (await stand.origin(502)).url, status: 502 },
  ];
  // The same several times: whether the other worker knows in time must not be luck.
  const cases = kinds.flatMap((each) =>
    [1, 2, 3, 4, 5].map((n) => ({ ...each, host: `${each.what}${n}` })),
  );
  for (const { host, url } of cases) await stand.connects(host, good.url, url);
  await served(stand, {});
  for (const { host, status } of cases) {
    const seen: number[] = [];
    while (seen.length < 20 || seen.every((each) => each === 201))
      seen.push(await stand.status(host));
    assert.deepEqual(
      seen.filter((each) => each !== 201),
      [status],
      `${host}: ${seen.join()}`,
    );
  }
});

test(
  "the answer of a backend that is dead for it comes whole, however long it is",
  options,
  async () => {
    await using stand = await hipacheStand({ server });
    const size = 3_000_000;
    await using failing = await httpOrigin((_request, response) => {
      response.writeHead(501);
      void sendBody(response, size);
    });
    await stand.connects("long", (await stand.origin(201)).url, failing.url);
    await served(stand, {});
    const place = { host: "127.0.0.1", port: stand.program.port() };
    const sizes: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const asked = request({ ...place, headers: { Host: "long" }, agent: false }, (answer) => {
        if (answer.statusCode === 501) checkBody(answer).then(resolve, reject);
        else answer.resume().on("end", () => resolve(0));
      });
      asked.on("error", reject).end();
      sizes.push(await promise);
    }
    assert.deepEqual(
      sizes.filter((each) => each > 0),
      [size],
    );
  },
);

test("an upload of 100 MB in chunks arrives to the last byte", options, async () => {
  await using stand = await hipacheStand({ server });
  const size = 100_000_000;
  let arrived = 0;
  await using taker = await httpOrigin((incoming, response) => {
    void checkBody(incoming).then((bytes) => {
      arrived = bytes;
      response.writeHead(201).end();
    });
  });
  await stand.connects("simple", taker.url);
  await served(stand, {});
  const place = { method: "PUT", host: "127.0.0.1", port: stand.program.port() };
  assert.equal(await upload({ ...place, name: "simple" }, size), 201);
  assert.equal(arrived, size);
});

test(
  "a backend that accepts and says nothing is answered for with 504, and marked",
  options,
  async () => {
    await using stand = await hipacheStand({ server: { ...server, tcpTimeout: 1 } });
    await using silent = await origin();
    await stand.connects("hung", (await stand.origin(201)).url, `http://127.0.0.1:${silent.port}`);
    await served(stand, {});
    const seen: number[] = [];
    while (seen.length < 20) {
      seen.push(await stand.status("hung"));
    }
    assert.deepEqual(
      seen.filter((each) => each !== 201),
      [504],
      seen.join(),
    );
    const marks = async () => (await stand.redis.cli("SMEMBERS", "dead:hung")) === "1" || undefined;
    await eventually("the mark in Redis", marks);
  },
);

test("whoever debugs is told what Hipache told, and nobody else is", options, async () => {
  await using stand = await hipacheStand({ server });
  const { program, redis } = stand;
  const [one, two] = [await stand.origin(201), await stand.origin(202)];
  await redis.cli("RPUSH", "frontend:*.debug.test", "my\rsite\u2713", one.url, two.url);
  await redis.cli("RPUSH", "frontend:empty.test", "lonely");
  await served(stand, {});
  const asking = (name: string, headers = { "X-Debug": "1" }, from = "127.0.0.1") =>
    ask(program.port(), { name, from, headers: { Connection: "close", ...headers } });

  const answer = await asking("A.debug.test:80");
  const place = answer.status === 201 ? 0 : 1;
  assert.equal(field(answer, "x-debug-backend-url"), `${[one, two][place]?.url}/`);
  assert.equal(field(answer, "x-debug-backend-id"), String(place));
  assert.equal(field(answer, "x-debug-vhost"), "my?site?");
  assert.equal(field(answer, "x-debug-frontend-key"), "a.debug.test");
  assert.match(field(answer, "x-debug-version-hipache"), /^\d+\.\d+/);
  assert.match(field(answer, "x-debug-time-total"), /^\d+$/);
  assert.match(field(answer, "x-debug-time-backend"), /^\d+$/);

  const reasons = { "empty.test": 502, "nobody.test": 400 };
  const texts = {
    "empty.test": "Cannot find a valid backend",
    "nobody.test": "frontend not found",
  };
  for (const [name, status] of Object.entries(reasons)) {
    const failed = await asking(name);
    assert.equal(failed.status, status);
    assert.equal(field(failed, "x-debug-error"), texts[name as keyof typeof texts]);
    assert.equal(field(failed, "content-type"), "text/html");
    assert.equal(field(failed, "cache-control"), "no-cache");
    assert.equal(field(failed, "pragma"), "no-cache");
    assert.equal(field(failed, "expires"), "-1");
  }
  const unasked = await ask(program.port(), { name: "a.debug.test" });
  assert.doesNotMatch(unasked.headers.map(([name]) => name).join(), /x-debug/i);
});

test("the access log has Hipache's line, with the identifier of the list", options, async () => {
  await using stand = await hipacheStand({ server });
  const { program, redis } = stand;
  const one = await stand.origin(201);
  one.answer = () => ({ status: 201, body: "four" });
  await redis.cli("RPUSH", "frontend:log.test", 'my"website', one.url);
  await served(stand, {});
  const headers = { "User-Agent": "curl/7.30.0", "X-Real-IP": "6.6.6.6", Connection: "close" };
  await ask(program.port(), { name: "log.test", path: "/a?b", headers });
  const line = await program.waitForLog(/\/a\?b/);
  const time = String.raw`\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000`;
  assert.match(
    line,
    new RegExp(
      String.raw`^::ffff:127\.0\.0\.1 - - \[${time}\] "GET /a\?b HTTP/1\.1" 201 4 "" "curl/7\.30\.0" "my\\x22website" \d+(\.\d{1,3})? \d+(\.\d{1,3})?$`,
    ),
  );
});

test("routes, marks and pings go on while Redis is away", options, async () => {
  await using stand = await hipacheStand({ server });
  const { program, redis } = stand;
  await served(stand, { simple: [201] });
  await redis.kill();
  const ping = await ask(program.port(), { name: "__ping__", path: "/any/where" });
  assert.equal(ping.status, 200);
  assert.equal(ping.body, "ok");
  assert.equal(field(ping, "content-type"), "text/plain");
  assert.equal(await stand.status("simple"), 201);
  assert.equal(await stand.status("__ping__:80"), 400);
});

// --- of the tests in Python, with `compat.bareLf` ------------------------------------------------------

const lenient = { workers: 2, config: { compat: { hipache: true, bareLf: true } } };

test(
  "answers whose lines end with LF alone are understood where that is wanted",
  options,
  async () => {
    await using stand = await hipacheStand(lenient);
    const cases = [
      { host: "long", text: "HTTP/1.1 200 OK\nContent-Length: 2\n\ntest", body: "te" },
      { host: "short", text: "HTTP/1.1 200 OK\nContent-Length: 4096\n\ntest", body: undefined },
    ];
    for (const { host, text, body } of cases) {
      await using raw = await origin({
        onConnection: (connection) => {
          // All that came is here with its empty line: the answer is all there will be.
          connection.onData = () => connection.socket.end(text);
        },
      });
      await stand.connects(host, `http://127.0.0.1:${raw.port}`);
      await served(stand, {});
      const answer = ask(stand.program.port(), { name: host });
      if (body === undefined) await assert.rejects(answer);
      else assert.equal((await answer).body, body);
      // And it lives.
      await stand.redis.cli("DEL", "frontend:last.test");
      await stand.answers("last.test", 400);
    }
  },
);

test("a malformed client is served where that is wanted, twice", options, async () => {
  await using stand = await hipacheStand(lenient);
  const taker = await stand.origin(201);
  await stand.connects("foobar", taker.url);
  await served(stand, {});
  for (let round = 0; round < 2; round += 1) {
    await using client = await connect(stand.program.port());
    await client.send("GET /pipo&%$#(PIPO HTTP/1.1\nHost: foobar\n\n");
    assert.equal((await client.readResponse()).status, 201);
  }
  assert.deepEqual(taker.targets, ["/pipo&%25$", "/pipo&%25$"]);
  // A backend that crashes is left alone.
  await stand.connects("crashed", taker.url, `http://127.0.0.1:${await freePort()}`);
  await eventually("the host", async () => (await stand.status("crashed")) === 201 || undefined);
  for (let round = 0; round < 10; round += 1) assert.equal(await stand.status("crashed"), 201);
});
