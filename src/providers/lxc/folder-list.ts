// Which containers there are in a folder: those of its folders, or links to folders, that have a file
// `config`. One that is half-made has none yet.

import type { Dirent, Stats } from "node:fs";
import { lstat, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { discovery } from "../../config/provider-limits.ts";
import { entriesOf } from "./entries.ts";

export interface ContainerFolder {
  /** As configured: what LXC is told. */
  readonly folder: string;
  readonly name: string;
  readonly path: string;
  /** Tells it from another folder that has the same name later. */
  readonly inode: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Nobody but root and we can have written what stands in it. */
  readonly isTrusted: boolean;
}

export type FolderList =
  | {
      readonly kind: "list";
      /** The folder itself, without links. */
      readonly real: string;
      readonly inode: number;
      /** User that it belongs to. */
      readonly owner: number;
      /** Half-made ones as well. */
      readonly containers: readonly ContainerFolder[];
    }
  /** A part of a sentence. */
  | { readonly kind: "unreadable"; readonly why: string };

/** Never rejects. */
export async function listFolder(folder: string): Promise<FolderList> {
  try {
    const [real, status] = await Promise.all([realpath(folder), stat(folder)]);
    const { ino: inode, uid: owner } = status;
    const isTrusted = isOnlyOurs(status);
    const folders = (await entriesOf(folder, mayBeContainer)).slice(0, discovery.workloads);
    const containers = await Promise.all(
      folders.map(({ name }) => containerAt(folder, name, isTrusted)),
    );
    const found = containers.filter((each) => each !== undefined);
    return { kind: "list", real, inode, owner, containers: found };
  } catch (error) {
    return { kind: "unreadable", why: whyUnreadable(error) };
  }
}

/** LXC keeps files beside them, and folders whose names begin with a dot. */
function mayBeContainer(entry: Dirent): boolean {
  return (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith(".");
}

async function containerAt(
  folder: string,
  name: string,
  isTrustedFolder: boolean,
): Promise<ContainerFolder | undefined> {
  const path = join(folder, name);
  // Gone meanwhile, or a link that leads nowhere.
  const status = await stat(path).catch(() => undefined);
  if (status?.isDirectory() !== true) return undefined;
  // Not every file system knows when something was made.
  const createdAt = Math.round(status.birthtimeMs || status.mtimeMs);
  const isTrusted = isTrustedFolder && isOnlyOurs(status) && (await isOwnFile(path));
  return { folder, name, path, inode: status.ino, createdAt, isTrusted };
}

/** A link would be the configuration of another container. */
async function isOwnFile(path: string): Promise<boolean> {
  const status = await lstat(join(path, "config")).catch(() => undefined);
  return status?.isFile() === true && isOnlyOurs(status);
}

/** Nobody else may write there. */
function isOnlyOurs({ uid, gid, mode }: Stats): boolean {
  const isOwn = uid === 0 || uid === process.getuid?.();
  const isGroups = (mode & 0o020) !== 0 && gid !== 0 && gid !== process.getgid?.();
  return isOwn && !isGroups && (mode & 0o002) === 0;
}

/** For the end of a sentence: `permission denied`. */
export function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT":
      return "it is not there";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "ENOTDIR":
      return "it is no folder";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
