// A first process of a container, as far as the kernel is concerned: with file systems of its own, and a root that is not ours.
// Whatever it mounts is gone with it, and it goes when its standard input ends, at the latest with us. Root only.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { GuestInit } from "../../src/config/guest.ts";
import { within } from "./barrier.ts";

export interface InitProcess extends AsyncDisposable {
  readonly init: GuestInit;
  /** Its root as this machine sees it. */
  readonly root: string;
  /** Runs a line of Perl in it and waits for that. */
  run(line: string): Promise<void>;
  kill(): Promise<void>;
}

export const initNeeds = ["unshare", "perl", "mount", "sh"] as const;

/** Reads lines of Perl and runs them, each answered with a line. */
const listen = `$| = 1; print "ready\\n"; while (<STDIN>) { eval $_; print $@ ? "no $@\\n" : "done\\n"; }`;

/**
 * @param root becomes its root, when it is not undefined: else it still has ours
 * @param mounts lines of sh before that, with the root as $1
 */
export async function startInit(root: string | undefined, mounts = ""): Promise<InitProcess> {
  const perl = root === undefined ? listen : `chroot shift or die $!; chdir "/"; ${listen}`;
  const script = `set -e; ${mounts}\nexec perl -e "$2" -- "$1"`;
  const child = spawn(
    "unshare",
    ["-m", "--propagation", "private", "sh", "-c", script, "sh", root ?? "", perl],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const gone = once(child, "exit");
  child.stdin.on("error", () => {});
  const said = child.stdout.setEncoding("utf8")[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await within(said.next(), 10_000, "the first process");
    if (done === true) throw new Error("the first process ended");
    return String(value);
  };
  const kill = async () => {
    child.stdin.end();
    child.kill("SIGKILL");
    await gone;
  };
  try {
    await answer();
  } catch (error) {
    await kill();
    throw error;
  }
  const pid = child.pid ?? -1;
  return {
    init: { pid, startedAt: await startOf(pid) },
    root: `/proc/${pid}/root`,
    async run(line) {
      child.stdin.write(`${line}\n`);
      const said = await answer();
      if (!said.startsWith("done")) throw new Error(said);
    },
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

/** Field 22 of proc_pid_stat(5). */
export async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
