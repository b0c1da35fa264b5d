import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { test } from "node:test";
import { parse } from "yaml";
import type { Collection } from "../config/collection.ts";
import { readConfig } from "../config/read.ts";
import { findConflicts } from "../routing/conflicts.ts";
import { merge } from "../routing/merge.ts";
import type { StoredItem } from "../store/store.ts";
import { type RowsOf, rowsOf } from "./configuration-rows.ts";
import { dumpOf } from "./dump.ts";
import { KeptItems } from "./kept-items.ts";

/** What the file and the store say, as it is served. */
function served(text: string, items: readonly Omit<StoredItem, "revision">[]): RowsOf {
  const { snapshot: file, problems: faults } = readConfig(text, {
    file: "t.yaml",
    baseFolder: "/b",
  });
  ok(file?.written !== undefined, JSON.stringify(faults));
  const { version: _version, secret: _secret, ...catalog } = file;
  const stored = new Map(
    items.map((each, at) => [`${each.section} ${each.name}`, { ...each, revision: at + 1 }]),
  );
  const { collection, problems } = new KeptItems().read(stored, file.written.defaults);
  const said = { collections: [collection], discoveries: [] };
  const options = { version: 3, secret: "", holders: new Map<string, string>() };
  const { snapshot, refusals } = merge(catalog, said, { ...options, isOwnAddress: () => false });
  const conflicts = findConflicts(snapshot.routes);
  return {
    catalog,
    written: file.written,
    snapshot,
    said,
    items: stored,
    problems,
    refusals,
    conflicts,
  };
}

const item = (section: StoredItem["section"], name: string, value: unknown) => ({
  section,
  name,
  text: JSON.stringify(value),
});

test("rows tell of each item whose it is, what was written, and what became of it", () => {
  const all = served(
    "routes: { a.test: { service: shop, priority: 7 } }\nservices: { shop: 'http://10.0.0.1' }",
    [
      item("routes", "a", { host: "a.test", priority: 7, service: "http://10.0.0.2" }),
      item("services", "shop", "http://10.0.0.3"),
      item("overlays", "nobody", { maxBody: 1 }),
      item("routes", "bad", { servise: 1 }),
    ],
  );
  const rows = rowsOf("routes", all);
  deepStrictEqual(
    rows.map(({ name, source, revision }) => [name, source, revision]),
    [
      ["a.test", "file", undefined],
      ["a@store", "store", 1],
      ["bad@store", "store", 4],
    ],
  );
  deepStrictEqual(rows[0]?.value, { service: "shop", priority: 7 });
  strictEqual(rows[0]?.place, "t.yaml:1:11");
  match(rows[1]?.notes.join() ?? "", /both claim .* the first one gets the requests/);
  match(rows[2]?.notes.join() ?? "", /routes\.bad\.servise: .*unknown key.*write service/);
  const services = rowsOf("services", all).map(({ name, value }) => [name, value]);
  deepStrictEqual(services, [
    ["shop", "http://10.0.0.1"],
    ["shop@store", "http://10.0.0.3"],
  ]);
  match(rowsOf("overlays", all)[0]?.notes.join() ?? "", /there is no route called nobody/);
  strictEqual(rowsOf("routes", all, "a@store").length, 1);
  for (const section of ["routes", "services", "overlays"] as const) {
    for (const row of rowsOf(section, all)) {
      deepStrictEqual(rowsOf(section, all, row.name), [row]);
    }
  }
  deepStrictEqual(rowsOf("routes", all, "bad"), []);
  deepStrictEqual(rowsOf("services", all, "__proto__"), []);
});

