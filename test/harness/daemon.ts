// A daemon that refuses to be root (databases do), in a folder of its own: run as an unprivileged user,
// ended with this process whatever ends it, started again on the same data when a test wants that.

import { type ChildProcess, spawn } from "node:child_process";
import { chown, readFile } from "node:fs/promises";
import { within } from "./barrier.ts";
import { type CommandOptions, type Ended, runCommand } from "./command.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

export interface DaemonUser {
  /** A folder that this user may write to. */
  folder(prefix: string): Promise<TempFolder>;
  /** A program run to its end as this user. */
  run(program: string, args: readonly string[], options?: CommandOptions): Promise<Ended>;
  start(program: string, args: readonly string[]): Daemon;
}

export interface Daemon {
  readonly pid: number;
  /** What it wrote, the latest 200 kB of it. */
  log(): string;
  readonly hasEnded: () => boolean;
  /** Sends the signal, and waits for the end; SIGKILL when that takes longer than 20 s. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Root becomes this user; anybody else stays who they are. */
export async function daemonUser(name: string): Promise<DaemonUser> {
  const ids = process.geteuid?.() === 0 ? await idsOf(name) : undefined;
  // Whatever ends this process, a time limit included, ends the daemon as well.
  const words = ["--pdeathsig", "KILL"];
  if (ids !== undefined) words.push("--reuid", name, "--regid", `${ids.gid}`, "--clear-groups");
  words.push("--");
  return {
    async folder(prefix) {
      const folder = await tempFolder(prefix);
      if (ids !== undefined) await chown(folder.path, ids.uid, ids.gid);
      return folder;
    },
    async run(program, args, options) {
      const ended = await runCommand("setpriv", [...words, program, ...args], options);
      if (ended.code === 0) return ended;
      throw new Error(`${program} ended with ${ended.code}: ${ended.stdout}\n${ended.stderr}`);
    },
    start: (program, args) =>
      watched(
        spawn("setpriv", [...words, program, ...args], { stdio: ["ignore", "pipe", "pipe"] }),
      ),
  };
}

function watched(child: ChildProcess): Daemon {
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (bytes: Buffer) => (log = `${log}${bytes.toString()}`.slice(-200_000)));
  }
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  child.on("error", (error) => {
    log += String(error);
    resolve();
  });
  child.on("close", () => resolve());
  return {
    pid: child.pid ?? 0,
    log: () => log,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    async end(signal) {
      child.kill(signal);
      try {
        await within(closed, 20_000, "the end of a daemon");
      } catch (error) {
        child.kill("SIGKILL");
        throw error;
      }
    },
  };
}

async function idsOf(name: string): Promise<{ readonly uid: number; readonly gid: number }> {
  const line = (await readFile("/etc/passwd", "utf8"))
    .split("\n")
    .find((each) => each.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`there is no user ${name}`);
  return { uid: Number(uid), gid: Number(gid) };
}
