import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { certificates } from "../../test/harness/certificates.ts";
import { checkProblems } from "../../test/harness/config-problems.ts";
import { needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { defaultClientTimeouts, defaultExchangeTimeouts } from "./limits.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

function sourcesOf(text: string, baseFolder = "/base") {
  const { snapshot, problems } = readConfig(`providers:\n${text}\n`, {
    file: "t.yaml",
    baseFolder,
  });
  const told = problems.map(formatProblem).filter((each) => !each.includes("no routes"));
  assert.deepEqual(told, []);
  return snapshot?.providers;
}

const common = {
  hosts: undefined,
  defaults: {
    timeouts: { ...defaultClientTimeouts, ...defaultExchangeTimeouts },
    maxBody: 0,
    tcpListeners: [],
  },
};
const tcp = (host: string, port: number) => ({
  place: { kind: "tcp", host, port },
  tls: undefined,
  username: undefined,
  password: undefined,
  database: 0,
});
const trust = { ca: undefined, certificate: undefined, key: undefined };

test("redis: true is the one on this host", () => {
  const server = tcp("127.0.0.1", 6379);
  const expected = { ...common, kind: "redis", name: "redis", prefix: "tidegate:", server };
  assert.deepEqual(sourcesOf("  redis: true"), [{ ...expected, place: "t.yaml:2:3" }]);
  assert.deepEqual(sourcesOf("  redis: false"), []);
});

test("a Redis is named by a URL, by sentinels or by nodes of a cluster", () => {
  const [one, two, three] = sourcesOf(`  redis:
    - { name: a, url: "rediss://u:p@h/2", prefix: "x:", hosts: ["*.a.test"] }
    - { name: b, sentinel: { master: main, nodes: [10.0.0.1, "10.0.0.2:7"] }, password: s, tls: {} }
    - { name: c, cluster: "[::1]:7000", hosts: "*" }`) as never[];
  assert.deepEqual(one, {
    ...common,
    kind: "redis",
    name: "a",
    place: "t.yaml:3:7",
    hosts: ["*.a.test"],
    prefix: "x:",
    server: { ...tcp("h", 6379), tls: trust, username: "u", password: "p", database: 2 },
  });
  const server = ({ server: each }: { server?: unknown }) => each;
  const nodes = [
    { host: "10.0.0.1", port: 26_379 },
    { host: "10.0.0.2", port: 7 },
  ];
  const sentinel = { kind: "sentinel", master: "main", nodes };
  assert.deepEqual(server(two ?? {}), {
    ...tcp("", 0),
    place: sentinel,
    tls: trust,
    password: "s",
  });
  const cluster = { kind: "cluster", nodes: [{ host: "::1", port: 7000 }] };
  assert.deepEqual(server(three ?? {}), { ...tcp("", 0), place: cluster });
});

const hipache = {
  ...common,
  kind: "hipache",
  name: "hipache",
  place: "t.yaml:2:3",
  prefix: "",
  deadTtl: 30_000,
  retries: 3,
  tlsBackends: false,
};

test("Hipache's Redis is one, or one to read and one to write", () => {
  const usual = tcp("127.0.0.1", 6379);
  assert.deepEqual(sourcesOf("  hipache: true"), [{ ...hipache, read: usual, write: usual }]);
  const read = { ...tcp("127.0.0.1", 7001), password: "pw", database: 1 };
  assert.deepEqual(sourcesOf('  hipache: { redis: "redis://u:pw@:7001/1#p:" }'), [
    // The user was never sent.
    { ...hipache, read, write: read, prefix: "p:" },
  ]);
  const two = '  hipache: { redis: ["redis://:7001#a", "redis://:7002#b"], deadBackendTTL: 5s,';
  assert.deepEqual(sourcesOf(`${two} retryOnError: 0, tlsBackends: true }`), [
    {
      ...hipache,
      read: tcp("127.0.0.1", 7001),
      write: tcp("127.0.0.1", 7002),
      prefix: "a",
      deadTtl: 5000,
      retries: 0,
      tlsBackends: true,
    },
  ]);
  const mapped = sourcesOf("  hipache: { redis: { url: redis://h, username: u, password: p } }");
  const own = { ...tcp("h", 6379), username: "u", password: "p" };
  assert.deepEqual(mapped, [{ ...hipache, read: own, write: own }]);
});

test("passwords and certificates come from files", { skip: needs("openssl") }, async () => {
  await using folder = await tempFolder();
  const { ca, cert, key } = await certificates();
  for (const [name, text] of Object.entries({ ca, cert, key, pw: "secret\nnothing" })) {
    await writeFile(folder.file(name), text);
  }
  const text =
    "  redis: { url: redis://h, passwordFile: pw, tls: { ca: ca, cert: cert, key: key } }";
  const [source] = sourcesOf(text, folder.path) ?? [];
  const tls = { ca, certificate: cert, key };
  assert.ok(source?.kind === "redis");
  assert.deepEqual(source.server, { ...tcp("h", 6379), tls, password: "secret" });
});

const at = "t.yaml:1:14: providers.redis";

test("what is wrong with a source is said without its secrets", () => {
  checkProblems(
    [
      [
        'providers: { redis: "redis://:s3cret@h" }',
        "t.yaml:1:21: providers.redis: must be true, false, a mapping or a list of mappings; write redis: { url: redis://HOST:6379 }",
      ],
      [
        'providers: { redis: { url: "http://:s3cret@h" } }',
        "t.yaml:1:28: providers.redis.url: is no URL of a Redis; write redis://USER:PASSWORD@HOST:6379/DATABASE, rediss:// for TLS, or unix:///PATH",
      ],
      [
        "providers: { redis: { url: redis://h, password: 12345 } }",
        "t.yaml:1:49: providers.redis.password: must be a password; put it in quotes",
      ],
      [
        "providers: { redis: { url: redis://h, sentinel: s3cret } }",
        "t.yaml:1:49: providers.redis.sentinel: must be a mapping; with master, nodes",
      ],
      [
        "providers: { redis: { url: redis://h, sentinel: { master: m, nodes: [h] } } }",
        "t.yaml:1:39: providers.redis.sentinel: url says where it is already; leave out one of them",
      ],
      [
        'providers: { redis: { url: "redis://:s3cret@h", password: s3cret } }',
        `${at}: the password is said more than once; leave it where it is safest`,
      ],
      [
        "providers: { redis: { username: u } }",
        `${at}: there is a user and no password; add passwordFile`,
      ],
      [
        "providers: { redis: { url: redis://h#p } }",
        "t.yaml:1:28: providers.redis.url: has a prefix behind #; write it as prefix",
      ],
      [
        'providers: { redis: { url: "unix:///s", tls: {} } }',
        "t.yaml:1:41: providers.redis.tls: a unix socket is not spoken TLS to; leave it out",
      ],
      [
        "providers: { redis: [{}, {}] }",
        "t.yaml:1:22: providers.redis[0]: there are several of redis, so each needs a name; add name",
        "t.yaml:1:26: providers.redis[1]: there are several of redis, so each needs a name; add name",
      ],
      [
        "providers: { hipache: { redis: 7, deadBackendTTL: 1500ms } }",
        "t.yaml:1:32: providers.hipache.redis: must be a URL, [READ, WRITE] or a mapping; write redis://127.0.0.1:6379",
      ],
      [
        "providers: { hipache: { deadBackendTTL: 1500ms } }",
        "t.yaml:1:41: providers.hipache.deadBackendTTL: must be whole seconds; write 30s",
      ],
      [
        'providers: { hipache: { redis: "redis:#a", prefix: b } }',
        "t.yaml:1:44: providers.hipache.prefix: the URL has a prefix already, behind #; leave out one of them",
      ],
    ],
    13,
  );
});
