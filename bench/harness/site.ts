// The folder that is served in the workloads of files and programs, and the php-fpm behind it.

import {
  existsSync,
  globSync,
  mkdirSync,
  openSync,
  closeSync,
  ftruncateSync,
  writeFileSync,
} from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Stage } from "./stage.ts";

/** Sizes by path. */
const files = { "/small": 128, "/1k.html": 1024, "/100k.html": 102_400 } as const;

/** Made when it is first asked for. */
export function siteOf(stage: Stage): string {
  const folder = stage.path("www");
  if (existsSync(folder)) return folder;
  mkdirSync(folder);
  for (const [path, size] of Object.entries(files)) {
    writeFileSync(`${folder}${path}`, "tidegate".repeat(size / 8));
  }
  writeFileSync(`${folder}/echo.php`, `<?php echo str_repeat("tidegate", 16);\n`);
  return folder;
}

/** A file of this size that takes no room on the disk. */
export function addSparseFile(stage: Stage, name: string, size: number): void {
  const fd = openSync(`${siteOf(stage)}/${name}`, "w");
  ftruncateSync(fd, size);
  closeSync(fd);
}

export function programSocket(stage: Stage): string {
  return stage.path("php.sock");
}

/** undefined = it is not installed. */
export function phpFpm(): string | undefined {
  return globSync("/usr/sbin/php-fpm*").sort().at(-1);
}

// Enough that one of them is always free to go on, and few enough for one core.
const children = 8;

/** Beside the load: what programs do themselves is not measured. */
export async function startPhp(stage: Stage, command: string): Promise<void> {
  const socket = programSocket(stage);
  const lines = [
    "[global]",
    "daemonize = no",
    `error_log = ${stage.path("php-fpm.log")}`,
    "[bench]",
    ...(process.getuid?.() === 0 ? ["user = www-data", "group = www-data"] : []),
    `listen = ${socket}`,
    "listen.mode = 0666",
    "listen.backlog = 4096",
    "pm = static",
    `pm.max_children = ${children}`,
  ];
  writeFileSync(stage.path("php-fpm.conf"), `${lines.join("\n")}\n`);
  const launched = stage.launch({
    name: "php-fpm",
    command,
    args: ["--nodaemonize", "-y", stage.path("php-fpm.conf")],
    core: "load",
  });
  const end = performance.now() + 10_000;
  while (!existsSync(socket)) {
    if (!launched.isAlive() || performance.now() > end) {
      throw new Error(`php-fpm does not run: ${launched.errors()}`);
    }
    await delay(50);
  }
}
