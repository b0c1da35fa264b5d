// Changes that come to nothing: what cannot go live, or cannot be written, was never there. The store is a real
// one; who serves is only asked whether it can go live.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { test } from "node:test";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import type { ChangeOutcome } from "../admin/configuration.ts";
import type { Collection } from "../config/collection.ts";
import { readConfig } from "../config/read.ts";
import { merge, type Merged, type Said } from "../routing/merge.ts";
import { ProgramConfiguration } from "./configuration.ts";
import type { Primary, Turn } from "./primary.ts";
import { StoreKeeper } from "./store-keeper.ts";

const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const me = { by: "test", note: undefined, isDryRun: false };

/** Goes live unless `fault` says why not. */
function configurationIn(folder: string) {
  const { snapshot } = readConfig("routes: { a.test: { whoami: true } }", {
    file: "t",
    baseFolder: "/",
  });
  ok(snapshot !== undefined);
  const { version: _version, secret: _secret, ...catalog } = snapshot;
  const live: { fault: string | undefined; routes: readonly string[] } = {
    fault: undefined,
    routes: [],
  };
  const saidWith = (kept: Collection): Said => ({ collections: [kept], discoveries: [] });
  const options = { version: 2, secret: "", holders: new Map<string, string>() };
  const turn: Turn = {
    catalog,
    propose: (said) => merge(catalog, said, { ...options, isOwnAddress: () => false }),
    async goLive({ snapshot: next }: Merged) {
      if (live.fault !== undefined) throw new Error(live.fault);
      live.routes = next.routes.map(({ name }) => name);
      return next;
    },
  };
  const primary = {
    refusals: [],
    amend: <T>(work: (each: Turn) => Promise<T>) => work(turn),
    snapshot,
    conflicts: [],
  };
  const keeper = new StoreKeeper(log);
  keeper.open(folder, process.pid);
  const configuration = new ProgramConfiguration({
    ...{ log, keeper, saidWith },
    services: new Map(),
    failuresOf: () => ({ requests: 0, failed: 0, unrouted: 0 }),
    onTakenBack() {},
    primary: () => primary as unknown as Primary,
  });
  const set = (name: string, value: unknown) =>
    configuration.change([{ section: "routes", name, value, expected: undefined }], me);
  return { configuration, keeper, live, set };
}

const messageOf = (outcome: ChangeOutcome) =>
  outcome.kind === "failed" ? outcome.message : outcome.kind;

test("what cannot go live is taken back, and the next change is made", async () => {
  await using folder = await tempFolder();
  const { configuration, keeper, live, set } = configurationIn(folder.path);
  using _keeper = keeper;
  strictEqual((await set("b.test", "http://10.0.0.1")).kind, "done");
  live.fault = "no worker could use it";
  match(
    messageOf(await set("b.test", "http://10.0.0.2")),
    /cannot go live, and nothing was changed: no worker/,
  );
  strictEqual(configuration.revision, 1);
  deepStrictEqual(configuration.exported(false).items, [
    { section: "routes", name: "b.test", value: "http://10.0.0.1" },
  ]);
  live.fault = undefined;
  strictEqual((await set("c.test", "http://10.0.0.3")).kind, "done");
  deepStrictEqual(live.routes, ["a.test", "b.test@store", "c.test@store"]);
});

test("what the disk does not take is refused before it goes live", async () => {
  await using folder = await tempFolder();
  const { configuration, keeper, live, set } = configurationIn(folder.path);
  using _keeper = keeper;
  strictEqual((await set("b.test", "http://10.0.0.1")).kind, "done");
  // As on a disk without room: SQLite may add no page.
  keeper.database?.sql.exec("PRAGMA max_page_count = 1");
  const many = Array.from({ length: 200 }, (_, n) => ({
    section: "routes" as const,
    name: `r${n}.test`,
    value: { respond: { body: "x".repeat(500) } },
    expected: undefined,
  }));
  match(
    messageOf(await configuration.change(many, me)),
    /the disk is full: make room and try again/,
  );
  deepStrictEqual(live.routes, ["a.test", "b.test@store"]);
  strictEqual(configuration.revision, 1);
  keeper.database?.sql.exec("PRAGMA max_page_count = 1000000");
  strictEqual((await configuration.change(many, me)).kind, "done");
  strictEqual(live.routes.length, 202);
});

