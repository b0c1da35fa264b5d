// Builds the console, ui/, and the site of the documentation into dist/console/ for the admin API to serve: `node scripts/console.mjs [--strict] [--out FOLDER]`.
// Does nothing when all that they are made of is what it was at the last build. `npm start` goes on without a console
// when it cannot be built; with --strict that is a failure. Plain JavaScript for Node 20, like scripts/install.mjs.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { engine, root } from "./engine.mjs";

const { values } = parseArgs({
  options: {
    strict: { type: "boolean", default: false },
    out: { type: "string", default: join(root, "dist", "console") },
    /** Internal: we are the engine that can run Vite. */
    build: { type: "string" },
  },
});

const source = join(root, "ui");
const stampName = ".stamp";

/** Everything that the result depends on. */
function wantedStamp() {
  const hash = createHash("sha256");
  const folders = [source, join(root, "docs"), join(root, "scripts", "site")];
  const names = folders
    .filter((each) => existsSync(each))
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath ?? each.path, each.name))
    .toSorted();
  const others = ["package-lock.json", "README.md", "ARCHITECTURE.md", "CHANGELOG.md"];
  const site = join(root, "scripts", "site.mjs");
  const own = [...others.map((name) => join(root, name)), import.meta.filename, site];
  for (const name of [...names, ...own.filter((each) => existsSync(each))]) {
    hash
      .update(`${name.slice(root.length)}\0`)
      .update(readFileSync(name))
      .update("\0");
  }
  return hash.digest("hex");
}

function stampOf(folder) {
  try {
    return readFileSync(join(folder, stampName), "utf8");
  } catch {
    return undefined; // never built
  }
}

async function build(folder) {
  const vite = await import("vite");
  await vite.build({
    root: source,
    configFile: false,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir: folder,
      emptyOutDir: true,
      // Browsers of 2024: what they lack, such as light-dark(), would be made of much more code.
      target: ["chrome125", "firefox128", "safari17.5"],
      // Data URLs are not of our origin, and the content policy says so.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  });
  const { buildSite } = await import("./site.mjs");
  buildSite(join(folder, "docs"));
  compress(folder);
}

/** What is asked for again and again is compressed once, and as well as can be; pictures are already. */
function compress(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith(".png")) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    // The pages of the documentation are many, and 11 takes ten times as long as 9.
    const quality = path.startsWith(join(folder, "docs")) ? 9 : 11;
    const params = { [constants.BROTLI_PARAM_QUALITY]: quality };
    writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
  }
}

/** Begins the names of folders that are on their way to their place, or away from it. */
const apartName = ".console-";
/** Older ones were left behind by a build that was killed. */
const leftBehindMs = 600_000;

function clearAway(parent) {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(apartName)) continue;
    const path = join(parent, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Infinity };
    if (Date.now() - mtimeMs > leftBehindMs) rmSync(path, { recursive: true, force: true });
  }
}

/** Whoever builds at the same time may be as far as we are: what stands there in the end is one of both, whole. */
function putInPlace(apart, folder, stamp) {
  const old = `${apart}-old`;
  for (let attempt = 0; attempt < 10 && stampOf(folder) !== stamp; attempt++) {
    try {
      renameSync(folder, old);
    } catch {
      // There was none, or somebody else took it away.
    }
    rmSync(old, { recursive: true, force: true });
    try {
      renameSync(apart, folder);
      return true;
    } catch {
      // Somebody else was faster; perhaps with the same.
    }
  }
  rmSync(apart, { recursive: true, force: true });
  return stampOf(folder) === stamp;
}

/** Beside its place first, so that nobody ever sees half of it. */
async function buildApart(folder, stamp) {
  const { spawnSync } = await import("node:child_process");
  const begin = performance.now();
  const apart = join(dirname(folder), `${apartName}${process.pid}`);
  mkdirSync(dirname(folder), { recursive: true });
  clearAway(dirname(folder));
  const result = spawnSync(engine(), [import.meta.filename, "--build", apart], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (result.status !== 0) {
    rmSync(apart, { recursive: true, force: true });
    const why = result.error?.message ?? `status ${result.status ?? result.signal}`;
    console.error(`The console could not be built (${why}); \`npm run console\` repeats it.`);
    return false;
  }
  writeFileSync(join(apart, stampName), stamp);
  if (!putInPlace(apart, folder, stamp)) {
    console.error(`The console could not be put at ${folder}; \`npm run console\` repeats it.`);
    return false;
  }
  console.log(`Built the console in ${((performance.now() - begin) / 1000).toFixed(1)} s.`);
  return true;
}

/** A folder that nobody may write to is no reason not to start. */
async function tryToBuild(folder, stamp) {
  try {
    return await buildApart(folder, stamp);
  } catch (error) {
    console.error(
      `The console could not be built (${error instanceof Error ? error.message : String(error)}).`,
    );
    return false;
  }
}

if (values.build !== undefined) {
  await build(values.build);
} else if (existsSync(source)) {
  const folder = resolve(values.out);
  const stamp = wantedStamp();
  const isThere = stampOf(folder) === stamp;
  if (!isThere && !(await tryToBuild(folder, stamp)) && values.strict) process.exit(1);
}
