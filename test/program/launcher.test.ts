// bin/tidegate as a person or a service manager starts it: which Node.js it takes, through links, and
// that the process they started is the program itself. Packages are laid out in a temporary folder.

import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";

const folder = mkdtempSync(join(tmpdir(), "tidegate-launcher-"));
after(() => rmSync(folder, { recursive: true }));

const bundledName = `node-linux-${process.arch}`;

/** A stand-in for Node.js: a script that knows its version and says how it was started. */
function placeNode(path: string, version: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo v${version}; exit; fi\necho "${version} $$ $*"\n`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
}

function placeBundled(modules: string, version: string): void {
  const root = join(modules, bundledName);
  placeNode(join(root, "bin", "node"), version);
  writeFileSync(
    join(root, "package.json"),
    JSON.stringify({ name: bundledName, version }, null, 2),
  );
}

/** A published package: bin and dist, no src. */
function placePackage(root: string): string {
  mkdirSync(join(root, "bin"), { recursive: true });
  mkdirSync(join(root, "dist", "cli"), { recursive: true });
  writeFileSync(join(root, "dist", "cli", "main.js"), "");
  const launcher = join(root, "bin", "tidegate");
  copyFileSync(join(import.meta.dirname, "../../bin/tidegate"), launcher);
  chmodSync(launcher, 0o755);
  return launcher;
}

function start(
  launcher: string,
  system: string,
  env: NodeJS.ProcessEnv = {},
): SpawnSyncReturns<string> {
  return spawnSync(launcher, ["run", "a b"], {
    encoding: "utf8",
    env: { PATH: `${system}:/usr/bin:/bin`, ...env },
    timeout: 10_000,
  });
}

const older = join(folder, "older");
const newer = join(folder, "newer");
const nightly = join(folder, "nightly");
placeNode(join(older, "node"), "20.20.2");
placeNode(join(newer, "node"), "26.3.0");
placeNode(join(nightly, "node"), "27.0.0-nightly20261101");
const project = join(folder, "project", "node_modules");
const launcher = placePackage(join(project, "tidegate"));
placeBundled(project, "24.21.0");

test("the bundled Node.js of a parent's node_modules is found, and is the process that was started", () => {
  const { stdout, pid, status } = start(launcher, older);
  const entry = join(project, "tidegate", "dist", "cli", "main.js");
  assert.equal(stdout, `24.21.0 ${pid} ${entry} run a b\n`);
  assert.equal(status, 0);
});

test("a newer Node.js of the system goes before the bundled one", () => {
  assert.match(start(launcher, newer).stdout, /^26\.3\.0 /);
  assert.match(start(launcher, nightly).stdout, /^27\.0\.0-nightly20261101 /);
});

test("at the same version the bundled one is taken", () => {
  const same = join(folder, "same");
  placeNode(join(same, "node"), "24.21.0");
  writeFileSync(join(same, "node"), "#!/bin/sh\necho v24.21.0; [ $1 = --version ]\n");
  assert.match(start(launcher, same).stdout, /^24\.21\.0 \d+ /);
});

test("links to the launcher, absolute or relative, are followed", () => {
  mkdirSync(join(project, ".bin"));
  symlinkSync("../tidegate/bin/tidegate", join(project, ".bin", "tidegate"));
  symlinkSync(join(project, ".bin", "tidegate"), join(folder, "tidegate"));
  assert.match(start(join(project, ".bin", "tidegate"), older).stdout, /^24\.21\.0 /);
  assert.match(start(join(folder, "tidegate"), older).stdout, /^24\.21\.0 /);
});

test("TIDEGATE_NODE decides, and is refused when it is too old", () => {
  const chosen = start(launcher, older, { TIDEGATE_NODE: join(newer, "node") });
  assert.match(chosen.stdout, /^26\.3\.0 /);
  const refused = start(launcher, newer, { TIDEGATE_NODE: join(older, "node") });
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    /no Node\.js 24\.21\.0 or newer[\s\S]*20\.20\.2[\s\S]*TIDEGATE_NODE/,
  );
});

test("without any that is new enough it says what was found and what to do", () => {
  const alone = placePackage(join(folder, "alone"));
  const { status, stderr, stdout } = start(alone, older);
  assert.equal(status, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /20\.20\.2 .*older\/node\nInstall Node\.js 24\.21\.0 or newer/);
});

test("the program may open as many files as the hard limit allows, whatever the soft one was", () => {
  const root = join(folder, "limits");
  const entry = placePackage(root);
  // What the real program inherits: the real Node.js does it while it starts.
  const show = 'console.log(require("node:fs").readFileSync("/proc/self/limits", "utf8"))';
  writeFileSync(join(root, "dist", "cli", "main.js"), show);
  const script = 'ulimit -Sn 64 && ulimit -Hn 4000 && exec "$0"';
  const { stdout, stderr } = spawnSync("/bin/sh", ["-c", script, entry], {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin", TIDEGATE_NODE: process.execPath },
    timeout: 10_000,
  });
  assert.match(stdout, /^Max open files +4000 +4000 /m, stderr);
});

test("the real program starts through it", () => {
  const real = spawnSync(join(import.meta.dirname, "../../bin/tidegate"), ["--version"], {
    encoding: "utf8",
    timeout: 10_000,
  });
  assert.equal(real.stderr, "");
  assert.match(real.stdout, /^\d+\.\d+\.\d+\n$/);
});
