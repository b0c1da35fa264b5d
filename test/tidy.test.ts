// The house rules that no linter knows: who may import whom, how files are named and begin, and that
// what the documentation promises exists. Each rule is a function from text to complaints, and each is
// also shown a planted violation, so that none of them can pass by looking at nothing.

import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { failures } from "../src/http/errors.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** What each folder of src may import besides itself; ARCHITECTURE.md explains the order. */
const mayImport: Readonly<Record<string, string>> = {
  lib: "",
  own: "",
  traffic: "config lib",
  config: "own x509 lib",
  http: "config lib",
  routing: "config lib",
  guest: "config lib",
  gateway: "http config lib",
  files: "guest http config lib",
  upstream: "gateway guest http config lib",
  tls: "config lib",
  health: "upstream gateway guest http config lib",
  alerts: "config lib",
  stream: "tls upstream guest http config lib",
  peers: "config lib",
  metrics: "config lib",
  middlewares: "own peers http config lib",
  cache: "peers http config lib",
  telemetry: "http config lib",
  proxy:
    "metrics traffic telemetry routing middlewares cache peers files gateway guest upstream http config lib",
  listen: "proxy stream tls upstream http config lib",
  etcd: "config lib",
  providers: "etcd config lib",
  fleet: "etcd config lib",
  store: "config lib",
  x509: "lib",
  acme: "x509 config lib",
  certificates: "x509 config lib",
  importers: "providers config lib",
  explain: "proxy routing middlewares peers tls http config lib",
  admin: "explain traffic routing config lib",
  process:
    "metrics explain traffic own admin store acme certificates x509 providers fleet listen proxy cache peers stream tls health alerts upstream guest routing http config lib",
  library: "own process listen proxy providers upstream guest http config lib",
  cli: "explain traffic importers process admin providers routing config lib",
};

const files = globSync("{src,test,bench,scripts,ui}/**/*.{ts,tsx,mjs}", { cwd: root }).sort();
const sources = files.filter((path) => path.startsWith("src/"));

function strangeImports(path: string, text: string): string[] {
  const folder = path.split("/")[1] ?? "";
  const allowed = mayImport[folder];
  if (allowed === undefined) return [`${path}: src/${folder} is not a folder of the plan`];
  const complaints: string[] = [];
  for (const [, specifier = ""] of text.matchAll(/(?:from|import|import\()\s*"([^"]+)"/g)) {
    if (!specifier.startsWith(".")) continue;
    const target = normalize(join(dirname(path), specifier));
    const [top, to = ""] = target.split("/");
    const isFine = top === "src" && (to === folder || allowed.split(" ").includes(to));
    // Tests may reach for what they need to test with.
    if (!isFine && !path.endsWith(".test.ts")) complaints.push(`${path} must not import ${target}`);
  }
  return complaints;
}

/** The console shares shapes with the program, and never code: what it imports goes to browsers. */
function sharedCode(path: string, text: string): string[] {
  const complaints: string[] = [];
  for (const [, words = "", specifier = ""] of text.matchAll(/(\bimport\s[^;]*?)"([^"]+)"/g)) {
    const target = normalize(join(dirname(path), specifier));
    const isOwn = !specifier.startsWith(".") || target.startsWith("ui/");
    if (!isOwn && !words.startsWith("import type"))
      complaints.push(`${path} imports code: ${target}`);
  }
  return complaints;
}

function badShape(path: string, text: string): string[] {
  const complaints: string[] = [];
  const name = path.split("/").at(-1) ?? "";
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.(tsx?|mjs)$/.test(name))
    complaints.push("is not kebab-case");
  if (name.startsWith("index.")) complaints.push("is an index file");
  // The names of its tests say what a test is for.
  const isTest = name.endsWith(".test.ts");
  if (!isTest && !text.startsWith("// "))
    complaints.push("does not open with a comment on what it is for");
  const lines = text.split("\n").length - 1;
  if (lines > 500) complaints.push(`has ${lines} lines, more than 500`);
  if (/^export default\b/m.test(text)) complaints.push("has a default export");
  if (/^export \*/m.test(text)) complaints.push("exports another file's names");
  const isQuiet = !isTest && path.startsWith("src/") && !path.startsWith("src/cli/");
  if (isQuiet && /\bconsole\./.test(text)) complaints.push("writes to the console");
  return complaints.map((each) => `${path} ${each}`);
}

function missingBenches(path: string, text: string, exists: (path: string) => boolean): string[] {
  const named = [...text.matchAll(/\/\/ Hot: ([\w./-]*\w)/g)].map(([, bench = ""]) => bench);
  return named.filter((bench) => !exists(bench)).map((bench) => `${path}: there is no ${bench}`);
}

function missingPaths(text: string, exists: (path: string) => boolean): string[] {
  const top = "(?:src|test|bench|docs|examples|scripts|bin|\\.ci)";
  const named = [...text.matchAll(new RegExp(`\\\`(${top}/[\\w./-]*)\\\``, "g"))];
  assert.ok(named.length > 0, "no path was found in the text");
  return named.map(([, path = ""]) => path).filter((path) => !exists(path));
}

/** Folders of which the page says something else than the rules above. */
function misdrawn(page: string): string[] {
  const sorted = (words: string) => words.split(" ").toSorted().join(" ");
  const rows = new Map(
    [...page.matchAll(/^\| `src\/(\w+)\/` \|.*\| ([^|]*) \|$/gm)].map(([, folder, words = ""]) => [
      folder,
      sorted(words.replace("–", "")),
    ]),
  );
  return Object.entries(mayImport)
    .filter(([folder, words]) => rows.get(folder) !== sorted(words))
    .map(([folder]) => folder);
}

