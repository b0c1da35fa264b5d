// Where what lies on disk: `SHELF/BUCKET/FILE` below one folder, all of them hashes, so nothing that a client chose is part of a path.
// The name of a file begins with the hash of its URL: what is taken out by URL is found without reading anything.

import { createHash } from "node:crypto";
import { constants, lstatSync, mkdirSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

import { diskBlock } from "../config/cache-limits.ts";
import type { CacheUse } from "../config/middlewares/uses/cache.ts";

export interface DiskSettings {
  /** Made by `prepareRoot`. */
  readonly root: string;
  /** Bytes. */
  readonly size: number;
  /** Shelves of the routes there are. */
  readonly shelves: ReadonlySet<string>;
}

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Nothing that is no plain file is waited for. */
const readFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
export const writeFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

const markLength = 32;

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, markLength);
}

/** Folder of what one route keeps: another one once anything changes that says what is kept. */
export function shelfName(owner: string, use: CacheUse): string {
  const { memory: _m, disk: _d, purge: _p, status: _s, lockTimeout: _l, ...what } = use;
  return ownerMark(owner) + hashOf(JSON.stringify(what)).slice(0, 16);
}

/** What all shelves of one route begin with, those of other settings included. */
export function ownerMark(owner: string): string {
  return hashOf(owner).slice(0, 16);
}

export interface FilePlace {
  /** Below the folder. */
  readonly bucket: string;
  readonly name: string;
}

/** @param variant "" = the first that is looked for */
export function filePlace(shelf: string, url: string, key: string, variant: string): FilePlace {
  const mark = urlMark(url);
  const behind = variant === "" ? "" : `-${hashOf(variant)}`;
  return { bucket: bucketOf(shelf, mark), name: `${mark}-${hashOf(key)}${behind}` };
}

/** What names of files begin with. */
export function urlMark(url: string): string {
  return hashOf(url);
}

/** Of the URL of a file that is ours. */
export function markOf(name: string): string {
  return name.slice(0, markLength);
}

export function bucketOf(shelf: string, mark: string): string {
  return join(shelf, mark.slice(0, 2));
}

const unfinished = ".tmp";
const gone = "gone-";

let count = 0;

/** Beside it, until it is whole. */
export function unfinishedName(name: string): string {
  return `${name}.${process.pid}-${++count}${unfinished}`;
}

/** What a shelf is called once it is to go. */
export function goneName(): string {
  return `${gone}${process.pid}-${++count}-${Date.now()}`;
}

const order = "order-";

export function orderName(): string {
  return `${order}${process.pid}-${++count}-${Date.now()}`;
}

export function isOrder(name: string): boolean {
  return /^order-\d+-\d+-\d+$/.test(name);
}

export function isUnfinished(name: string): boolean {
  return name.endsWith(unfinished);
}

export function isGone(name: string): boolean {
  return name.startsWith(gone);
}

export function isShelf(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name);
}

/** Anything else is left alone. */
export function isOurs(name: string): boolean {
  return /^[0-9a-f]{32}-[0-9a-f]{32}(-[0-9a-f]{32})?(\.\d+-\d+\.tmp)?$/.test(name);
}

export function bytesOnDisk(size: number): number {
  return Math.max(1, Math.ceil(size / diskBlock)) * diskBlock;
}

/** Made, and nobody else's. Throws with what an operator needs to know. */
export function prepareRoot(root: string): void {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const found = lstatSync(root);
  const us = process.geteuid?.() ?? found.uid;
  if (!found.isDirectory()) throw new Error(`${root} is not a folder`);
  if (found.uid !== us) {
    throw new Error(`${root} belongs to user ${found.uid}, and this is user ${us}`);
  }
  if ((found.mode & 0o077) !== 0) {
    throw new Error(`others may look into ${root}: chmod 700 ${root}`);
  }
}

/** Names of a folder that may not be there. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isNowhere(error)) return [];
    throw error;
  }
}

/** Folders in a folder, links left out. */
export async function foldersIn(folder: string): Promise<readonly string[]> {
  try {
    const all = await readdir(folder, { withFileTypes: true });
    return all.filter((each) => each.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (isNowhere(error)) return [];
    throw error;
  }
}

/** All of it, or so many bytes; undefined = it is not there, too long, or no plain file. */
export async function readPlain(
  path: string,
  most: number,
  isWhole: boolean,
): Promise<{ readonly bytes: Buffer; readonly usedAt: number } | undefined> {
  let file;
  try {
    file = await open(path, readFlags);
  } catch (error) {
    if (isNowhere(error) || isCode(error, "ELOOP")) return undefined;
    throw error;
  }
  try {
    const found = await file.stat();
    const { size, mtimeMs } = found;
    if (!found.isFile() || (isWhole && size > most)) return undefined;
    const bytes = Buffer.allocUnsafeSlow(Math.min(size, most));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return { bytes: bytes.subarray(0, bytesRead), usedAt: mtimeMs };
  } finally {
    await file.close();
  }
}

function isNowhere(error: unknown): boolean {
  return isCode(error, "ENOENT") || isCode(error, "ENOTDIR");
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
