import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import type { FilesService } from "../config/files.ts";
import { FileCache, Shelf } from "../files/file-cache.ts";
import { Names } from "../files/names.ts";
import { readsOf } from "../files/reading.ts";
import type { Premises } from "../guest/finding.ts";
import { Guests } from "../guest/guests.ts";
import { Counter, dropGiven } from "./file-desk.ts";

function counterOf(root: string, more: Partial<FilesService>, premises: Premises): Counter {
  const settings: FilesService = {
    kind: "files",
    name: "x",
    origin: { provider: "file", place: "" },
    maintenance: undefined,
    guest: undefined,
    root,
    index: ["index.html"],
    try: [{ kind: "path", path: "$path", query: undefined }],
    listing: false,
    precompressed: [],
    hidden: [],
    shown: [],
    cacheControl: [],
    types: {},
    charset: "",
    scripts: undefined,
    ...more,
  };
  const programs = { isSource: () => false, scriptOf: () => undefined };
  const names = new Names(settings);
  const place = { settings, premises, names, programs, script: undefined, scriptRoot: undefined };
  return new Counter(place, undefined, new Shelf(new FileCache()), readsOf(premises));
}

/** This machine, counting who looks for something. */
function counted(): { readonly premises: Premises; looks(): number } {
  const machine = new Guests().of(undefined);
  let looks = 0;
  const find = (path: string) => {
    looks++;
    return machine.find(path);
  };
  const premises = {
    find,
    list: (path: string) => machine.list(path),
    socket: (path: string) => machine.socket(path),
  };
  return { premises, looks: () => looks };
}

test("what is not there is looked for once by all who ask for it at the same time, and again by who asks later", async () => {
  await using folder = await tempFolder();
  const { premises, looks } = counted();
  const counter = counterOf(folder.path, {}, premises);
  const all = await Promise.all(Array.from({ length: 500 }, () => counter.look("/a", true)));
  assert.deepEqual(new Set(all.map(({ kind }) => kind)), new Set(["nothing"]));
  assert.equal(looks(), 1);
  writeFileSync(folder.file("a"), "x");
  assert.equal((await counter.look("/a", true)).kind, "forms", "nobody believes that it is not");
});

test("a large file is opened by each who asks for it", async () => {
  await using folder = await tempFolder();
  writeFileSync(folder.file("big"), Buffer.alloc(300 * 1024));
  const counter = counterOf(folder.path, {}, counted().premises);
  const all = await Promise.all(Array.from({ length: 5 }, () => counter.look("/big", true)));
  const open = all.flatMap((each) => (each.kind === "forms" ? [each.forms[0].file?.fd] : []));
  assert.equal(new Set(open).size, 5);
  for (const each of all) dropGiven(each);
});

test("whoever may not be sent to the folder itself gets something else than those who may", async () => {
  await using folder = await tempFolder();
  await mkdir(folder.file("shop"));
  writeFileSync(folder.file("shop/index.html"), "x");
  const steps = [{ kind: "path", path: "$path/", query: undefined }] as const;
  const counter = counterOf(folder.path, { try: steps }, counted().premises);
  const ways = [true, false, true, false];
  const all = await Promise.all(ways.map((mayRedirect) => counter.look("/shop", mayRedirect)));
  assert.deepEqual(
    all.map(({ kind }) => kind),
    ["slash", "forms", "slash", "forms"],
  );
  assert.equal(counter.kept("/shop", performance.now()), undefined);
});

test("a path that is remembered does not keep the head that it came in", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const used = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const steps = [{ kind: "path", path: "/index.php", query: "$query" }] as const;
  const counter = counterOf("/", { try: steps }, counted().premises);
  await counter.look("/first", false);
  const before = used();
  const pathOf = (at: number) => `/a/path/that/is/asked/for/${at}`;
  for (let at = 0; at < 1000; at++) {
    const head = `GET ${pathOf(at)} HTTP/1.1\r\nCookie: ${"x".repeat(50_000)}\r\n`;
    const received = Buffer.from(head).latin1Slice();
    await counter.look(received.slice(4, 4 + pathOf(at).length), false);
  }
  assert.notEqual(counter.kept(pathOf(999), performance.now()), undefined);
  const grown = used() - before;
  assert.ok(grown < 10_000_000, `${grown} bytes more for 1000 paths`);
});
