// What the machine is asked and told by its own programs: users, and systemd. And the person at it.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Where a command talks to the person who called it. */
export interface Terminal {
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
}

export const terminal: Terminal = {
  say: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
};

export interface Said {
  readonly isFine: boolean;
  /** What it wrote, or why it did not start. */
  readonly text: string;
  readonly isMissing: boolean;
}

const timeoutMs = 120_000;

/** Runs a program to its end. */
export function tell(program: string, args: readonly string[]): Said {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
    timeout: timeoutMs,
  });
  const isMissing = error !== undefined && "code" in error && error.code === "ENOENT";
  const text = error === undefined ? `${stdout}${stderr}`.trim() : error.message;
  return { isFine: error === undefined && status === 0, text, isMissing };
}

export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly group: string;
}

export function findAccount(name: string): Account | undefined {
  const [uid, gid, group] = ["-u", "-g", "-gn"].map((flag) => tell("id", [flag, "--", name]));
  if (uid?.isFine !== true || gid?.isFine !== true || group?.isFine !== true) return undefined;
  return { uid: Number(uid.text), gid: Number(gid.text), group: group.text };
}

/** Whether systemd is what started this machine (sd_booted). */
export function hasSystemd(): boolean {
  return existsSync("/run/systemd/system");
}
