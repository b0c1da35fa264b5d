// Builds dist/tidegate_VERSION_ARCH.deb: `node scripts/deb.mjs [--fast] [--version V] [--out FOLDER]`.
// The same sources give the same bytes. --fast compresses less, for tests.

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createHash } from "node:crypto";
import { chmodSync, lstatSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { root } from "./engine.mjs";
import * as stage from "./stage.mjs";

const { values } = parseArgs({
  options: {
    fast: { type: "boolean", default: false },
    version: { type: "string", default: stage.version },
    out: { type: "string", default: join(root, "dist") },
  },
});

const packaging = join(root, "packaging");
const work = mkdtempSync(join(tmpdir(), "tidegate-deb-"));
try {
  console.log(build(join(work, "tree")));
} finally {
  rmSync(work, { recursive: true, force: true });
}

function build(tree) {
  placeProgram(tree);
  placeSystemFiles(tree);
  placeDocuments(join(tree, "usr/share/doc/tidegate"));
  stage.settle(tree);
  placeControl(tree);
  stage.settle(tree);
  const file = `tidegate_${values.version}_${stage.machine.debian}.deb`;
  mkdirSync(values.out, { recursive: true });
  const path = resolve(values.out, file);
  const level = values.fast ? ["-Zgzip", "-z1"] : ["-Zxz"];
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(stage.epoch) };
  stage.must("dpkg-deb", ["--root-owner-group", ...level, "--build", tree, path], { env });
  return path;
}

function placeProgram(tree) {
  const home = join(tree, "usr/lib/tidegate");
  stage.stageProgram(home);
  stage.stageModules(home);
  mkdirSync(join(tree, "usr/bin"), { recursive: true });
  symlinkSync("../lib/tidegate/bin/tidegate", join(tree, "usr/bin/tidegate"));
}

function placeSystemFiles(tree) {
  for (const each of ["etc/tidegate", "etc/logrotate.d", "lib/systemd/system"]) {
    mkdirSync(join(tree, each), { recursive: true });
  }
  copyFileSync(join(packaging, "tidegate.yaml"), join(tree, "etc/tidegate/tidegate.yaml"));
  copyFileSync(join(packaging, "tidegate.logrotate"), join(tree, "etc/logrotate.d/tidegate"));
  stage.fill(
    join(packaging, "tidegate.service"),
    join(tree, "lib/systemd/system/tidegate.service"),
    {
      program: "/usr/bin/tidegate",
      config: "/etc/tidegate/tidegate.yaml",
      user: "tidegate",
      group: "tidegate",
    },
  );
}

function placeDocuments(folder) {
  mkdirSync(join(folder, "examples"), { recursive: true });
  const changes = readFileSync(join(root, "CHANGELOG.md"));
  writeFileSync(join(folder, "changelog.gz"), gzipSync(changes, { level: 9 }));
  writeFileSync(join(folder, "copyright"), copyright());
  copyFileSync(join(packaging, "tidegate.socket"), join(folder, "examples", "tidegate.socket"));
  copyFileSync(join(packaging, "guests.conf"), join(folder, "examples", "guests.conf"));
}

/** Debian wants every licence in one file; those of the packages inside are copied with them. */
function copyright() {
  const lines = readFileSync(join(root, "LICENSE"), "utf8").trim();
  return `${lines}\n\nThe packages below /usr/lib/tidegate/node_modules have their own licences beside them.\n`;
}

function placeControl(tree) {
  const folder = join(tree, "DEBIAN");
  mkdirSync(folder);
  const from = join(packaging, "debian");
  for (const name of ["conffiles", "postinst", "prerm", "postrm"]) {
    copyFileSync(join(from, name), join(folder, name));
    if (name !== "conffiles") chmodSync(join(folder, name), 0o755);
  }
  const files = filesBelow(tree).filter((path) => !path.startsWith("DEBIAN/"));
  const bytes = files.reduce((sum, path) => sum + lstatSync(join(tree, path)).size, 0);
  stage.fill(join(from, "control"), join(folder, "control"), {
    version: values.version,
    architecture: stage.machine.debian,
    size: String(Math.ceil(bytes / 1024)),
  });
  const conffiles = readFileSync(join(from, "conffiles"), "utf8").split("\n");
  const sums = files
    .filter((path) => lstatSync(join(tree, path)).isFile() && !conffiles.includes(`/${path}`))
    .map((path) => `${md5(join(tree, path))}  ${path}\n`);
  writeFileSync(join(folder, "md5sums"), sums.join(""));
}

function filesBelow(tree) {
  return readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((each) => !each.isDirectory())
    .map((each) => join(each.parentPath, each.name).slice(tree.length + 1))
    .toSorted();
}

// What `dpkg --verify` compares with: MD5 by its definition, against accidents and not attackers.
function md5(path) {
  return createHash("md5").update(readFileSync(path)).digest("hex");
}