function undocumented(page: string, table: Record<string, { status: number }>): string[] {
  const rows = new Map<string, number>();
  for (const line of page.split("\n")) {
    const row = /^\|\s*`([A-Z_]+)`\s*\|\s*(\d{3})\s*\|/.exec(line);
    if (row !== null) rows.set(row[1] ?? "", Number(row[2]));
  }
  const wrong = Object.entries(table).filter(([name, { status }]) => rows.get(name) !== status);
  const stale = [...rows.keys()].filter((name) => !Object.hasOwn(table, name));
  return [...wrong.map(([name]) => name), ...stale];
}

interface LockedPackage {
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly license?: string;
}

function badPackages(packages: Record<string, LockedPackage>): string[] {
  const free = new Set(
    "MIT MIT-0 ISC BSD-2-Clause BSD-3-Clause 0BSD Apache-2.0 BlueOak-1.0.0".split(" "),
  );
  const complaints: string[] = [];
  for (const [path, { dev = false, hasInstallScript = false, license = "none" }] of Object.entries(
    packages,
  )) {
    if (path === "" || dev) continue;
    if (hasInstallScript) complaints.push(`${path} runs a script when it is installed`);
    if (!free.has(license)) complaints.push(`${path} has the licence ${license}`);
  }
  return complaints;
}

function unpinned(manifest: Record<string, unknown>): string[] {
  return ["dependencies", "optionalDependencies", "devDependencies"].flatMap((key) =>
    Object.entries((manifest[key] ?? {}) as Record<string, string>)
      .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
      .map(([name]) => name),
  );
}

const exists = (path: string) => existsSync(join(root, path));

test("folders import only what lies below them", () => {
  assert.ok(sources.length > 20, "the sources were found");
  assert.deepEqual(
    sources.flatMap((path) => strangeImports(path, read(path))),
    [],
  );
  const planted = 'import { x } from "../listen/x.ts";\nimport type { y } from "./y.ts";';
  assert.deepEqual(strangeImports("src/lib/a.ts", planted), [
    "src/lib/a.ts must not import src/listen/x.ts",
  ]);
  assert.deepEqual(strangeImports("src/listen/a.ts", 'await import("../proxy/z.ts")'), []);
  assert.equal(strangeImports("src/utils/a.ts", "").length, 1);
});

test("the console imports nothing but types from the program", () => {
  const own = files.filter((path) => path.startsWith("ui/"));
  assert.ok(own.length > 20, "the console was found");
  assert.deepEqual(
    own.flatMap((path) => sharedCode(path, read(path))),
    [],
  );
  const fine = 'import type { A } from "../../src/a.ts";\nimport { b } from "./b.ts";\n';
  assert.deepEqual(sharedCode("ui/src/a.ts", fine), []);
  assert.deepEqual(sharedCode("ui/src/a.ts", 'import { c } from "../../src/c.ts";'), [
    "ui/src/a.ts imports code: src/c.ts",
  ]);
});

test("files are small, kebab-case, open with a comment and export by name", () => {
  assert.deepEqual(
    files.flatMap((path) => badShape(path, read(path))),
    [],
  );
  const planted = `${"\n".repeat(501)}console.log(1);\nexport default 1;\nexport * from "./x.ts";\n`;
  assert.equal(badShape("src/lib/Index_x.ts", planted).length, 6);
  assert.deepEqual(badShape("src/lib/index.ts", "// An index.\n"), [
    "src/lib/index.ts is an index file",
  ]);
});

test("a file that calls itself hot names a bench that exists", () => {
  assert.deepEqual(
    sources.flatMap((path) => missingBenches(path, read(path), exists)),
    [],
  );
  assert.deepEqual(missingBenches("src/a.ts", "// Hot: bench/gone.ts", exists), [
    "src/a.ts: there is no bench/gone.ts",
  ]);
});

test("every path that ARCHITECTURE.md names exists", () => {
  assert.deepEqual(missingPaths(read("ARCHITECTURE.md"), exists), []);
  assert.deepEqual(missingPaths("see `src/lib/gone.ts` and `src/lib`", exists), [
    "src/lib/gone.ts",
  ]);
});

test("ARCHITECTURE.md has each folder, and what it may import", () => {
  const page = read("ARCHITECTURE.md");
  assert.deepEqual(misdrawn(page), []);
  assert.deepEqual(misdrawn(page.replace(/^\| `src\/tls\/`.*\n/m, "")), ["tls"]);
  assert.deepEqual(misdrawn(page.replace("| tls upstream guest http", "| upstream guest http")), [
    "stream",
  ]);
});

test("every failure is documented with its status, and no other", () => {
  assert.deepEqual(undocumented(read("docs/reference/errors.md"), failures), []);
  const page = "| `A` | 400 |\n| `B` | 500 |\n| `OLD` | 400 |";
  const table = { A: { status: 400 }, B: { status: 501 }, C: { status: 404 } };
  assert.deepEqual(undocumented(page, table), ["B", "C", "OLD"]);
});

test("packages are pinned exactly, and those of production are free and run no install script", () => {
  assert.ok(exists("CHANGELOG.md") && exists("LICENSE"));
  assert.deepEqual(unpinned(JSON.parse(read("package.json"))), []);
  assert.deepEqual(unpinned({ dependencies: { a: "^1.0.0", b: "1.0.0" } }), ["a"]);
  assert.deepEqual(badPackages(JSON.parse(read("package-lock.json")).packages), []);
  const planted = { "": {}, a: { license: "GPL-3.0", hasInstallScript: true }, b: { dev: true } };
  assert.equal(badPackages(planted).length, 2);
});
