// Several sources of routes and the file at once, with real Redis servers: who is served, what a change of the
// configuration costs, and what an operator is told while one of them is silent.

import assert from "node:assert/strict";
import { test } from "node:test";
import { asked } from "../harness/discovered.ts";
import { eventually } from "../harness/barrier.ts";
import { controlOf } from "../harness/control.ts";
import { needs } from "../harness/needs.ts";
import { type Redis, redisNeeds, startRedis } from "../harness/redis.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const options = { skip: needs(...redisNeeds), timeout: 60_000 };

function answering(body: string, host = "shop.test"): Record<string, unknown> {
  return { host, respond: { body } };
}

async function keep(redis: Redis, key: string, value: unknown): Promise<void> {
  await redis.cli("SET", `tidegate:${key}`, JSON.stringify(value));
}

async function answers(program: Tidegate, host: string, expected: string): Promise<void> {
  await eventually(`${expected} from ${host}`, async () => {
    const { status, body } = await asked(program.port(), host);
    return (status === 200 ? body : String(status)) === expected || undefined;
  });
}

test("routes of a source go on while it is moved to another server", options, async () => {
  await using first = await startRedis();
  await using second = await startRedis();
  for (const each of [first, second]) await keep(each, "routes:shop", answering("kept"));
  const configFor = (url: string) => ({
    listeners: { web: "127.0.0.1:0" },
    admin: false,
    providers: { redis: { url } },
  });
  await using program = await startTidegate({ workers: 1, config: configFor(first.url) });
  await answers(program, "shop.test", "kept");
  const moved = new AbortController();
  const seen = new Set<string>();
  const asking = (async () => {
    while (!moved.signal.aborted) seen.add((await asked(program.port(), "shop.test")).body);
  })();
  // Served last by the second server, and asked of the first one no more.
  await keep(first, "routes:old", answering("old", "old.test"));
  await answers(program, "old.test", "old");
  await program.writeConfig(configFor(second.url));
  await controlOf(program.control).order("reload");
  await answers(program, "old.test", "404");
  await program.writeConfig(configFor("redis://127.0.0.1:1"));
  await controlOf(program.control).order("reload");
  await program.waitForLog(/127\.0\.0\.1:1 does not accept connections/);
  moved.abort();
  await asking;
  assert.deepEqual([...seen], ["kept"], "it had a moment without routes");
});

test("the file goes before the store, that before sources in their order", options, async () => {
  await using first = await startRedis();
  await using second = await startRedis();
  await using program = await startTidegate({
    workers: 1,
    config: {
      listeners: { web: "127.0.0.1:0" },
      admin: false,
      providers: {
        redis: [
          { name: "first", url: first.url },
          { name: "second", url: second.url },
        ],
      },
      routes: { "file.test": { respond: { body: "file" } } },
    },
  });
  for (const [redis, body] of [
    [second, "second"],
    [first, "first"],
  ] as const) {
    for (const host of ["file.test", "shop.test"]) {
      await keep(redis, `routes:${host}`, answering(body, host));
    }
  }
  // What is trusted more is not changed by what is trusted less.
  await keep(second, "overlays:file.test", { respond: { body: "stolen" } });
  await keep(second, "overlays:shop.test@first", { respond: { body: "stolen" } });
  await answers(program, "shop.test", "first");
  await answers(program, "file.test", "file");
  const set = await controlOf(program.control).command(
    "set",
    "routes",
    "mine",
    JSON.stringify(answering("store")),
  );
  assert.equal(set.code, 0, set.stderr);
  await answers(program, "shop.test", "store");
  const { stdout } = await controlOf(program.control).command("discover");
  assert.match(stdout, /^first \(redis\) {2}ok .*, with 2 items\n/);
  assert.match(stdout, /file\.test belongs to the configuration file, which is trusted more than/);
  assert.match(stdout, /shop\.test@first belongs to the provider first/);
  assert.match(
    stdout,
    /routes:file\.test: "file\.test" \(.*\) and "file\.test@first" .*both claim/,
  );
});

test("a source that hangs at the start is waited for a moment, and named", options, async () => {
  await using redis = await startRedis();
  await keep(redis, "routes:shop", answering("kept"));
  redis.freeze();
  await using program = await startTidegate({
    workers: 1,
    config: {
      listeners: { web: "127.0.0.1:0" },
      admin: false,
      providers: { redis: { url: redis.url } },
    },
  });
  assert.equal((await asked(program.port(), "shop.test")).status, 404);
  const { stdout } = await controlOf(program.control).command("status");
  assert.match(stdout, /^provider {7}redis: (has said nothing yet|.*\S.*) \(for \d+s\)$/m);
  redis.thaw();
  await answers(program, "shop.test", "kept");
  await eventually("a status without troubles", async () => {
    const { silent } = await controlOf(program.control).status();
    return silent.length === 0 || undefined;
  });
});