test("a dump holds neither what was refused nor what lets somebody in, and no name twice", () => {
  const check = { http: "/", headers: { Authorization: "Bearer 5ecret" } };
  const all = served(
    `
routes: { a.test: { service: shop@store } }
services: { shop: { backends: [http://10.0.0.1], check: ${JSON.stringify(check)} } }
providers: { redis: { url: "redis://:pa55word@127.0.0.1:1" } }
alerts: { webhook: { url: "https://hooks.test/5ecret" } }
`,
    [
      item("services", "shop", { backends: ["http://10.0.0.2"], check }),
      item("services", "both", { failover: ["shop", "shop@file"] }),
      item("routes", "a.test", { whoami: true }),
      item("routes", "*.b.test/__proto__", "http://10.0.0.3"),
      item("routes", "gone", { host: "gone.test", service: "nobody" }),
    ],
  );
  const text = dumpOf(all);
  ok(!/5ecret|pa55word/.test(text), text);
  ok(!/5ecret/.test(JSON.stringify(rowsOf("services", all))));
  const said = parse(text) as Record<string, Record<string, unknown>>;
  deepStrictEqual(Object.keys(said["routes"] ?? {}), [
    "a.test",
    "a.test-store",
    "*.b.test/__proto__",
  ]);
  deepStrictEqual(said["routes"]?.["a.test"], { service: "shop-store" });
  deepStrictEqual(said["services"]?.["both"], { failover: ["shop-store", "shop"] });
  match(
    text,
    /# not written: routes\.gone@store of store, routes\/gone: nobody is at nobody@store now/,
  );
  const again = readConfig(text, { file: "dump.yaml", baseFolder: "/b" });
  deepStrictEqual(
    again.problems.filter(({ severity }) => severity === "error"),
    [],
  );
});

test("pages for errors are of the same service in a dump, under the name that it has there", () => {
  const pages = (service: string) => ({ middlewares: [{ errors: { service } }] });
  const all = served(
    `
routes: { a.test: { service: shop, middlewares: [{ errors: { service: pages@store } }, usual] } }
services: { shop: http://10.0.0.1 }
middlewares: { usual: [{ errors: { service: shop@store } }] }
`,
    [
      item("services", "shop", { backends: ["http://10.0.0.2"], ...pages("pages") }),
      item("services", "pages", "http://10.0.0.3"),
      item("routes", "b.test", { service: "shop", ...pages("shop@file") }),
    ],
  );
  const text = dumpOf(all);
  const said = parse(text) as Record<string, Record<string, Record<string, unknown>>>;
  const of = (service: string) => pages(service).middlewares;
  deepStrictEqual(said["routes"]?.["a.test"]?.["middlewares"], [...of("pages"), "usual"]);
  deepStrictEqual(said["routes"]?.["b.test"]?.["middlewares"], of("shop"));
  deepStrictEqual(said["services"]?.["shop-store"]?.["middlewares"], of("pages"));
  deepStrictEqual(said["middlewares"]?.["usual"], of("shop-store"));
  const again = readConfig(text, { file: "dump.yaml", baseFolder: "/b" });
  deepStrictEqual(again.problems, []);
});

test("ten thousand items that did not change are not read again", () => {
  const items = Array.from({ length: 10_000 }, (_, n) =>
    item("routes", `r${n}.test`, "http://10.0.0.1"),
  );
  const stored = new Map(items.map((each) => [each.name, { ...each, revision: 1 }]));
  const kept = new KeptItems();
  const { written } = served("routes: { a.test: { whoami: true } }", []);
  const first = kept.read(stored, written.defaults).collection;
  const next = new Map(stored);
  next.set("r5.test", { ...item("routes", "r5.test", "http://10.0.0.2"), revision: 2 });
  // The file was read again, and says the same.
  const second = kept.read(next, structuredClone(written.defaults)).collection;
  const isOther = (each: Collection["routes"][number], at: number) => each !== first.routes[at];
  deepStrictEqual(
    second.routes.filter(isOther).map(({ name }) => name),
    ["r5.test@store"],
  );
  const other = { ...written.defaults, maxBody: 7 };
  ok(kept.read(next, other).collection.routes.every(({ maxBody }) => maxBody === 7));
});
