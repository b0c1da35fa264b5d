// Where the control socket is, for the program that opens it and for the commands that look for it: both
// ask here, so that they agree without being told. Whoever can write into its folder could put another
// socket in its place, so the folder in /tmp, where everybody may write, is looked at before it is used.

import { accessSync, chownSync, constants, lstatSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const systemFolder = "/run/tidegate";
const fileName = "control.sock";

export interface ControlPlace {
  readonly path: string;
  /** Where it comes from, for messages. */
  readonly chosenBy: "option" | "environment" | "system" | "session" | "user";
}

/** The folder cannot be trusted, or cannot be made. */
export class BadControlFolder extends Error {}

export interface Who {
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** `configured` is an option or a key of the configuration; undefined = by who we are. */
export function controlPlace(configured: string | undefined, who: Who = ourselves()): ControlPlace {
  if (configured !== undefined) return { path: resolve(configured), chosenBy: "option" };
  const { TIDEGATE_CONTROL: named = "", XDG_RUNTIME_DIR: session = "" } = who.env;
  if (named !== "") return { path: resolve(named), chosenBy: "environment" };
  if (who.uid === 0 || isWritable(systemFolder)) {
    return { path: join(systemFolder, fileName), chosenBy: "system" };
  }
  if (session !== "") {
    return { path: join(session, "tidegate", fileName), chosenBy: "session" };
  }
  return { path: join(privateFolder(who.uid), fileName), chosenBy: "user" };
}

/** The socket of a program that root or a service manager started. */
export const systemSocket = join(systemFolder, fileName);

/**
 * Makes the folder unless it is there, and looks whether it is safe. As root it is given to the user who
 * will open the socket; so is the system's folder if it is there already, but no other: that one may
 * hold more than a socket. Throws BadControlFolder.
 */
export function prepareFolder(path: string, owner?: { uid: number; gid: number }): void {
  const folder = dirname(path);
  const isSystem = folder === systemFolder;
  try {
    // Others may see that a system's socket is there, which only its owner may use.
    const isNew = makeFolder(folder, isSystem ? 0o755 : 0o700);
    if (owner !== undefined && (isNew || isSystem)) chownSync(folder, owner.uid, owner.gid);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BadControlFolder(
      `the folder of the control socket cannot be made: ${why}; make it, or choose another place with --control`,
      { cause: error },
    );
  }
  verifyFolder(path);
}

function makeFolder(folder: string, mode: number): boolean {
  try {
    mkdirSync(folder, { mode });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Throws BadControlFolder when somebody else could have made the socket at this path. */
export function verifyFolder(path: string, uid: number = ourselves().uid): void {
  const folder = dirname(path);
  if (folder !== privateFolder(uid)) return; // chosen by the operator, or writable for its owner only
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return;
  const fault = !found.isDirectory()
    ? "is no folder"
    : found.uid !== uid
      ? "belongs to somebody else"
      : (found.mode & 0o077) !== 0
        ? "is open to others"
        : undefined;
  if (fault === undefined) return;
  throw new BadControlFolder(
    `${folder} ${fault}, so what is in it is not trusted; remove it, or choose another place with --control`,
  );
}

function privateFolder(uid: number): string {
  return `/tmp/tidegate-${uid}`;
}

function ourselves(): Who {
  return { uid: process.geteuid?.() ?? 0, env: process.env };
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false; // not there, or not ours
  }
}
