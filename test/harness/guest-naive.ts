// How somebody would look for a container's files who does not think of what is in it: each test of escapes shows that this
// one leaks, hangs or fails where the real one does not, so that no test passes because nothing was tried.

import { createConnection } from "node:net";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "./barrier.ts";
import { runCommand } from "./command.ts";

const mostBytes = 4096;

/** The begin of what is there. Rejects as the system does. @param path bytes in latin1 */
export async function naiveRead(root: string, path: string): Promise<string> {
  return await begin(await open(naivePath(root, path)));
}

/** Looks first whether it lies in the root, and opens it then. @param between what happens meanwhile */
export async function checkedRead(
  root: string,
  path: string,
  between: () => Promise<void> = async () => {},
): Promise<string> {
  const wanted = join(root, path);
  const [real, base] = await Promise.all([realpath(wanted), realpath(root)]);
  if (!real.startsWith(`${base}/`)) throw new Error(`${real} is outside`);
  await between();
  return await begin(await open(wanted));
}

export async function naiveList(root: string, path: string): Promise<string[]> {
  return await readdir(naivePath(root, path));
}

/** What a socket says to whoever connects. */
export function naiveAsk(root: string, path: string): Promise<string> {
  return greetingAt(`${root}${path}`);
}

/** Whether reading it takes longer than a second. Tried by another process, which can be killed. */
export async function naiveHangs(root: string, path: string): Promise<boolean> {
  const read = ["head", "-c", "1", `${root}${path}`];
  const { signal } = await runCommand("timeout", ["-s", "KILL", "1", ...read]);
  return signal === "SIGKILL";
}

export function greetingAt(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const socket = createConnection({ path });
    socket.setEncoding("latin1").on("data", (text: string) => (said += text));
    socket.on("end", () => resolve(said)).on("error", reject);
  });
}

/** As bytes, since names in a container are. */
function naivePath(root: string, path: string): Buffer {
  return Buffer.from(`${root}${path}`, "latin1");
}

async function begin(file: FileHandle): Promise<string> {
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes), 0, mostBytes, 0);
    return buffer.toString("latin1", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Looks first whether it is a socket, and connects then. */
export async function checkedAsk(path: string): Promise<string> {
  if (!(await lstat(path)).isSocket()) throw new Error(`${path} is no socket`);
  return await greetingAt(path);
}

/** Looks first whether it lies in the root, and lists it then. @param asSizes of what is there, with links followed that lie in it */
export async function checkedList(root: string, path: string, asSizes = false): Promise<string[]> {
  const wanted = join(root, path);
  const base = await realpath(root);
  const isInside = async (name: string) => (await realpath(name)).startsWith(`${base}/`);
  if (!(await isInside(wanted))) throw new Error(`${wanted} is outside`);
  const names = await readdir(wanted);
  if (!asSizes) return names;
  const sizes: string[] = [];
  for (const name of names) {
    if (await isInside(join(wanted, name)).catch(() => false)) {
      sizes.push(String((await stat(join(wanted, name))).size));
    }
  }
  return sizes;
}

/** Holds each folder on the way, follows no link, and asks the kernel what is above. */
export async function climbingRead(root: string, path: string): Promise<string> {
  const names = path.split("/").slice(1);
  let held = await open(root, pathOnly);
  try {
    for (const name of names.slice(0, -1)) {
      const next = await open(`/proc/self/fd/${held.fd}/${name}`, pathOnly | constants.O_NOFOLLOW);
      await held.close();
      held = next;
    }
    const last = constants.O_RDONLY | constants.O_NOFOLLOW;
    return await begin(await open(`/proc/self/fd/${held.fd}/${names.at(-1)}`, last));
  } finally {
    await held.close();
  }
}

/** Whether looking first if it is a file and reading it then, again and again, hangs at last. Tried by another process. */
export async function checkingHangs(path: string): Promise<boolean> {
  const loop = 'while :; do [ -f "$1" ] && read -r line <"$1" && echo; done';
  const child = spawn("sh", ["-c", loop, "sh", path], { stdio: ["ignore", "pipe", "ignore"] });
  const gone = once(child, "exit");
  let saidAt = performance.now();
  child.stdout.on("data", () => (saidAt = performance.now()));
  try {
    // It says something all the time until it hangs.
    await eventually("it to hang", () => performance.now() - saidAt > quietMs || undefined, 20_000);
    return true;
  } catch {
    return false;
  } finally {
    child.kill("SIGKILL");
    await gone;
  }
}

const pathOnly = 0o10000000 | constants.O_DIRECTORY;
const quietMs = 1500;
