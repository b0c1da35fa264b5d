// Where a machine keeps whom it trusts: the system's store, for curl and most programs, and the databases of Chromium and
// Firefox, which ask nobody else. Each is changed by the program that its maker gives for it.

import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { access, readdir, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { runProgram } from "./run-program.ts";

export interface Root {
  readonly pem: string;
  /** What it is called in stores: the same root has the same name everywhere. */
  readonly name: string;
}

/** undefined: it is no authority's certificate. */
export function rootOf(pem: string): Root | undefined {
  try {
    const certificate = new X509Certificate(pem);
    const { ca, fingerprint256 } = certificate;
    const name = `tidegate-${fingerprint256.replaceAll(":", "").slice(0, 16).toLowerCase()}`;
    return ca ? { pem: certificate.toString(), name } : undefined;
  } catch {
    return undefined;
  }
}

export interface Person {
  readonly home: string;
  /** Whose files they are; undefined = who runs this. */
  readonly ids: { readonly uid: number; readonly gid: number } | undefined;
}

export interface TrustStore {
  /** For people. */
  readonly what: string;
  /** Both throw what went wrong. */
  add(root: Root): Promise<void>;
  /** Returns whether it was there. */
  remove(root: Root): Promise<boolean>;
}

/** Debian and Ubuntu; Fedora and its family; Arch. */
const systems = [
  {
    folder: "/usr/local/share/ca-certificates",
    ending: ".crt",
    command: ["update-ca-certificates"],
  },
  {
    folder: "/etc/pki/ca-trust/source/anchors",
    ending: ".pem",
    command: ["update-ca-trust", "extract"],
  },
  {
    folder: "/etc/ca-certificates/trust-source/anchors",
    ending: ".crt",
    command: ["trust", "extract-compat"],
  },
] as const;

/** undefined: none that is known here. */
export function systemStore(): TrustStore | undefined {
  const found = systems.find(
    ({ folder, command: [name] }) => existsSync(folder) && hasProgram(name),
  );
  if (found === undefined) return undefined;
  const { folder, ending, command } = found;
  const [program, ...args] = command;
  const update = () => runProgram(program, args);
  const fileOf = ({ name }: Root) => join(folder, name + ending);
  return {
    what: `the system (${folder})`,
    async add(root) {
      await writeFile(fileOf(root), root.pem, { mode: 0o644 });
      await update();
    },
    async remove(root) {
      if (!existsSync(fileOf(root))) return false;
      await rm(fileOf(root));
      await update();
      return true;
    },
  };
}

/** Below a home; the last ones hold a folder for each profile. */
const databases = [".pki/nssdb", ".local/share/pki/nssdb", "snap/chromium/current/.pki/nssdb"];
const profiles = [
  ".mozilla/firefox",
  ".config/mozilla/firefox",
  "snap/firefox/common/.mozilla/firefox",
];
/** More than anybody has. */
const maxProfiles = 50;

/** Folders of the databases of browsers that this person has used. */
export async function browserFolders({ home }: Person): Promise<readonly string[]> {
  const below = await Promise.all(
    profiles.map(async (each) => {
      const names = await readdir(join(home, each)).catch(() => []);
      return names.slice(0, maxProfiles).map((name) => join(home, each, name));
    }),
  );
  const all = [...databases.map((each) => join(home, each)), ...below.flat()];
  return all.filter((each) => existsSync(join(each, "cert9.db")));
}

export function browserStore(folder: string, { ids, home }: Person): TrustStore {
  const certutil = (args: readonly string[], input = "") =>
    runProgram("certutil", ["-d", `sql:${folder}`, ...args], { input, ids, home });
  return {
    what: `a browser (${folder})`,
    async add({ name, pem }) {
      // For servers alone: not for mail, not for programs.
      await certutil(["-A", "-n", name, "-t", "C,,", "-a"], pem);
    },
    async remove({ name }) {
      const isThere = await certutil(["-L", "-n", name]).then(
        () => true,
        () => false, // that is how it says that there is none
      );
      if (isThere) await certutil(["-D", "-n", name]);
      return isThere;
    },
  };
}

export function hasProgram(name: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((each) => each !== "" && existsSync(join(each, name)));
}

/** Who asked: whoever used sudo, not root. */
export async function whoAsks(): Promise<Person> {
  const [uid, gid] = [process.env["SUDO_UID"], process.env["SUDO_GID"]].map(Number);
  const own = { home: process.env["HOME"] ?? "", ids: undefined };
  const isSudo =
    process.geteuid?.() === 0 && Number.isSafeInteger(uid) && Number.isSafeInteger(gid);
  if (!isSudo || uid === undefined || gid === undefined || uid === 0) return own;
  const entry = await runProgram("getent", ["passwd", String(uid)]);
  const home = entry.split(":")[5] ?? "";
  return (await isFolder(home)) ? { home, ids: { uid, gid } } : own;
}

async function isFolder(path: string): Promise<boolean> {
  return access(path).then(
    () => path !== "",
    () => false, // it has no home
  );
}
