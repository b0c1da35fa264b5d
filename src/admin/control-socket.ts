// Puts a listening unix socket at a path so that at no moment anybody else may connect to it, and so that
// of two programs that start together only one gets the path. The socket is made in a private folder,
// gets its mode there, and only then its name.

import { once } from "node:events";
import { chmodSync, linkSync, lstatSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { dirname, join } from "node:path";

/** The kernel's limit, without the NUL at the end. */
const maxPathBytes = 107;

/** Which file it is, whatever its name: tells whether the socket at a path is still ours. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

export interface BindOptions {
  readonly path: string;
  /** Takes the place of what is there. Otherwise a file that has come there meanwhile is an EEXIST. */
  readonly replace: boolean;
}

export async function bindPrivately(server: Server, options: BindOptions): Promise<FileIdentity> {
  const { path, replace } = options;
  const folder = mkdtempSync(join(dirname(path), ".new-"));
  try {
    const own = join(folder, "s");
    if (Buffer.byteLength(own) > maxPathBytes || Buffer.byteLength(path) > maxPathBytes) {
      throw new Error(`${path} is too long for a socket; choose a shorter path`);
    }
    server.listen(own);
    await once(server, "listening");
    chmodSync(own, 0o600);
    const identity = lstatSync(own);
    if (replace) renameSync(own, path);
    else linkSync(own, path);
    return { dev: identity.dev, ino: identity.ino };
  } catch (error) {
    server.close();
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function identityOf(path: string): FileIdentity | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : { dev: found.dev, ino: found.ino };
}

/** Removes the file, if it is still this one. Returns whether the path is free. */
export function removeIfStill(path: string, identity: FileIdentity): boolean {
  const now = identityOf(path);
  if (now === undefined) return true;
  if (now.dev !== identity.dev || now.ino !== identity.ino) return false;
  rmSync(path, { force: true });
  return true;
}