test("what is so already is no revision, and nothing is repeated within a change", async () => {
  await using folder = await tempFolder();
  const { configuration, keeper, set } = configurationIn(folder.path);
  using _keeper = keeper;
  await set("b.test", "http://10.0.0.1");
  const again = await set("b.test", "http://10.0.0.1");
  ok(again.kind === "done" && again.changed.length === 0);
  strictEqual(configuration.revision, 1);
  const twice = { section: "routes" as const, name: "c", value: 1, expected: undefined };
  const refused = await configuration.change([twice, twice], me);
  ok(refused.kind === "invalid");
  match(refused.problems[0]?.message ?? "", /is changed twice/);
});

test("what lets somebody in is kept and never shown, and what is shown can be sent back", async () => {
  await using folder = await tempFolder();
  const { configuration, keeper } = configurationIn(folder.path);
  using _keeper = keeper;
  const place = { section: "services" as const, name: "shop", expected: undefined };
  const put = (backend: string, Authorization: string) => {
    const check = { http: "/", headers: { Authorization } };
    return configuration.change([{ ...place, value: { backends: [backend], check } }], me);
  };
  const kept = () => JSON.stringify(configuration.exported(false));
  strictEqual((await put("http://10.0.0.1", "Bearer 5ecret")).kind, "done");
  const changed = await put("http://10.0.0.2", "(not shown)");
  ok(changed.kind === "done" && changed.changed.length === 1);
  match(kept(), /10\.0\.0\.2.*Bearer 5ecret/);
  const all = configuration.history({ before: undefined, limit: 9 });
  const shown = JSON.stringify([changed, all, configuration.difference(0, 2)]);
  ok(!shown.includes("5ecret"), shown);
  match(shown, /"Authorization":"\(not shown\)"/);
  strictEqual((await put("http://10.0.0.2", "Bearer other")).kind, "done");
  match(kept(), /Bearer other/);
  strictEqual((await configuration.rollback(2, me)).kind, "done");
  match(kept(), /Bearer 5ecret/);
});

test("of many problems, and of many notes, the first ones are told, and how many more there are", async () => {
  await using folder = await tempFolder();
  const { configuration, keeper } = configurationIn(folder.path);
  using _keeper = keeper;
  const items = Array.from({ length: 1000 }, (_, n) => ({
    section: "routes" as const,
    name: n === 0 ? "\ud800" : `r${n}.test`,
    value: 5,
  }));
  const refused = await configuration.import({ format: "tidegate-items-1", items }, me);
  ok(refused.kind === "invalid");
  strictEqual(refused.problems.length, 101);
  match(refused.problems[0]?.message ?? "", /has half a character/);
  match(refused.problems.at(-1)?.message ?? "", /^and 900 more; these are the first 100$/);
  const same = items.map((each, n) => {
    return { ...each, name: `s${n}`, value: { host: "x.test", whoami: true } };
  });
  const all = { format: "tidegate-items-1", items: same } as const;
  const done = await configuration.import(all, { ...me, isDryRun: true });
  ok(done.kind === "done");
  strictEqual(done.notes.length, 101);
  match(done.notes.at(-1) ?? "", /^and \d+ more like these$/);
});

test("values that are too long or too deep are refused by name", async () => {
  await using folder = await tempFolder();
  const { keeper, set } = configurationIn(folder.path);
  using _keeper = keeper;
  const long = await set("b.test", { respond: { body: "x".repeat(300_000) } });
  ok(long.kind === "invalid");
  match(long.problems[0]?.message ?? "", /is longer than 256 KiB/);
  let deep: unknown = 1;
  for (let level = 0; level < 1000; level++) deep = [deep];
  const refused = await set("b.test", deep);
  ok(refused.kind === "invalid");
  match(refused.problems[0]?.message ?? "", /has more than 12 levels/);
});

test("without a store everything is refused with the reason, and nothing is lost of what is served", async () => {
  const { configuration, keeper, set } = configurationIn("/nonexistent/folder");
  using _keeper = keeper;
  match(messageOf(await set("b.test", "http://10.0.0.1")), /tidegate\.db cannot be opened: ENOENT/);
  strictEqual(configuration.revision, 0);
  deepStrictEqual(configuration.history({ before: undefined, limit: 5 }), []);
  const backup = await configuration.backup("/tmp/x").catch((error: unknown) => String(error));
  match(String(backup), /cannot be opened/);
});

test("a route to a service that nobody has told of is kept, and the change says so", async () => {
  await using folder = await tempFolder();
  const { configuration, keeper, set } = configurationIn(folder.path);
  using _keeper = keeper;
  const early = await set("b.test", { service: "later" });
  ok(early.kind === "done");
  match(early.notes.join("\n"), /there is no service later@store so far/);
  const value = "http://10.0.0.1";
  const change = { section: "services", name: "later", value, expected: undefined } as const;
  const late = await configuration.change([change], me);
  ok(late.kind === "done");
  deepStrictEqual(late.notes, []);
});
