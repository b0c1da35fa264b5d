// Which files of a place may hold certificates, and where the key of each may lie. What is in them is not looked at here.
// The layouts are those of certbot, lego, acme.sh, dehydrated, Kubernetes and HAProxy: docs/guide/tls.md

import type { Dirent } from "node:fs";
import { opendir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { certificateLimits } from "../config/tls-limits.ts";
import type { CertificatePlace } from "../config/tls-settings.ts";

export interface Candidate {
  readonly cert: string;
  /** Where its key is when it is not in it, the likeliest first. */
  readonly keys: readonly string[];
  /** `named` in the configuration; `part` of what another file beside it has whole. */
  readonly role: "named" | "found" | "part";
}

export interface Candidates {
  readonly all: readonly Candidate[];
  /** Where a change may be one of these. */
  readonly folders: readonly string[];
  /** Why these may not be all: a sentence; "" = they are. */
  readonly trouble: string;
}

const endings = /\.(pem|crt|cer)$/i;
const fullChain = /^fullchain/i;

export async function candidatesOf(place: CertificatePlace): Promise<Candidates> {
  if (place.kind === "files") return ofFiles(place.cert, place.key);
  const above = await existing(dirname(place.path));
  try {
    const found = await stat(place.path);
    if (!found.isDirectory()) return await ofFile(place.path);
    const root = new Finder();
    await root.look(place.path, 1);
    const folders = [above, ...root.folders].slice(0, certificateLimits.watched);
    return { all: root.candidates(), folders, trouble: root.trouble };
  } catch (error) {
    return { all: [], folders: [above], trouble: troubleOf(error) };
  }
}

async function ofFiles(cert: string, key: string): Promise<Candidates> {
  const files = [...new Set([cert, key])];
  const folders = await Promise.all(files.flatMap((each) => [existing(dirname(each)), real(each)]));
  const keys = key === cert ? [] : [key];
  return { all: [{ cert, keys, role: "named" }], folders: [...new Set(folders)], trouble: "" };
}

/** Of a single file with everything in it, or with its key beside it. */
async function ofFile(path: string): Promise<Candidates> {
  const { folders } = await ofFiles(path, path);
  const finder = new Finder();
  await finder.look(dirname(path), 0);
  const keys = keysOf(dirname(path), basename(path), finder.namesIn(dirname(path)));
  return { all: [{ cert: path, keys, role: "named" }], folders, trouble: "" };
}

class Finder {
  readonly folders: string[] = [];
  readonly #names = new Map<string, Set<string>>();
  #count = 0;
  trouble = "";

  namesIn(folder: string): ReadonlySet<string> {
    return this.#names.get(folder) ?? new Set();
  }

  /** Hidden ones are passed over: Kubernetes and editors keep there what is not meant yet, or no more. */
  async look(folder: string, depth: number): Promise<void> {
    this.folders.push(await realpath(folder));
    const names = new Set<string>();
    this.#names.set(folder, names);
    const below: string[] = [];
    for await (const entry of await opendir(folder)) {
      if (entry.name.startsWith(".")) continue;
      if (++this.#count > certificateLimits.files * 2) {
        this.trouble = `it holds more than ${certificateLimits.files * 2} files, and the rest is not read: divide it`;
        break;
      }
      if (await isFolder(folder, entry)) below.push(entry.name);
      else names.add(entry.name);
    }
    if (depth === 0) return;
    for (const name of below.sort()) {
      try {
        await this.look(join(folder, name), depth - 1);
      } catch (error) {
        this.trouble ||= `${name}: ${troubleOf(error)}`;
      }
    }
  }

  candidates(): readonly Candidate[] {
    const all: Candidate[] = [];
    for (const [folder, names] of this.#names) {
      const found = [...names].filter((name) => endings.test(name)).sort();
      const hasFullChain = found.some((name) => fullChain.test(name));
      const keys = new Map(found.map((name) => [name, keysOf(folder, name, names)]));
      const taken = new Set([...keys.values()].flat());
      for (const name of found) {
        const cert = join(folder, name);
        if (taken.has(cert)) continue;
        const role = hasFullChain && !fullChain.test(name) ? "part" : "found";
        all.push({ cert, keys: keys.get(name) ?? [], role });
      }
    }
    if (all.length > certificateLimits.files) {
      this.trouble = `it holds more than ${certificateLimits.files} certificates, and the rest is not read: divide it`;
    }
    return all.slice(0, certificateLimits.files);
  }
}

async function isFolder(folder: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink() || endings.test(entry.name)) return entry.isDirectory();
  // A link that leads nowhere is none.
  return (await stat(join(folder, entry.name)).catch(() => undefined))?.isDirectory() ?? false;
}

/** Those that are there. */
function keysOf(folder: string, name: string, names: ReadonlySet<string>): readonly string[] {
  const stem = name.replace(endings, "");
  const usual = [`${stem}.key`, `${stem}-key.pem`, `${stem}.key.pem`];
  const [, number = ""] = /^fullchain(\d*)$/i.exec(stem) ?? [];
  const site = basename(folder).replace(/_ecc$/, "");
  const ofChain = fullChain.test(stem) ? [`privkey${number}.pem`, `${site}.key`] : [];
  return [...usual, ...ofChain].filter((each) => names.has(each)).map((each) => join(folder, each));
}

/** The folder, or the first one above it that is there. */
async function existing(folder: string): Promise<string> {
  for (let path = folder; ; path = dirname(path)) {
    const found = await realpath(path).catch(() => undefined);
    if (found !== undefined || path === dirname(path)) return found ?? path;
  }
}

async function real(file: string): Promise<string> {
  return dirname(await realpath(file).catch(() => file));
}

/** What keeps a file or folder from being read, and what helps. */
export function troubleOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  switch (code) {
    case "ENOENT":
      return "it is not there";
    case "EACCES":
    case "EPERM":
      return `user ${process.geteuid?.() ?? "?"}, as whom this program runs, may not read it: give its group the right (chgrp, chmod g+r), or setfacl -m u:USER:r`;
    case "EISDIR":
      return "it is a folder";
    case "ELOOP":
      return "its link leads in a circle";
    case "":
      return error instanceof Error ? error.message : String(error);
    default:
      return `it cannot be read (${code})`;
  }
}
