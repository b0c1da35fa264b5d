// Files and folders held by descriptors that grant nothing but to be looked at (O_PATH): what was looked at stays the
// same thing whatever its name becomes. Node has no openat(2); `/proc/self/fd/N/name` is the same, since Linux goes from
// there to what is held and looks nowhere else.
//
// All of it is asynchronous, closing too: the last one to let go of a deleted file or an unmounted file system does
// the cleaning up, and that takes as long as it takes.

import fs, { type BigIntStats } from "node:fs";

const { O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = fs.constants;

/** open(2); Node does not name it. The same on every architecture that Node runs on. */
const O_PATH = 0o10000000;

/** The thing of that name, or the link itself. */
export const asItself = O_PATH | O_NOFOLLOW;
/** What it leads to. */
export const followed = O_PATH;
/** What it leads to; fails when that is no folder. */
export const folderFollowed = O_PATH | O_DIRECTORY;
/** For regular files that are held: neither a lock nor a terminal makes it wait. */
export const forReading = O_RDONLY | O_NONBLOCK | O_NOCTTY;

/** The held one itself. */
export function pathOf(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** @param name bytes in latin1, without a slash, and neither `.` nor `..` */
export function pathBelow(folder: number, name: string): Buffer {
  return Buffer.from(`/proc/self/fd/${folder}/${name}`, "latin1");
}

export function open(path: string | Buffer, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, (error, fd) => (error === null ? resolve(fd) : reject(error)));
  });
}

export function factsOf(fd: number): Promise<BigIntStats> {
  return new Promise((resolve, reject) => {
    fs.fstat(fd, { bigint: true }, (error, facts) => {
      if (error === null) resolve(facts);
      else reject(error);
    });
  });
}

/** Of what a path leads to. */
export function factsAt(path: string | Buffer): Promise<BigIntStats> {
  return new Promise((resolve, reject) => {
    fs.stat(path, { bigint: true }, (error, facts) => {
      if (error === null) resolve(facts);
      else reject(error);
    });
  });
}

/** Of what has that name, be it a link. */
export function factsOfName(path: string | Buffer): Promise<BigIntStats> {
  return new Promise((resolve, reject) => {
    fs.lstat(path, { bigint: true }, (error, facts) => {
      if (error === null) resolve(facts);
      else reject(error);
    });
  });
}

/** @returns bytes in latin1 */
export function targetOf(path: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    fs.readlink(path, "latin1", (error, target) => {
      if (error === null) resolve(target);
      else reject(error);
    });
  });
}

export function letGo(fd: number): void {
  fs.close(fd, ignore);
}

/** Of what was opened for reading: its file system is told, and may not answer (FUSE). Never rejects. */
export function closed(fd: number): Promise<void> {
  return new Promise((resolve) => fs.close(fd, () => resolve()));
}

/** Nothing was written through it: there is nothing to lose. */
function ignore(): void {}

/** "" = it is none of the system. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
