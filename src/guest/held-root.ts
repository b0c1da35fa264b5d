// The root of a container as it was opened: through its first process while it runs, since all of its mounts are seen that way;
// else as the folder of its root file system.
//
// A number in a snapshot may name another process by now, and a container that is just starting still has our own root:
// everything is asked through one held `/proc/PID`, which stays the same process or fails.

import { readFile } from "node:fs/promises";
import { guestLimits } from "../config/guest-limits.ts";
import type { GuestInit, GuestPlace } from "../config/guest.ts";
import type { NotFound } from "./finding.ts";
import { codeOf, factsAt, factsOf, folderFollowed, letGo, open, pathOf, targetOf } from "./held.ts";
import { GuestIds } from "./guest-ids.ts";
import { isOfKernel } from "./kernel-files.ts";
import { shown } from "./trouble.ts";
import type { Identity, WalkRoot } from "./walk.ts";

export type Away = Extract<NotFound, { readonly kind: "away" }>;

interface Opened extends WalkRoot {
  /** `/proc/PID` of the first process; undefined = it is not seen through that. */
  readonly process: number | undefined;
  /** Where it was opened. */
  readonly path: string;
  /** Why it is not seen through the first process although there is one; "" = it is, or there is none. */
  readonly lack: string;
  /** Why there is no first process: it does not run, and what is mounted in it is not there; "" = there is one, or nothing is said of it. */
  readonly absence: string;
}

export class HeldRoot implements WalkRoot {
  readonly kind = "root";
  readonly fd: number;
  readonly device: bigint;
  readonly inode: bigint;
  readonly ours: readonly Identity[];
  readonly ids: GuestIds | undefined;
  readonly lack: string;
  readonly absence: string;
  readonly #process: number | undefined;
  readonly #path: string;
  #users = 0;
  #isRetired = false;
  #isClosed = false;
  #idle: NodeJS.Timeout | undefined;
  #believedUntil = performance.now() + guestLimits.rootBelieved;
  readonly #onIdle: (root: HeldRoot) => void;

  /** @param onIdle it was not used for a while, and is closed now */
  constructor(opened: Opened, onIdle: (root: HeldRoot) => void) {
    this.fd = opened.fd;
    this.device = opened.device;
    this.inode = opened.inode;
    this.ours = opened.ours;
    this.ids = opened.ids;
    this.lack = opened.lack;
    this.absence = opened.absence;
    this.#process = opened.process;
    this.#path = opened.path;
    this.#onIdle = onIdle;
  }

  lend(): void {
    clearTimeout(this.#idle);
    this.#users += 1;
  }

  giveBack(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    if (this.#isRetired) return this.#close();
    this.#idle = setTimeout(() => {
      this.#onIdle(this);
      this.#close();
    }, guestLimits.rootIdle).unref();
  }

