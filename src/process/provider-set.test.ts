import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import type { Provider } from "../providers/provider.ts";
import { ProviderMemory } from "./provider-memory.ts";
import { ProviderSet } from "./provider-set.ts";

interface Settings {
  readonly name: string;
  readonly kind: string;
  readonly at: string;
  readonly detail?: string;
}

const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** Places that say something, until they are away; who asks those waits. */
class Places {
  readonly #words = new Map<string, string>();
  readonly set: ProviderSet<Settings, Provider<string>, string, string>;
  changes = 0;

  constructor(folder?: string, outlivesMove = false) {
    this.set = new ProviderSet({
      log,
      memory: new ProviderMemory<string>({ log, name: "kept", folder: () => folder }),
      onChange: async () => ++this.changes,
      countOf: () => 0,
      make: ({ name, at }) => ({ name, catalogs: (signal) => this.#catalogs(at, signal) }),
      saidIn: (word) => word,
      sourceOf: ({ at }) => [at],
      outlivesMove,
    });
  }

  async *#catalogs(at: string, signal: AbortSignal): AsyncGenerator<string> {
    const word = this.#words.get(at);
    if (word !== undefined) yield word;
    await pause(60_000, undefined, { signal }).catch(quiet);
  }

  say(at: string, word: string | undefined): void {
    if (word === undefined) this.#words.delete(at);
    else this.#words.set(at, word);
  }

  get said(): readonly (string | undefined)[] {
    return this.set.all.map((each) => this.set.said(each));
  }
}

const redis = (at: string, detail = ""): Settings => ({ name: "redis", kind: "redis", at, detail });

test("a change that cannot be made is taken back with what was said before", async () => {
  const places = new Places();
  using set = places.set;
  places.say("here", "routes");
  set.update([redis("here")]);
  await set.ready();
  places.say("here", undefined);
  for (const refused of [[], [redis("elsewhere")], [redis("here", "other password")]]) {
    set.update(refused);
    set.update([redis("here")]);
    assert.deepEqual(places.said, ["routes"]);
  }
  set.update([]);
  set.update([]);
  set.update([redis("here")]);
  assert.deepEqual(places.said, [undefined], "gone for good, and nothing is on disk");
});

test("who is asked elsewhere says nothing of what was said there", async () => {
  await using folder = await tempFolder();
  const places = new Places(folder.path);
  using set = places.set;
  places.say("here", "routes");
  set.update([redis("here")]);
  await set.ready();
  set.update([redis("there")]);
  assert.deepEqual(places.said, [undefined]);
  places.say("here", undefined);
  set.update([]);
  set.update([redis("here")]);
  assert.deepEqual(places.said, ["routes"], "on disk, also what was not written yet");
});

test("or goes on with it until something is said there", async () => {
  await using folder = await tempFolder();
  const places = new Places(folder.path, true);
  using set = places.set;
  places.say("here", "routes");
  set.update([redis("here")]);
  await set.ready();
  set.update([redis("a typo")]);
  await set.known();
  assert.deepEqual(places.said, ["routes"]);
  places.say("there", "routes");
  set.update([redis("there")]);
  await set.ready();
  set[Symbol.dispose]();
  const later = new Places(folder.path, true);
  using again = later.set;
  again.update([redis("there")]);
  assert.deepEqual(
    later.said,
    ["routes"],
    "kept as what the new place says, though it is the same",
  );
});

test("what is known already is not waited for, what is new is, but not for ever", async () => {
  const places = new Places();
  using set = places.set;
  places.say("here", "routes");
  set.update([redis("here")]);
  await set.known();
  assert.deepEqual(places.said, ["routes"]);
  places.say("here", undefined);
  set.update([redis("here", "other password")]);
  const begun = performance.now();
  await set.known();
  assert.ok(performance.now() - begun < 1000);
  set.update([redis("nobody")]);
  await set.known();
  assert.ok(performance.now() - begun > 1900, "it hangs");
  const waiting = set.known();
  set[Symbol.dispose]();
  await waiting;
});

test("who says the same again changes nothing", async () => {
  const places = new Places();
  using set = places.set;
  places.say("here", "routes");
  set.update([redis("here")]);
  await eventually("the first word", () => places.changes === 1 || undefined);
  set.update([redis("here", "other password")]);
  await set.ready();
  await pause(250);
  assert.equal(places.changes, 1);
});
