// What a Redis that is none, or does not play along, can do to those who wait: real sockets that say strange things.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import type { RedisLimits } from "../config/middlewares/uses/limit.ts";
import { RedisCounter, unknown } from "./rate-redis.ts";

const bounded = { timeout: 30_000 };
const rates = [{ average: 2, period: 3_600_000, burst: 2 }];

async function fakeRedis(onData: (socket: Socket, asked: string) => void) {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => onData(socket, bytes.toString("latin1")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    connections: () => connections,
    open: () => sockets.size,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function counterAt(port: number, more: Partial<RedisLimits> = {}) {
  const warnings: string[] = [];
  const place = { kind: "tcp", host: "127.0.0.1", port } as const;
  const login = { tls: undefined, username: undefined, password: "hush-hush", database: 0 };
  const redis: RedisLimits = {
    server: { place, ...login },
    prefix: "t:",
    wait: 500,
    fallback: "local",
    ...more,
  };
  const warn = (message: string, fields: Readonly<Record<string, string>>) =>
    void warnings.push(`${message} ${JSON.stringify(fields)}`);
  const counter = new RedisCounter({ rates, keys: 100, tells: false, redis, name: "n", warn });
  return {
    warnings,
    counter,
    async waits(times: number) {
      const all: boolean[] = [];
      for (let n = 0; n < times; n++) all.push((await counter.take("k")).wait > 0);
      return all;
    },
  };
}

const strange: Readonly<Record<string, string>> = {
  "an answer of another kind": "+OK\r\n",
  nothing: "$-1\r\n",
  "too few numbers": "*1\r\n:0\r\n",
  "too many numbers": "*3\r\n:0\r\n:0\r\n:0\r\n",
  "negative numbers": "*2\r\n:-5\r\n:0\r\n",
  words: "*2\r\n$3\r\nabc\r\n$3\r\ndef\r\n",
  "bytes that are no answer": "HTTP/1.1 400 Bad Request\r\n\r\n",
  "a password that is wanted": "-NOAUTH Authentication required, not hush-hush\r\n",
  "a replica": "-READONLY You can't write against a read only replica.\r\n",
  "no memory": "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
  "a cluster": "-MOVED 1 10.0.0.1:6379\r\n",
  "no script, again and again": "-NOSCRIPT No matching script.\r\n",
};

for (const [what, answer] of Object.entries(strange)) {
  test(`done without: ${what}`, bounded, async () => {
    using redis = await fakeRedis((socket, asked) => {
      socket.write(/EVAL/i.test(asked) ? answer : "+OK\r\n");
    });
    const { counter, warnings, waits } = counterAt(redis.port);
    assert.deepEqual(await waits(3), [false, false, true]);
    assert.ok(warnings.length > 0);
    for (const each of warnings) assert.ok(!each.includes("hush"), each);
    counter.close();
  });
}

test("what is refused at login is done without, and tells no password", bounded, async () => {
  using redis = await fakeRedis((socket) => socket.write("-WRONGPASS hush-hush is wrong\r\n"));
  const { counter, warnings, waits } = counterAt(redis.port);
  assert.deepEqual(await waits(3), [false, false, true]);
  assert.match(warnings[0] ?? "", /WRONGPASS/);
  for (const each of warnings) assert.ok(!each.includes("hush"), each);
  counter.close();
});

test("one that hangs is waited for in time, and then left alone", bounded, async () => {
  using redis = await fakeRedis((socket, asked) => {
    if (!/EVAL/i.test(asked)) socket.write("+OK\r\n");
  });
  const { counter } = counterAt(redis.port, { wait: 20, fallback: "refuse" });
  for (let n = 0; n < 30; n++) assert.equal(await counter.take(`${n}`), unknown);
  counter.close();
});

test("one that is not there is asked once, not by every request", bounded, async () => {
  using redis = await fakeRedis((socket) => socket.destroy());
  const { counter, waits } = counterAt(redis.port);
  await waits(200);
  assert.ok(redis.connections() <= 3, `${redis.connections()} connections`);
  counter.close();
});

test(
  "all limits with the same Redis share a connection, which ends with the last",
  bounded,
  async () => {
    using redis = await fakeRedis((socket, asked) => {
      socket.write(/EVAL/i.test(asked) ? "*2\r\n:0\r\n:0\r\n" : "+OK\r\n");
    });
    const [one, two] = [counterAt(redis.port), counterAt(redis.port)];
    assert.deepEqual(await one.waits(3), [false, false, false]);
    await two.waits(1);
    assert.equal(redis.connections(), 1);
    one.counter.close();
    await two.waits(1);
    assert.equal(redis.open(), 1);
    two.counter.close();
    while (redis.open() > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  },
);
