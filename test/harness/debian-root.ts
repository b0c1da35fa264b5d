// A fresh, minimal Debian with systemd in a folder, made by debootstrap from the Debian mirror (most of a
// minute). Programs run in it as in a machine that was just set up; what they mount or start goes with them.
//
// DEBIAN_ROOT_TAR=FILE unpacks that instead, to save the minute while writing such tests.

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Ended, runCommand } from "./command.ts";
import { tempFolder } from "./temp-folder.ts";

export interface DebianRoot extends AsyncDisposable {
  readonly path: string;
  /** Runs a program in it (chroot), with /proc of its own. Fails when that fails, unless told otherwise. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Ended>;
}

export interface RunOptions {
  readonly mayFail?: boolean;
  readonly timeoutMs?: number;
}

/** What a test that uses it needs. */
export const debianRootNeeds = ["debootstrap", "chroot", "unshare"] as const;

const makeTimeoutMs = 240_000;

export async function debianRoot(): Promise<DebianRoot> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder("tidegate-debian-"));
  const path = folder.file("root");
  const ready = process.env["DEBIAN_ROOT_TAR"];
  if (ready === undefined) await bootstrap(path);
  else {
    await mkdir(path);
    await must("tar", ["-C", path, "-xf", ready], 60_000);
  }
  const held = stack.move();
  return {
    path,
    async run(program, args, { mayFail = false, timeoutMs = 60_000 } = {}) {
      const words = chrootWords(path, program, args);
      const ended = await runCommand("unshare", words, { timeoutMs });
      if (ended.code !== 0 && !mayFail) {
        throw new Error(`${program} ${args.join(" ")} in the Debian root: ${textOf(ended)}`);
      }
      return ended;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** The arguments of `unshare` that run a program in the root. */
export function chrootWords(root: string, program: string, args: readonly string[]): string[] {
  // The mount is in a namespace of its own: it ends with the program, whatever happens. And nothing of
  // our environment goes in: a variable of ours would tell programs inside about files outside.
  const script = 'mount -t proc proc "$0/proc" && exec chroot "$0" env -i "$@"';
  const environment = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL=C.UTF-8",
    "DEBIAN_FRONTEND=noninteractive",
  ];
  const start = ["--mount", "--propagation", "private", "sh", "-c", script, root];
  return [...start, ...environment, program, ...args];
}

async function bootstrap(path: string): Promise<void> {
  const include = "--include=systemd,systemd-sysv";
  await must("debootstrap", ["--variant=minbase", include, "bookworm", path], makeTimeoutMs);
  await rm(join(path, "var/cache/apt"), { recursive: true });
}

async function must(program: string, args: string[], timeoutMs: number): Promise<void> {
  const ended = await runCommand(program, args, { timeoutMs });
  if (ended.code !== 0) throw new Error(`${program}: ${textOf(ended)}`);
}

function textOf({ code, stdout, stderr }: Ended): string {
  return `ended with ${code}\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`;
}
