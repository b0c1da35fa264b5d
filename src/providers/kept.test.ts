import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { defaultSnapshot } from "../config/read.ts";
import type { Log, LogFields } from "../lib/log.ts";
import { fixedProvider } from "./fixed.ts";
import { kept } from "./kept.ts";
import type { Provider, Update } from "./provider.ts";

const restart = { first: 1, longest: 4, forgottenAfter: 60_000 };
const update: Update = { kind: "problems", problems: [] };

function logged() {
  const lines: { level: string; text: string; fields: LogFields }[] = [];
  const tell =
    (level: string) =>
    (text: string, fields: LogFields = {}) =>
      void lines.push({ level, text, fields });
  const log: Log = {
    debug: tell("debug"),
    info: tell("info"),
    warn: tell("warn"),
    error: tell("error"),
  };
  return { log, lines };
}

/** Runs the n-th generator at its n-th start, the last one ever after. */
function provider(...runs: ((signal: AbortSignal) => AsyncGenerator<Update>)[]): Provider {
  let starts = 0;
  return {
    name: "shaky",
    catalogs(signal) {
      const run = runs[Math.min(starts++, runs.length - 1)];
      assert.ok(run);
      return run(signal);
    },
  };
}

function updatesOf(each: Provider, log: Log, signal: AbortSignal, settings = restart) {
  return kept(each, { log, restart: settings }).catalogs(signal)[Symbol.asyncIterator]();
}

const lasting = async function* (signal: AbortSignal): AsyncGenerator<Update> {
  yield update;
  if (!signal.aborted) await new Promise((done) => signal.addEventListener("abort", done));
};

test("a provider that throws is started again, and told of with its reason", async () => {
  const ending = new AbortController();
  const { log, lines } = logged();
  const shaky = provider(
    async function* () {
      yield update;
      throw new Error("the daemon is gone");
    },
    // Before it said anything, and without being a generator at all.
    () => {
      throw new TypeError("no socket");
    },
    lasting,
  );
  const updates = updatesOf(shaky, log, ending.signal);
  assert.equal((await updates.next()).value, update);
  assert.equal((await updates.next()).value, update);
  assert.deepEqual(
    lines.map(({ level, text, fields }) => {
      return [level, text, fields["againInMs"], fields["error"] ?? fields["cause"]];
    }),
    [
      ["error", "a provider failed; what it said last stays", 1, "the daemon is gone"],
      ["error", "a provider failed; what it said last stays", 2, new TypeError("no socket")],
      ["info", "a provider works again", undefined, undefined],
    ],
  );
  assert.equal(lines[0]?.fields["provider"], "shaky");
  ending.abort();
  assert.equal((await updates.next()).done, true);
  assert.equal(lines.length, 3);
});

test("a provider that fails for the same reason again and again is told of once", async () => {
  const ending = new AbortController();
  const { log, lines } = logged();
  const troubles: (string | undefined)[] = [];
  const fail = () => {
    throw new Error("the daemon is gone");
  };
  const onTrouble = (message: string | undefined) => void troubles.push(message);
  const shaky = provider(fail, fail, fail, lasting);
  const catalogs = kept(shaky, { log, restart, onTrouble }).catalogs(ending.signal);
  const updates = catalogs[Symbol.asyncIterator]();
  assert.equal((await updates.next()).value, update);
  assert.deepEqual(
    lines.map(({ level }) => level),
    ["error", "debug", "debug", "info"],
  );
  assert.deepEqual(troubles, ["the daemon is gone", undefined]);
  ending.abort();
  assert.equal((await updates.next()).done, true);
});

test("a provider that ends is started again", async () => {
  const ending = new AbortController();
  const { log, lines } = logged();
  const short = async function* () {
    yield update;
  };
  const updates = updatesOf(provider(short, short, lasting), log, ending.signal);
  for (let count = 0; count < 3; count++) assert.equal((await updates.next()).value, update);
  assert.deepEqual(
    lines.map(({ level }) => level),
    ["warn", "info", "warn", "info"],
  );
  ending.abort();
  assert.equal((await updates.next()).done, true);
});

test("the end of the program ends the wait at once, and what then fails is not told", async () => {
  const ending = new AbortController();
  const { log, lines } = logged();
  const failing = provider(() => {
    throw new Error("always");
  });
  const slow = { first: 3_600_000, longest: 3_600_000, forgottenAfter: 1 };
  const next = updatesOf(failing, log, ending.signal, slow).next();
  while (lines.length === 0) await turn();
  ending.abort();
  assert.equal((await next).done, true);
  assert.equal(lines.length, 1);
});

test("a provider that fails while it is left is not started again", async () => {
  const { log, lines } = logged();
  let starts = 0;
  const failing = provider(async function* () {
    starts++;
    using cleaning = new DisposableStack();
    cleaning.defer(() => {
      throw new Error("cannot clean up");
    });
    yield update;
  });
  const leave = async () => {
    for await (const _ of kept(failing, { log, restart }).catalogs(new AbortController().signal)) {
      return;
    }
  };
  await assert.rejects(leave(), /cannot clean up/);
  assert.equal(starts, 1);
  assert.equal(lines.length, 0);
});

test("the built-in configuration is said once and lasts until the end", async () => {
  const ending = new AbortController();
  const { log, lines } = logged();
  const updates = updatesOf(fixedProvider(defaultSnapshot(0)), log, ending.signal);
  assert.equal((await updates.next()).value?.kind, "catalog");
  const next = updates.next();
  ending.abort();
  assert.equal((await next).done, true);
  assert.equal(lines.length, 0);
});
