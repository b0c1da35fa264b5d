// Reads what a container's configuration says of names, networks and routes, in the words of LXC 3 and later
// (`lxc.net.0.ipv4.address`) and of LXC 1 and 2 (`lxc.network.ipv4`), included files as well. Whatever cannot
// be used is a note, and everything else counts: the file may be half-written, or of an older LXC.

import { isAbsolute } from "node:path";
import type { Note } from "../../config/finding.ts";
import { lxcConfig } from "../../config/provider-limits.ts";
import { canonicalAddress } from "../../lib/ip.ts";
import { parseLine } from "./lxc-lines.ts";
import { type Nic, Nics } from "./nics.ts";

export interface LxcConfig {
  /** `lxc.uts.name`; "" = not said. */
  readonly hostName: string;
  readonly nics: readonly Nic[];
  /** `lxc.rootfs.path` as it stands there; "" = not said: its files are those of the machine. */
  readonly rootfs: string;
  /** From comments: `# tidegate.host = …`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly notes: readonly Note[];
}

export type ConfigSource =
  | { readonly kind: "text"; readonly text: string }
  /** Paths of the files in it that end in `.conf`. */
  | { readonly kind: "folder"; readonly files: readonly string[] }
  /** `why` goes after "cannot be read:". */
  | { readonly kind: "unreadable"; readonly why: string };

/** Reads a file or folder. Never rejects. */
export type OpenSource = (path: string) => Promise<ConfigSource>;

export async function readLxcConfig(path: string, open: OpenSource): Promise<LxcConfig> {
  const reading = new Reading(open);
  await reading.file(path, []);
  return reading.result();
}

class Reading {
  readonly #open: OpenSource;
  readonly #nics = new Nics();
  readonly #labels = new Map<string, string>();
  readonly #notes: Note[] = [];
  #hostName = "";
  #rootfs = "";
  #files = 0;
  #isOldNoted = false;

  constructor(open: OpenSource) {
    this.#open = open;
  }

  result(): LxcConfig {
    return {
      hostName: this.#hostName,
      nics: this.#nics.all,
      rootfs: this.#rootfs,
      labels: Object.fromEntries(this.#labels),
      notes: this.#notes,
    };
  }

  /** @param through the files that included this one, the container's own first. */
  async file(path: string, through: readonly string[]): Promise<void> {
    this.#files += 1;
    const source = await this.#open(path);
    const inside = [...through, path];
    switch (source.kind) {
      case "unreadable":
        return this.#noteUnreadable(path, source.why, through.length === 0);
      case "folder":
        for (const file of source.files) await this.#include(file, inside, "lxc.include");
        return;
      case "text":
        return this.#text(source.text, inside);
    }
  }

  async #text(text: string, inside: readonly string[]): Promise<void> {
    let number = 0;
    for (const each of text.split("\n")) {
      number += 1;
      const file = inside.length === 1 ? "" : ` of ${inside.at(-1)}`;
      const about = (key: string) => `${key.slice(0, 100)}, line ${number}${file}`;
      const line = parseLine(each);
      if (line.kind === "label") this.#labels.set(line.key, line.value);
      if (line.kind === "bad") {
        const remedy = "write KEY = VALUE, or # in front of a comment";
        this.#note("warning", about("config"), "is no setting: LXC refuses the file", remedy);
      }
      if (line.kind !== "item") continue;
      if (line.key === "lxc.include") await this.#include(line.value, inside, about(line.key));
      else this.#item(line.key, line.value, about(line.key));
    }
  }

  #item(key: string, value: string, about: string): void {
    if (key === "lxc.uts.name" || key === "lxc.utsname") this.#hostName = value;
    else if (key === "lxc.rootfs.path" || key === "lxc.rootfs") this.#rootfs = value;
    else {
      const { trouble, isOld } = this.#nics.set(key, value);
      if (trouble !== undefined) this.#note("warning", about, trouble.message, trouble.remedy);
      if (isOld && !this.#isOldNoted) {
        this.#isOldNoted = true;
        const remedy = "lxc-update-config -c FILE writes it anew, if this is LXC 3 or later";
        this.#note("info", about, "is how LXC 1 and 2 say it; later ones refuse the file", remedy);
      }
    }
  }

  async #include(path: string, inside: readonly string[], about: string): Promise<void> {
    if (path === "") return;
    if (!isAbsolute(path)) {
      const remedy = "write the whole path";
      const message =
        "is not read: where a relative path begins depends on who starts the container";
      return this.#note("warning", about, message, remedy);
    }
    const refusal = inside.includes(path)
      ? "leads back to itself"
      : inside.length > lxcConfig.depth
        ? `is not read: more than ${lxcConfig.depth} files include one another`
        : this.#files >= lxcConfig.files
          ? `is not read: more than ${lxcConfig.files} files are included`
          : undefined;
    if (refusal !== undefined) return this.#note("warning", about, refusal, undefined);
    await this.file(path, inside);
  }

  #noteUnreadable(path: string, why: string, isOwn: boolean): void {
    const remedy = why.includes("permission")
      ? "run Tidegate as a user who may read it"
      : "correct or remove it";
    this.#note(isOwn ? "error" : "warning", path, `cannot be read: ${why}`, remedy);
  }

  #note(
    severity: Note["severity"],
    about: string,
    message: string,
    remedy: string | undefined,
  ): void {
    if (this.#notes.length < lxcConfig.notes)
      this.#notes.push({ severity, about, message, remedy });
  }
}

/** All that is configured, once each, the first interface first. */
export function addressesOf(nics: readonly Nic[]): readonly string[] {
  const all = nics.flatMap(({ ipv4, ipv6 }) => [...ipv4, ...ipv6]);
  return [...new Set(all.flatMap((each) => canonicalAddress(each) ?? []))];
}

/** LXC makes a network for each container, unless all that is said of it is `lxc.net.0.type = none`. */
export function sharesNetworkOfHost(nics: readonly Nic[]): boolean {
  const types = nics.map(({ type }) => type);
  return types.includes("none") && types.every((type) => type === "none");
}
