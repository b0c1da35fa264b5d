// A program that is run to its end, for what it does or says: bounded in time, and what it complained about is the error.

import { execFile } from "node:child_process";

export interface RunOptions {
  readonly input?: string;
  /** As whom; undefined = as ourselves. */
  readonly ids?: { readonly uid: number; readonly gid: number } | undefined;
  readonly home?: string;
}

/** They change a few files. */
const timeout = 60_000;
const maxBuffer = 1024 * 1024;
/** Where some systems have them, and some shells do not look. */
const alsoIn = "/usr/sbin:/sbin";

/** Resolves with what it wrote. */
export function runProgram(
  program: string,
  args: readonly string[],
  { input = "", ids, home = process.env["HOME"] ?? "/" }: RunOptions = {},
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const path = `${process.env["PATH"] ?? "/usr/bin:/bin"}:${alsoIn}`;
  const env = { ...process.env, PATH: path, HOME: home };
  const child = execFile(
    program,
    [...args],
    { ...ids, env, timeout, maxBuffer },
    (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program}: ${stderr.trim() || error.message}`, { cause: error }));
    },
  );
  // One that does not read has a reason, and says it.
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  return promise;
}
