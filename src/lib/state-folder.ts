// The folder for what outlives the program, and the secret in it. Nobody but the program may look inside:
// alerts tell of the inner network, and whoever has the secret can make cookies that look like ours.

import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const systemFolder = "/var/lib/tidegate";

/** Chosen, made and looked at. Throws with a message for the operator when there is none to be had. */
export function stateFolderOf(configured: string | undefined): string {
  const folder = statePlace(configured);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    verify(folder);
    mayUse(folder);
  } catch (error) {
    const message = `cannot use ${folder} as the state folder: ${messageOf(error)}`;
    throw new Error(`${message}. Give it to the user that Tidegate runs as, or set stateFolder`, {
      cause: error,
    });
  }
  return folder;
}

/** On a disk that can only be read, as after a fault of it, what is there counts still. */
function mayUse(folder: string): void {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (!isCode(error, "EROFS")) throw error;
  }
}

/** Somebody else could put a secret there that they know, or take the alerts away. */
function verify(folder: string): void {
  // A link is followed: systemd's folder is one when it makes up the user.
  const found = statSync(folder);
  if (!found.isDirectory()) throw new Error("it is not a folder");
  const [us, real] = [process.geteuid?.(), process.getuid?.()];
  if (us === undefined) return;
  // What belongs to root may be open to us in other ways. Where we only act for somebody that shows later.
  const isOurs = found.uid === us || (found.uid === 0 && us === real);
  if (!isOurs) throw new Error(`it belongs to user ${found.uid}, and this is user ${us}`);
  if ((found.mode & 0o022) === 0) return;
  const mode = (found.mode & 0o7777).toString(8).padStart(4, "0");
  throw new Error(`others may write to it, its mode is ${mode}: chmod go-w ${folder}`);
}

/** Where it is, or would be. */
export function statePlace(configured: string | undefined): string {
  return configured ?? usualFolder();
}

function usualFolder(): string {
  // systemd's StateDirectory= may name several, and the first one is the main one.
  const [given = ""] = (process.env["STATE_DIRECTORY"] ?? "").split(":");
  if (given !== "") return given;
  if (process.geteuid?.() === 0 || isUsable(systemFolder)) return systemFolder;
  const home = process.env["XDG_STATE_HOME"] ?? "";
  // The specification of these variables has relative paths ignored.
  return home.startsWith("/")
    ? join(home, "tidegate")
    : join(homedir(), ".local", "state", "tidegate");
}

function isUsable(folder: string): boolean {
  try {
    mayUse(folder);
    return true;
  } catch {
    return false; // not there, or somebody else's
  }
}

/** 32 random bytes, hex; made the first time. Of two that start at once both get the same. */
export function secretIn(folder: string): string {
  const path = join(folder, "secret");
  return readSecret(path) ?? makeSecret(path) ?? readSecret(path) ?? vanished(path);
}

/** The one that a fleet shares; undefined = none was heard yet. Throws as `secretIn` does. */
export function sharedSecretIn(folder: string): string | undefined {
  return readSecret(join(folder, sharedSecretName));
}

/** For the next start, which may be without the fleet. The one of this host stays beside it. */
export function keepSharedSecret(folder: string, secret: string): void {
  const path = join(folder, sharedSecretName);
  const next = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    writeWhole(next, secret);
    renameSync(next, path);
  } finally {
    rmSync(next, { force: true });
  }
}

/** Beside the other one, as a program that may give the folder away knows its names. */
const sharedSecretName = "secret.fleet";

function writeWhole(path: string, secret: string): void {
  const descriptor = openSync(path, "wx", 0o600);
  try {
    writeSync(descriptor, `${secret}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readSecret(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, "latin1").trim();
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    const remedy = "Give it to the user that Tidegate runs as";
    throw new Error(`the secret of cookies cannot be read: ${messageOf(error)}. ${remedy}`, {
      cause: error,
    });
  }
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  const remedy = "Restore it, or remove it to have a new one made: sticky sessions then begin anew";
  throw new Error(`${path} is damaged: it should hold 64 hexadecimal digits. ${remedy}`);
}

/** undefined when somebody else was faster. */
function makeSecret(path: string): string | undefined {
  const secret = randomBytes(32).toString("hex");
  const next = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    writeWhole(next, secret);
    // A link is made only where nothing is, and what is there is whole.
    linkSync(next, path);
    return secret;
  } catch (error) {
    if (isCode(error, "EEXIST")) return undefined;
    throw new Error(`the secret of cookies cannot be made: ${messageOf(error)}`, { cause: error });
  } finally {
    rmSync(next, { force: true });
  }
}

function vanished(path: string): never {
  throw new Error(`${path} comes and goes: somebody else removes it`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
