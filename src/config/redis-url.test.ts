import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHostPort, parseRedisUrl, type RedisUrl, redisPort } from "./redis-url.ts";

const usual: RedisUrl = {
  place: { kind: "tcp", host: "127.0.0.1", port: 6379 },
  isSecure: false,
  username: undefined,
  password: undefined,
  database: 0,
  prefix: undefined,
};
const at = (host: string, port: number) => ({ place: { kind: "tcp", host, port } as const });
const socket = (path: string) => ({ place: { kind: "unix", path } as const });

const good: readonly (readonly [string, Partial<RedisUrl>])[] = [
  ["redis:", {}],
  ["redis://", {}],
  ["redis://:7001", at("127.0.0.1", 7001)],
  ["redis://HOST.example", at("host.example", 6379)],
  ["redis://[::1]:7", at("::1", 7)],
  ["redis:///3", { database: 3 }],
  ["redis:///", {}],
  [
    "redis://:superpassword@:7002/1#someprefix",
    { ...at("127.0.0.1", 7002), password: "superpassword", database: 1, prefix: "someprefix" },
  ],
  ["redis://user:p%40%3Aw@h", { ...at("h", 6379), username: "user", password: "p@:w" }],
  ["redis://user@h", { ...at("h", 6379), username: "user" }],
  ["redis://a:b@c:d@h", { ...at("h", 6379), username: "a", password: "b@c:d" }],
  ["REDISS://h:7", { ...at("h", 7), isSecure: true }],
  ["unix:///run/redis.sock", socket("/run/redis.sock")],
  ["unix:/run/redis.sock#p", { ...socket("/run/redis.sock"), prefix: "p" }],
  ["unix://:pw@/run/redis.sock", { ...socket("/run/redis.sock"), password: "pw" }],
];

test("URLs of drivers are read with any part left out", () => {
  for (const [text, expected] of good) {
    const refuse = (message: string) => assert.fail(`${text}: ${message}`);
    assert.deepEqual(parseRedisUrl(text, refuse), { ...usual, ...expected }, text);
  }
});

const bad = [
  ["", /no URL of a Redis/],
  ["http://secret", /no URL of a Redis/],
  ["redis://secret h", /a space/],
  ["redis://:secret@h:99999", /HOST:PORT/],
  ["redis://:secret@h:0", /HOST:PORT/],
  ["redis://:secret@*.h", /HOST:PORT/],
  ["redis://:secret%@h", /percent sign/],
  ["redis://:#secret@h", /a # in front of its @.*%23/],
  ["redis://:12#secret@h:1", /a # in front of its @/],
  ["redis://h/secret", /not a database/],
  ["redis:///ss∞secret", /not a database/],
  ["redis://h/0?secret=1", /not a database/],
  ["redis://h/99999999", /not a database/],
  ["unix://secret/run/redis.sock", /absolute path/],
  ["unix://", /absolute path/],
  [`unix:///${"x".repeat(120)}`, /absolute path/],
] as const;

test("what is wrong with a URL is said without repeating it", () => {
  for (const [text, expected] of bad) {
    const said: string[] = [];
    const refuse = (message: string, remedy = "") => void said.push(`${message}; ${remedy}`);
    assert.equal(parseRedisUrl(text, refuse), undefined, text);
    assert.match(said.join(), expected, text);
    assert.doesNotMatch(said.join(), /secret/);
  }
});

test("HOST:PORT may lack either", () => {
  const cases = {
    "10.0.0.5:26379": { host: "10.0.0.5", port: 26_379 },
    h: { host: "h", port: redisPort },
    ":7": { host: "127.0.0.1", port: 7 },
    "[::1]": { host: "::1", port: redisPort },
    "::1": undefined,
    "h:x": undefined,
    "h:7:7": undefined,
  };
  for (const [text, expected] of Object.entries(cases)) {
    assert.deepEqual(parseHostPort(text, redisPort), expected, text);
  }
});
