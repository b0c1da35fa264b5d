// Whether a process is the first one of a container of LXC. Its number comes from an abstract socket, and any user
// may have made that: so the process has to be a child of LXC's own for this container, run by whoever may.

import { readdir, readFile } from "node:fs/promises";
import { lxcDiscovery } from "../../config/provider-limits.ts";
import type { Place } from "./lxc-tools.ts";

/** @param owner user that the folder of the containers belongs to */
export async function isInitOf(
  pid: number,
  { folder, name }: Place,
  owner: number,
): Promise<boolean> {
  const facts = await factsOf(pid);
  if (facts === undefined || !mayRun(facts.user, owner)) return false;
  // It calls itself so where the kernel lets it; in the foreground it is called as it was started.
  return isMonitorOf(facts.words, folder, name) || isGroupOf(facts.groups, name);
}

/**
 * The same without asking LXC, which answers to root and to its own user alone: by what its processes call
 * themselves. undefined = none is seen.
 */
export async function findInit(place: Place, owner: number): Promise<number | undefined> {
  const names = await readdir("/proc").catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  for (const pid of pids.slice(0, lxcDiscovery.processes)) {
    if (!isMonitorOf(await wordsOf(pid), place.folder, place.name)) continue;
    const status = await statusOf(pid);
    if (status?.isOutside !== true || !mayRun(status.user, owner)) continue;
    const children = (await textOf(`/proc/${pid}/task/${pid}/children`)).split(" ");
    for (const child of children.filter((each) => each !== "").map(Number)) {
      // Hooks are its children as well; the first process has numbers of its own.
      if ((await statusOf(child))?.isFirst === true) return child;
    }
  }
  return undefined;
}

/** Of Incus and LXD, which call the containers of a project `PROJECT_NAME`. Their containers are root's. */
export async function isInitOfInstance(pid: number, names: readonly string[]): Promise<boolean> {
  const facts = await factsOf(pid);
  if (facts?.user !== 0) return false;
  const { words, groups } = facts;
  return names.some((name) => isMonitorOf(words, undefined, name) || isGroupOf(groups, name));
}

/** Of a process that may be a container's first: who looks after it, and its groups; undefined = it cannot be one. */
async function factsOf(pid: number) {
  const parent = (await statusOf(pid))?.parent ?? 0;
  if (parent <= 1) return undefined;
  const [status, words, groups] = await Promise.all([
    statusOf(parent),
    wordsOf(parent),
    textOf(`/proc/${pid}/cgroup`),
  ]);
  return status?.isOutside === true ? { user: status.user, words, groups } : undefined;
}

function mayRun(user: number, owner: number): boolean {
  return user === 0 || user === owner || user === process.getuid?.();
}

/** `[lxc monitor] /var/lib/lxc blog`, one word to the kernel. */
function isMonitorOf(words: string, folder: string | undefined, name: string): boolean {
  const said = /^\[lxc monitor\] (.*) (\S+)$/.exec(words.replace(/\0+$/, ""));
  return said?.[2] === name && (folder === undefined || said[1] === folder);
}

/** The outermost of each hierarchy counts: groups below it are made, and called, by the container itself. */
function isGroupOf(groups: string, name: string): boolean {
  const found = groups.split("\n").flatMap((line) => {
    const path = line.slice(line.indexOf(":", line.indexOf(":") + 1) + 1);
    return path.split("/").find((each) => each.startsWith("lxc.payload.")) ?? [];
  });
  return found.length > 0 && found.every((each) => each === `lxc.payload.${name}`);
}

interface Status {
  readonly parent: number;
  /** Real user. */
  readonly user: number;
  /** It is number 1 of numbers of its own. */
  readonly isFirst: boolean;
  /** Of our own numbers: what runs in a container may call itself anything, and is of others. */
  readonly isOutside: boolean;
}

async function statusOf(pid: number): Promise<Status | undefined> {
  const text = await textOf(`/proc/${pid}/status`);
  // The name comes first, with line ends escaped: a line of it cannot be made up.
  const parent = /^PPid:\t(\d+)$/m.exec(text)?.[1];
  const user = /^Uid:\t(\d+)\t/m.exec(text)?.[1];
  if (parent === undefined || user === undefined) return undefined;
  const isFirst = /^NSpid:\t\d+(\t\d+)*\t1$/m.test(text);
  const isOutside = /^NSpid:\t\d+$/m.test(text);
  return { parent: Number(parent), user: Number(user), isFirst, isOutside };
}

function wordsOf(pid: number): Promise<string> {
  return textOf(`/proc/${pid}/cmdline`);
}

function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => ""); // it has ended, or is none of our business
}
