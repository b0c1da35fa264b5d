import assert from "node:assert/strict";
import { test } from "node:test";
import { readHipache, translateHipache } from "./hipache.ts";

interface Listening {
  readonly what: string;
  readonly written: unknown;
  readonly web: unknown;
}

const listening: readonly Listening[] = [
  { what: "nothing", written: {}, web: ":80" },
  { what: "a driver alone", written: { driver: "redis:" }, web: ":80" },
  { what: "server.port", written: { server: { port: 1080 } }, web: ":1080" },
  {
    what: "addresses of 0.2",
    written: { server: { port: 81, address: ["10.0.0.1"], address6: ["::1", "::"] } },
    web: ["10.0.0.1:81", "[::1]:81", ":81"],
  },
  {
    what: "addresses of 0.3, mixed",
    written: { server: { address: ["0.0.0.0", "fe80::1"] } },
    web: ["0.0.0.0:80", "[fe80::1]:80"],
  },
  { what: "server.https alone", written: { server: { https: { port: 443 } } }, web: ":80" },
  { what: "an empty http", written: { http: {} }, web: "127.0.0.1:80" },
  { what: "http.port", written: { http: { port: "1080" } }, web: "127.0.0.1:1080" },
  {
    what: "http before server.port",
    written: { http: { bind: "10.0.0.1" }, server: { port: 9 } },
    web: "10.0.0.1:80",
  },
  {
    what: "ports of their own",
    written: {
      http: { port: 8, bind: ["localhost", { address: "::1", port: 9 }, { address: "10.0.0.1" }] },
    },
    web: ["127.0.0.1:8", "[::1]:9", "10.0.0.1:8"],
  },
];

function translated(written: unknown) {
  return translateHipache(JSON.stringify(written), "config.json");
}

test("it listens where that version of Hipache listens", () => {
  assert.equal(listening.length, 10);
  for (const { what, written, web } of listening) {
    assert.deepEqual(translated(written).config["listeners"], { web }, what);
  }
});

const drivers: readonly (readonly [written: unknown, redis: unknown])[] = [
  [{}, "redis://127.0.0.1:6379"],
  [{ driver: "redis:" }, "redis:"],
  [
    { driver: ["redis://:7001", "redis://:pw@:7002/1#prefix"] },
    ["redis://:7001", "redis://:pw@:7002/1#prefix"],
  ],
  [{ redisHost: "10.0.0.1" }, "redis://10.0.0.1:6379"],
  [
    { redisHost: "::1", redisPort: 7, redisPassword: "a/@b", redisDatabase: 2 },
    "redis://:a%2F%40b@[::1]:7/2",
  ],
  [{ redis: { host: "h", port: "99" } }, "redis://h:99"],
  [
    { redisHost: "r", redisMasterHost: "m", redisMasterPassword: "p" },
    ["redis://r:6379", "redis://:p@m:6379"],
  ],
  [{ driver: "redis://d", redisHost: "ignored" }, "redis://d"],
];

test("Redis is the one of that version, with its older keys too", () => {
  assert.equal(drivers.length, 8);
  for (const [written, redis] of drivers) {
    const { config, notes } = translated(written);
    assert.deepEqual(config["providers"], { hipache: { redis } });
    assert.deepEqual(notes, []);
    const { problems, snapshot } = readHipache(JSON.stringify(written), where);
    assert.deepEqual(problems, []);
    assert.equal(snapshot?.compat.hipache, true);
  }
});

const where = { file: "config.json", baseFolder: "/" };

test("times, retries, workers, log, pages and users are carried over", () => {
  const server = {
    ...{ tcpTimeout: 5, deadBackendTTL: 0, retryOnError: 0, workers: 4, staticDir: "/tmp" },
    ...{ accessLog: "/dev/stdout", debug: true, maxSockets: 5, httpKeepAlive: true },
  };
  const { config, notes } = translated({ server, user: "www", group: "web" });
  assert.deepEqual(config["providers"], {
    hipache: { redis: "redis://127.0.0.1:6379", deadBackendTTL: "0", retryOnError: 0 },
  });
  assert.deepEqual(config["timeouts"], {
    idle: "5s",
    body: "5s",
    response: "5s",
    responseBody: "5s",
  });
  assert.deepEqual(config["accessLog"], { format: "hipache", path: "stdout" });
  assert.equal(config["workers"], 4);
  assert.equal(config["errorPages"], "/tmp");
  assert.equal(config["user"], "www");
  assert.equal(config["group"], "web");
  assert.deepEqual(
    notes.map(({ path, severity }) => `${path} ${severity}`),
    ["server.debug note", "server.maxSockets note", "server.httpKeepAlive note"],
  );
});

const refused: readonly (readonly [written: unknown, message: RegExp])[] = [
  [{ driver: "etcd://:8001/#p" }, /etcd.*is not read/],
  [{ driver: "etcds://h" }, /etcd.*is not read/],
  [{ driver: ["memcached://:secret@h", "memcached://i"] }, /memcached is not read/],
  [{ driver: "zookeeper://:2182" }, /ZooKeeper is not read/],
  [{ driver: "redis://:secret@h:x" }, /HOST:PORT/],
  [{ driver: 7 }, /driver: must be a URL/],
  [{ driver: [] }, /driver: must be a URL/],
  [{ http: { bind: [] } }, /no address to listen on/],
  [{ http: { bind: ["example.test"] } }, /no address to listen on/],
  [{ server: { port: "x" } }, /server\.port: is not a port/],
  [[], /\{ … \}/],
  ["", /\{ … \}/],
];

test("what cannot be served is a reason not to start, and no message has a secret", () => {
  assert.equal(refused.length, 12);
  for (const [written, message] of refused) {
    const { snapshot, problems } = readHipache(JSON.stringify(written), where);
    const told = problems.map((each) => `${each.path}: ${each.message}; ${each.remedy ?? ""}`);
    assert.equal(snapshot, undefined, JSON.stringify(written));
    assert.match(told.join("\n"), message);
    assert.doesNotMatch(told.join("\n"), /secret/);
  }
});

test("what is strange is told, and the rest is used", () => {
  const strange = {
    server: { tcpTimeout: "soon", workers: -1, retryOnError: {}, accessLog: [], nonsense: 1 },
    ...{ https: { bind: ["::"], key: "/k" }, user: [7], __proto__x: 1 },
  };
  const { snapshot, problems } = readHipache(JSON.stringify(strange), where);
  assert.ok(snapshot !== undefined);
  assert.deepEqual(problems.map(({ path, severity }) => `${path} ${severity}`).sort(), [
    ...["config.json warning", "https warning", "server warning", "server.retryOnError warning"],
    ...["server.tcpTimeout warning", "server.workers warning", "user warning"],
  ]);
  const own = `{"__proto__": {"driver": "redis://evil"}, "constructor": 1}`;
  const { config } = translateHipache(own, "config.json");
  assert.deepEqual(config["providers"], { hipache: { redis: "redis://127.0.0.1:6379" } });
});
