// Builds dist/tidegate_VERSION_ARCH.image.tar, a container image without a base image: the program, its
// Node.js and the few libraries that needs, from Debian's packages. No shell, no package manager.
// `node scripts/image.mjs [--fast] [--out FOLDER]`; --fast compresses less, for tests.
//
// The tar is an OCI layout and what `docker load` reads, in one: two tables of contents, the same blobs.
// The same sources and library versions give the same digests.

import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, globSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpSync, lstatSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { root } from "./engine.mjs";
import * as stage from "./stage.mjs";

const { values } = parseArgs({
  options: {
    fast: { type: "boolean", default: false },
    out: { type: "string", default: join(root, "dist") },
  },
});

/** Debian's packages with the libraries Node.js is linked to, and which files of them it loads. */
const libraries = {
  libc6: "{ld-linux-*,libc,libdl,libm,libpthread,libresolv,libnss_dns,libnss_files}.so.*",
  "libstdc++6": "libstdc++.so.*",
  "libgcc-s1": "libgcc_s.so.*",
};

/** Not one that a host is likely to use, and a number, so that Kubernetes can see that it is not root. */
const user = 10_000;

const work = mkdtempSync(join(tmpdir(), "tidegate-image-"));
try {
  console.log(build());
} finally {
  rmSync(work, { recursive: true, force: true });
}

function build() {
  const layout = join(work, "layout");
  mkdirSync(join(layout, "blobs/sha256"), { recursive: true });
  // What changes least comes first: registries and hosts keep layers they have.
  const layers = [
    layerOf(layout, "system", placeSystem),
    layerOf(layout, "modules", (folder) => stage.stageModules(join(folder, "usr/lib/tidegate"))),
    layerOf(layout, "program", placeProgram),
  ];
  writeContents(layout, layers);
  const name = `tidegate_${stage.version}_${stage.machine.oci}.image.tar`;
  mkdirSync(values.out, { recursive: true });
  const path = resolve(values.out, name);
  tar(layout, path);
  return path;
}

function layerOf(layout, name, place) {
  const folder = join(work, name);
  mkdirSync(folder);
  place(folder);
  stage.settle(folder);
  if (name === "system") openFolders(folder);
  const file = join(work, `${name}.tar`);
  tar(folder, file);
  const bytes = readFileSync(file);
  const packed = gzipSync(bytes, { level: values.fast ? 1 : 9 });
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  return { ...blob(layout, packed, mediaType), content: `sha256:${sha256(bytes)}`, name };
}

/** GNU tar with everything fixed that depends on who, when and where. */
function tar(folder, file) {
  const fixed = ["--sort=name", "--format=gnu", "--numeric-owner", "--owner=0", "--group=0"];
  stage.must("tar", [...fixed, `--mtime=@${stage.epoch}`, "-C", folder, "-cf", file, "."]);
}

function placeSystem(folder) {
  const { triplet } = stage.machine;
  for (const each of ["etc/tidegate", "run/tidegate", "tmp", `usr/lib/${triplet}`, "usr/bin"]) {
    mkdirSync(join(folder, each), { recursive: true });
  }
  symlinkSync("usr/lib", join(folder, "lib"));
  for (const [name, files] of Object.entries(libraries)) placeLibraries(folder, name, files);
  placeLoader(folder);
  const text = {
    "etc/passwd": `root:x:0:0::/:/\ntidegate:x:${user}:${user}::/:/\n`,
    "etc/group": `root:x:0:\ntidegate:x:${user}:\n`,
    "etc/nsswitch.conf": "hosts: files dns\n",
  };
  for (const [path, content] of Object.entries(text)) writeFileSync(join(folder, path), content);
  copyFileSync(join(root, "packaging/image.yaml"), join(folder, "etc/tidegate/tidegate.yaml"));
}

function placeLibraries(folder, name, files) {
  const unpacked = fetched(name);
  const { triplet } = stage.machine;
  const found = globSync(`{lib,usr/lib}/${triplet}/${files}`, { cwd: unpacked });
  if (found.length === 0) throw new Error(`${name} has no ${files}`);
  for (const file of found) {
    const to = join(folder, "usr/lib", triplet, basename(file));
    cpSync(join(unpacked, file), to, { verbatimSymlinks: true });
  }
  const documents = join(folder, "usr/share/doc", name);
  mkdirSync(documents, { recursive: true });
  copyFileSync(licenceOf(name, unpacked), join(documents, "copyright"));
  // Where scanners look for what an image without dpkg is made of.
  const status = join(folder, "var/lib/dpkg/status.d");
  mkdirSync(status, { recursive: true });
  copyFileSync(join(unpacked, "control"), join(status, name));
}