  /** Nobody is to get it any more; those who have it go on. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    clearTimeout(this.#idle);
    if (this.#users === 0) this.#close();
  }

  /** Whether the first process is there yet, and has this root; or the folder is the same. Never rejects. */
  async isStillIt(): Promise<boolean> {
    const now = performance.now();
    if (now < this.#believedUntil) return true;
    try {
      const { dev, ino } = await factsAt(this.#path);
      if (dev !== this.device || ino !== this.inode) return false;
    } catch {
      return false; // it ended: what was its root is nobody's
    }
    this.#believedUntil = now + guestLimits.rootBelieved;
    return true;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    letGo(this.fd);
    if (this.#process !== undefined) letGo(this.#process);
  }
}

/** Never rejects. */
export async function openRoot({ rootfs, init, why }: GuestPlace): Promise<Opened | Away> {
  const ours = await ourRoots();
  if (ours.length === 0) return away("/proc is needed to tell its root from our own");
  if (init === undefined) {
    if (rootfs === undefined) return away(why || "it does not run");
    const root = await ofFolder(rootfs, ours, why);
    return "kind" in root ? root : { ...root, lack: "", absence: why };
  }
  const opened = await ofProcess(init, ours);
  if (opened.kind !== "forbidden") return opened.kind === "away" ? opened : opened.root;
  if (rootfs === undefined) return away(opened.why);
  return await ofFolder(rootfs, ours, opened.why);
}

type OfProcess =
  | { readonly kind: "root"; readonly root: Opened }
  | { readonly kind: "forbidden"; readonly why: string }
  | Away;

async function ofProcess(init: GuestInit, ours: readonly Identity[]): Promise<OfProcess> {
  const { pid } = init;
  if (!Number.isSafeInteger(pid) || pid < 1) return away(`${pid} is no process`);
  let process = -1;
  try {
    process = await open(`/proc/${pid}`, folderFollowed);
    const opened = await throughHeld(process, init, ours);
    if (opened.kind !== "root") letGo(process);
    return opened;
  } catch (error) {
    if (process !== -1) letGo(process);
    return ofTrouble(error, pid);
  }
}

/** Rejects as the system does. @param process its folder in /proc; kept when a root is returned */
async function throughHeld(
  process: number,
  { pid, startedAt }: GuestInit,
  ours: readonly Identity[],
): Promise<OfProcess> {
  const held = pathOf(process);
  const stat = await readFile(`${held}/stat`, "latin1");
  // The name in parentheses may hold parentheses itself; field 22 of proc_pid_stat(5).
  const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  if (started !== startedAt)
    return away(`its first process ${pid} ended, and the number was given again`);
  const [theirs, own] = await Promise.all([
    targetOf(`${held}/ns/mnt`),
    targetOf("/proc/self/ns/mnt"),
  ]);
  if (theirs === own) return away(`its first process ${pid} has no file systems of its own yet`);
  const ids = new GuestIds(
    await readFile(`${held}/uid_map`, "latin1"),
    await readFile(`${held}/gid_map`, "latin1"),
  );
  if (ids.isEmpty) return away(`its first process ${pid} has no users yet`);
  const path = `${held}/root`;
  const fd = await open(path, folderFollowed);
  const folder = await checked(fd, ours, `the root of process ${pid}`);
  if (folder.kind === "away") return folder;
  return { kind: "root", root: { ...folder.root, ids, process, path, lack: "", absence: "" } };
}

function ofTrouble(error: unknown, pid: number): OfProcess {
  switch (codeOf(error)) {
    case "ENOENT":
    case "ESRCH":
      return away(`its first process ${pid} ended, or is hidden from us (ProtectProc, hidepid)`);
    case "EACCES":
    case "EPERM":
      return {
        kind: "forbidden",
        why:
          `its files are seen through its process ${pid}, which user ${process.geteuid?.() ?? "?"}, whom we run as, may not do: ` +
          "grant us CAP_SYS_PTRACE (`tidegate install --guests` does)",
      };
    default:
      return away(`its first process ${pid}: ${String(error)}`);
  }
}

/** The way there is this machine's: links in it are followed, and whoever may change it could as well change this program. */
async function ofFolder(
  rootfs: string,
  ours: readonly Identity[],
  lack: string,
): Promise<Opened | Away> {
  if (!rootfs.startsWith("/")) return away(`${shown(rootfs)} is no absolute path`);
  try {
    const folder = await checked(await open(rootfs, folderFollowed), ours, shown(rootfs));
    return folder.kind === "away"
      ? folder
      : { ...folder.root, process: undefined, path: rootfs, lack, absence: "" };
  } catch (error) {
    const isForbidden = ["EACCES", "EPERM"].includes(codeOf(error));
    const remedy = isForbidden
      ? ": grant us CAP_DAC_READ_SEARCH (`tidegate install --guests` does)"
      : "";
    return away(
      `${lack === "" ? "" : `${lack}; and `}its root cannot be opened: ${String(error)}${remedy}`,
    );
  }
}

type Checked = { readonly kind: "root"; readonly root: WalkRoot } | Away;

/** Rejects as the system does. @param fd let go when it is not to be used */
async function checked(fd: number, ours: readonly Identity[], what: string): Promise<Checked> {
  try {
    const { dev: device, ino: inode } = await factsOf(fd);
    const isOurs = ours.some((each) => each.device === device && each.inode === inode);
    const isKernel = await isOfKernel(fd);
    if (!isOurs && !isKernel) {
      return { kind: "root", root: { fd, device, inode, ours, ids: undefined } };
    }
    letGo(fd);
    return away(`${what} is ${isOurs ? "this machine's own root" : "no place for files"}`);
  } catch (error) {
    letGo(fd);
    throw error;
  }
}

/** Of ours, and of who started first: we may be in a container ourselves, or have been given another root. */
async function ourRoots(): Promise<Identity[]> {
  const roots: Identity[] = [];
  for (const path of ["/", "/proc/1/root"]) {
    try {
      const { dev, ino } = await factsAt(path);
      roots.push({ device: dev, inode: ino });
    } catch {
      // Not ours to see, and then it is nobody's whose root we could see by mistake.
    }
  }
  return roots;
}

function away(why: string): Away {
  return { kind: "away", why };
}
