// The root folder of a container that runs programs of this machine: its `/usr` is to be mounted from here, read only,
// and all the rest is its own. Busybox, as its first process (`/opt/busybox init`), starts what it shall run.

import { chmod, copyFile, cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findCommand } from "./needs.ts";

export interface ProgramRootOptions {
  /** Shell commands before anything else runs, such as `mkdir /run/php`. */
  readonly prepare?: readonly string[];
  /** What it runs, and runs again when it ends. */
  readonly programs: readonly string[];
  /** Texts of files by their paths in it. */
  readonly files?: Readonly<Record<string, string>>;
}

export const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const ownFolders = [
  ...["dev", "etc", "opt", "proc", "root", "run", "srv", "sys", "tmp", "usr"],
  ...["var/cache", "var/lib", "var/log", "var/tmp", "var/www"],
];
/** As on this machine; what is not there is not there. */
const copied = ["passwd", "group", "ld.so.cache", "alternatives", "php", "ssl", "mime.types"];
const merged = ["bin", "sbin", "lib", "lib64"];

export async function makeProgramRoot(root: string, options: ProgramRootOptions): Promise<void> {
  const { prepare = [], programs, files = {} } = options;
  for (const each of ownFolders) await mkdir(join(root, each), { recursive: true });
  for (const each of ["tmp", "var/tmp"]) await chmod(join(root, each), 0o1777);
  for (const each of merged) await symlink(`usr/${each}`, join(root, each));
  await symlink("/run", join(root, "var/run"));
  for (const each of copied) await copyTree(join("/etc", each), join(root, "etc", each));
  await copyFile(findCommand("busybox") ?? "/bin/busybox", join(root, "opt/busybox"));
  const start = [
    "#!/bin/sh",
    "set -e",
    `export PATH=${searchPath}`,
    "ip link set lo up || true", // Docker has done it, and lets nobody in the container do it
    ...prepare,
  ];
  const entries = ["::sysinit:/etc/start", ...programs.map((each) => `::respawn:${each}`)];
  const all: Readonly<Record<string, string>> = {
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/etc/inittab": [...entries, "::shutdown:/opt/busybox killall5 -15", ""].join("\n"),
    "/etc/start": [...start, ""].join("\n"),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  await chmod(join(root, "etc/start"), 0o755);
}

async function copyTree(from: string, to: string): Promise<void> {
  try {
    await cp(from, to, { recursive: true, verbatimSymlinks: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
