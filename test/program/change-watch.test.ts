// Changes that are taken back by themselves when requests fail, in the real program under load.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { freePort } from "../harness/free-port.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 90_000 };

interface Revision {
  readonly number: number;
  readonly by: string;
  readonly note?: string;
}

async function command(program: Tidegate, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(tidegate, [
    ...args,
    "--control",
    program.control,
  ]);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function history(program: Tidegate): Promise<readonly Revision[]> {
  return JSON.parse(await command(program, "history", "--json")) as Revision[];
}

/** Asks again and again until it is disposed. */
function askedAlways(program: Tidegate, ...names: readonly string[]): AsyncDisposable {
  const stop = new AbortController();
  const going = (async () => {
    while (!stop.signal.aborted) {
      for (const name of names) await ask(program.port(), { name });
      await pause(10);
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await going;
    },
  };
}

const stand = (broken: string, good: string) =>
  startTidegate({
    workers: 2,
    config: {
      listeners: { web: "127.0.0.1:0" },
      stateFolder: "state",
      // It fails all the time, and nobody's change is to blame.
      routes: { "broken.test": broken, "other.test": good },
    },
  });

const statusOf = async (program: Tidegate, name: string) =>
  (await ask(program.port(), { name })).status;

test(
  "a change that makes requests fail is taken back, and the history says why",
  bounded,
  async () => {
    await using good = await httpOrigin((_request, response) => void response.end("good"));
    const nobody = `http://127.0.0.1:${await freePort()}`;
    await using program = await stand(nobody, good.url);
    await command(program, "set", "routes", "shop.test", good.url);
    await using _load = askedAlways(program, "shop.test", "broken.test");
    await command(program, "set", "routes", "shop.test", nobody, "--watch", "1m");
    assert.equal(await statusOf(program, "shop.test"), 502);
    await eventually(
      "what was there before",
      async () => (await statusOf(program, "shop.test")) === 200,
      20_000,
    );
    const [latest] = await history(program);
    assert.equal(latest?.number, 3);
    assert.equal(latest?.by, "tidegate");
    assert.match(latest?.note ?? "", /^taken back by itself: \d+ % of \d+ requests failed within/);
    await program.waitForLog(/a change was taken back/);
  },
);

test("a route that goes away while it is asked for comes back", bounded, async () => {
  await using good = await httpOrigin((_request, response) => void response.end("good"));
  await using program = await stand(good.url, good.url);
  await command(program, "set", "routes", "shop.test", good.url);
  await using _load = askedAlways(program, "shop.test");
  await command(program, "unset", "routes", "shop.test", "--watch", "1m");
  await eventually(
    "the route again",
    async () => (await statusOf(program, "shop.test")) === 200,
    20_000,
  );
});

test("what others break, and what is changed again, is not taken back", bounded, async () => {
  await using good = await httpOrigin((_request, response) => void response.end("good"));
  const nobody = `http://127.0.0.1:${await freePort()}`;
  await using program = await stand(nobody, good.url);
  await using _load = askedAlways(program, "shop.test", "broken.test", "other.test");
  await command(program, "set", "routes", "shop.test", good.url, "--watch", "5s");
  // Somebody knows what they do.
  await command(program, "set", "routes", "shop.test", nobody, "--watch", "1m");
  await command(program, "set", "services", "later", good.url);
  await eventually("many failures", async () => {
    const [line] = (await program.accessLog()).slice(-1);
    return line !== undefined && (await program.accessLog()).length > 300;
  });
  await pause(2500); // two looks and a half
  assert.equal(await statusOf(program, "shop.test"), 502);
  assert.equal((await history(program))[0]?.number, 3);
});

test("a time that makes no sense is refused", bounded, async () => {
  const args = ["set", "routes", "a.test", "http://127.0.0.1:1", "--watch", "1s"];
  const { code, stderr } = await runCommand(tidegate, args);
  assert.notEqual(code, 0);
  assert.match(stderr, /from 5s to 1h/);
});
