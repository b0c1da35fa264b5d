// The file of a unix socket. The socket is bound under a hidden name beside the wished one and gets that in
// one step: where nothing is, or in place of another socket. Whoever binds may be root and the folder may
// belong to somebody else, so nothing here follows a link, and nothing but a socket is ever removed.

import { randomBytes } from "node:crypto";
import { linkSync, lstatSync, renameSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { constants } from "node:os";
import { dirname, join } from "node:path";

import { errorCode, systemError } from "./system-error.ts";

/** The kernel's limit, without the NUL at the end. */
const maxPathBytes = 107;

/** Which socket it is, whatever its name. */
interface Identity {
  readonly dev: number;
  readonly ino: number;
}

export class SocketFile {
  readonly #path: string;
  readonly #identity: Identity;
  /** Where it is until it takes its place. */
  #hidden: string | undefined;

  private constructor(path: string, hidden: string) {
    this.#path = path;
    this.#hidden = hidden;
    const found = socketAt(hidden);
    if (found === undefined) throw systemError(-constants.errno.ENOENT, "listen", path);
    this.#identity = found;
  }

  /**
   * Throws what the system says; EADDRINUSE when the path is taken.
   * @param bind makes a socket at the path it gets
   * @param isTakeOver whoever listens at the path stays reachable until `publish`
   */
  static make<T extends { close(): void }>(
    path: string,
    isTakeOver: boolean,
    bind: (hidden: string) => T,
  ): { readonly bound: T; readonly file: SocketFile } {
    const hidden = join(dirname(path), `.${randomBytes(6).toString("base64url")}`);
    if (Buffer.byteLength(hidden) > maxPathBytes) {
      const message = `the folder of ${path} has a name too long for a socket; choose a shorter one`;
      throw Object.assign(new Error(message), { code: "ENAMETOOLONG" });
    }
    // Never changed afterwards, as `chmod` follows links.
    const before = process.umask(0);
    let bound: T;
    try {
      bound = bind(hidden);
    } finally {
      process.umask(before);
    }
    try {
      const file = new SocketFile(path, hidden);
      if (isTakeOver) socketAt(path);
      else file.#place();
      return { bound, file };
    } catch (error) {
      bound.close();
      rmSync(hidden, { force: true });
      throw error;
    }
  }

  /** Takes the path if nothing is there. */
  #place(): void {
    const hidden = this.#hidden;
    if (hidden === undefined) return;
    try {
      linkSync(hidden, this.#path);
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
      socketAt(this.#path);
      throw systemError(-constants.errno.EADDRINUSE, "listen", this.#path);
    }
    rmSync(hidden, { force: true });
    this.#hidden = undefined;
  }

  /** Takes the path from whoever has it, without a moment in which nobody has. */
  publish(): void {
    if (this.#hidden === undefined) return;
    socketAt(this.#path);
    renameSync(this.#hidden, this.#path);
    this.#hidden = undefined;
  }

  /** Removes the file, unless the path has become another's. */
  remove(): void {
    if (this.#hidden !== undefined) rmSync(this.#hidden, { force: true });
    else removeIfStill(this.#path, this.#identity);
  }
}

/**
 * Removes what a killed process left behind. Throws EADDRINUSE when somebody listens there, and when what is
 * there is no socket.
 */
export async function clearPath(path: string): Promise<void> {
  const found = socketAt(path);
  if (found === undefined) return;
  if (await isListening(path)) throw systemError(-constants.errno.EADDRINUSE, "listen", path);
  removeIfStill(path, found);
}

/** Throws when something else is there. */
function socketAt(path: string): Identity | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isSocket()) return found;
  const message = `${path} is there and is no socket; remove it, or choose another path`;
  throw Object.assign(new Error(message), { code: "EEXIST" });
}

function removeIfStill(path: string, { dev, ino }: Identity): void {
  const now = lstatSync(path, { throwIfNoEntry: false });
  if (now?.isSocket() && now.dev === dev && now.ino === ino) rmSync(path, { force: true });
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path }, () => {
      probe.destroy();
      resolve(true);
    });
    // Anything else, as a full queue or a missing right, says that somebody may well be there.
    probe.on("error", (error) => resolve(!["ECONNREFUSED", "ENOENT"].includes(errorCode(error))));
  });
}
