// The real program with routes in a real Redis: what clients and operators see of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { asked, discoveryOf, found } from "../harness/discovered.ts";
import { eventually } from "../harness/barrier.ts";
import { LiveOrigin } from "../harness/live-origin.ts";
import { needs } from "../harness/needs.ts";
import { redisNeeds, startRedis } from "../harness/redis.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const options = { skip: needs(...redisNeeds), timeout: 60_000 };

async function answered(program: Tidegate, host: string, status: number): Promise<void> {
  await eventually(
    `${status} for ${host}`,
    async () => (await asked(program.port(), host)).status === status || undefined,
  );
}

test("the session of the guide works, and what is wrong is shown", options, async () => {
  await using redis = await startRedis();
  await using origin = await LiveOrigin.start("shop");
  origin.answer = () => ({ status: 201 });
  await using program = await startTidegate({
    workers: 2,
    config: {
      listeners: { web: "127.0.0.1:0" },
      admin: false,
      providers: { redis: { url: redis.url, hosts: "*.example.com" } },
    },
  });
  const service = JSON.stringify({ backends: [origin.url] });
  await redis.cli("SET", "tidegate:services:shop", service);
  const route = { host: "shop.example.com", service: "shop" };
  await redis.cli("SET", "tidegate:routes:shop", JSON.stringify(route));
  await answered(program, "shop.example.com", 201);
  await redis.cli("SET", "tidegate:routes:other", JSON.stringify({ ...route, host: "other.test" }));
  await redis.cli("SET", "tidegate:routes:bad", JSON.stringify({ ...route, path: "x" }));
  await found(program, "bad", ({ state }) => state === "not routed");
  assert.equal((await asked(program.port(), "other.test")).status, 404, "not a host of its own");
  await redis.cli("DEL", "tidegate:routes:shop");
  await answered(program, "shop.example.com", 404);
});

test("a program that starts while Redis is away serves what it said last", options, async () => {
  await using redis = await startRedis();
  await using origin = await LiveOrigin.start("shop");
  origin.answer = () => ({ status: 201 });
  const route = { host: "shop.test", service: { backends: [origin.url] } };
  await redis.cli("SET", "tidegate:routes:shop", JSON.stringify(route));
  await using program = await startTidegate({
    workers: 1,
    config: {
      listeners: { web: "127.0.0.1:0" },
      admin: false,
      providers: { redis: { url: redis.url } },
    },
  });
  await answered(program, "shop.test", 201);
  assert.equal((await program.stop()).code, 0);
  await redis.kill();
  await using again = await program.startAgain();
  assert.equal((await asked(again.port(), "shop.test")).status, 201);
  await redis.start();
  // It is empty now, and that is what it says.
  await answered(again, "shop.test", 404);
});

test("a password is in no log and in no answer", options, async () => {
  await using redis = await startRedis({
    args: ["--requirepass", "s3cret-one"],
    cliArgs: ["-a", "s3cret-one", "--no-auth-warning"],
  });
  await using program = await startTidegate({
    workers: 0,
    config: {
      listeners: { web: "127.0.0.1:0" },
      admin: false,
      providers: {
        redis: [
          { name: "good", url: `redis://:s3cret-one@127.0.0.1:${redis.port}` },
          { name: "bad", url: `redis://:s3cret-two@127.0.0.1:${redis.port}` },
        ],
        hipache: { redis: `redis://:s3cret-three@127.0.0.1:${redis.port}` },
      },
    },
  });
  await eventually("both to fail", () => {
    const failures = program.stderr().match(/refuses the user or the password/g) ?? [];
    return failures.length >= 2 || undefined;
  });
  const seen = JSON.stringify(await discoveryOf(program));
  assert.match(seen, /refuses the user or the password/);
  assert.doesNotMatch(`${seen}${program.stderr()}${program.stdout()}`, /s3cret/);
});