/** The folder with a package's files, and its description as `control`. */
function fetched(name) {
  const download = join(work, "download", name);
  const unpacked = join(download, "unpacked");
  mkdirSync(unpacked, { recursive: true });
  // As root apt hands downloads to a user of its own, who cannot write here.
  const words = ["-q", "-o", "APT::Sandbox::User=root", "download", name];
  const fetch = () => stage.must("apt-get", words, { cwd: download });
  try {
    fetch();
  } catch {
    // The lists are missing, or older than what the mirror still has.
    stage.must("apt-get", ["-q", "update"]);
    fetch();
  }
  const [archive = ""] = globSync("*.deb", { cwd: download });
  stage.must("dpkg-deb", ["-x", join(download, archive), unpacked]);
  const control = stage.must("dpkg-deb", ["-f", join(download, archive)]);
  writeFileSync(join(unpacked, "control"), control);
  return unpacked;
}

/** Packages of one source share it: the folder is a link to another package's, which is fetched then. */
function licenceOf(name, unpacked) {
  const documents = join(unpacked, "usr/share/doc", name);
  if (!lstatSync(documents).isSymbolicLink()) return join(documents, "copyright");
  const other = readlinkSync(documents);
  return join(fetched(other), "usr/share/doc", other, "copyright");
}

/** The one path that is written into every program. */
function placeLoader(folder) {
  const { triplet } = stage.machine;
  if (stage.machine.node === "x64") {
    mkdirSync(join(folder, "usr/lib64"));
    symlinkSync("usr/lib64", join(folder, "lib64"));
    const name = "ld-linux-x86-64.so.2";
    symlinkSync(`../lib/${triplet}/${name}`, join(folder, "usr/lib64", name));
  } else {
    const name = "ld-linux-aarch64.so.1";
    symlinkSync(`${triplet}/${name}`, join(folder, "usr/lib", name));
  }
}

/** Writable whoever it runs as, so that `docker run --user` needs no other image. */
function openFolders(folder) {
  for (const each of ["tmp", "run/tidegate"]) chmodSync(join(folder, each), 0o1777);
}

function placeProgram(folder) {
  const home = join(folder, "usr/lib/tidegate");
  stage.stageProgram(home);
  const node = `/usr/lib/tidegate/node_modules/node-linux-${stage.machine.node}/bin/node`;
  const programs = join(folder, "usr/bin");
  mkdirSync(programs);
  symlinkSync(`../..${node}`, join(programs, "node"));
  // For `docker exec NAME tidegate status`: the launcher needs a shell, and there is none.
  const command = `#!/usr/bin/node\nimport("/usr/lib/tidegate/dist/cli/main.js");\n`;
  writeFileSync(join(programs, "tidegate"), command, { mode: 0o755 });
}

function writeContents(layout, layers) {
  const config = blob(layout, json(configOf(layers)), "application/vnd.oci.image.config.v1+json");
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config,
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  };
  const entry = {
    ...blob(layout, json(manifest), manifest.mediaType),
    platform: { architecture: stage.machine.oci, os: "linux" },
    annotations: {
      "io.containerd.image.name": `docker.io/library/tidegate:${stage.version}`,
      "org.opencontainers.image.ref.name": stage.version,
    },
  };
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [entry],
  };
  const forDocker = {
    Config: pathOf(config.digest),
    RepoTags: [`tidegate:${stage.version}`, "tidegate:latest"],
    Layers: layers.map(({ digest }) => pathOf(digest)),
  };
  writeFileSync(join(layout, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(layout, "index.json"), json(index));
  writeFileSync(join(layout, "manifest.json"), json([forDocker]));
}

function configOf(layers) {
  const created = new Date(stage.epoch * 1000).toISOString();
  const second = 1_000_000_000;
  return {
    created,
    architecture: stage.machine.oci,
    os: "linux",
    config: {
      User: `${user}:${user}`,
      ExposedPorts: { "8080/tcp": {} },
      Env: ["PATH=/usr/bin", "NODE_USE_SYSTEM_CA=1"],
      Entrypoint: ["/usr/bin/node", "/usr/lib/tidegate/dist/cli/main.js"],
      Cmd: ["run", "--config", "/etc/tidegate/tidegate.yaml"],
      WorkingDir: "/",
      StopSignal: "SIGTERM",
      Labels: {
        "org.opencontainers.image.title": "Tidegate",
        "org.opencontainers.image.version": stage.version,
        "org.opencontainers.image.licenses": "MIT",
      },
      // Docker's; OCI readers pass over it.
      Healthcheck: {
        Test: ["CMD", "/usr/bin/tidegate", "status"],
        Interval: 30 * second,
        Timeout: 5 * second,
        StartPeriod: 10 * second,
        Retries: 3,
      },
    },
    rootfs: { type: "layers", diff_ids: layers.map(({ content }) => content) },
    history: layers.map(({ name }) => ({ created, created_by: `scripts/image.mjs: ${name}` })),
  };
}

function blob(layout, bytes, mediaType) {
  const digest = `sha256:${sha256(bytes)}`;
  writeFileSync(join(layout, pathOf(digest)), bytes);
  return { mediaType, digest, size: bytes.length };
}

function pathOf(digest) {
  return `blobs/${digest.replace(":", "/")}`;
}

function json(value) {
  return Buffer.from(JSON.stringify(value));
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
