// One way through the folders of a root, name by name, each held before the next is looked up below it. Links are read as texts
// and followed by us: an absolute one starts at the root again, and `..` goes back to the folder that we came from and
// hold, never to where the kernel would say that it is now. So nothing that is renamed, swapped or mounted meanwhile
// leads anywhere else than below the root.

import type { BigIntStats } from "node:fs";
import { guestLimits } from "../config/guest-limits.ts";
import type { NotFound } from "./finding.ts";
import { type GuestIds, toEnter, toRead, toWrite } from "./guest-ids.ts";
import { asItself, codeOf, factsOf, letGo, open, pathBelow, targetOf } from "./held.ts";
import { isOfKernel } from "./kernel-files.ts";
import type { Turn } from "./queue.ts";
import { late, nothing, shown, troubleOf } from "./trouble.ts";

/** A folder that is held. */
export interface HeldFolder {
  readonly fd: number;
  readonly device: bigint;
  readonly inode: bigint;
}

export interface WalkRoot extends HeldFolder {
  /** Roots of this machine: whatever leads there is not the container's. */
  readonly ours: readonly Identity[];
  /** Users of the container; undefined = nothing is mounted here that would not be for them. */
  readonly ids: GuestIds | undefined;
}

export interface Identity {
  readonly device: bigint;
  readonly inode: bigint;
}

export interface Reached {
  readonly kind: "reached";
  /** Held until the walk is released. */
  readonly fd: number;
  readonly facts: BigIntStats;
  /** Where it is when all links were followed; "/" is the root. */
  readonly realPath: string;
}

interface Passed extends HeldFolder {
  readonly name: string;
  readonly facts: BigIntStats;
}

export class Walk {
  readonly #root: WalkRoot;
  readonly #turn: Turn;
  /** From the root to where we are. */
  readonly #passed: Passed[] = [];
  /** What is still to be looked up, the next one last. */
  #rest: string[] = [];
  #links = 0;
  #steps = 0;
  /** What is no folder ends the way. */
  #end: Passed | undefined;

  constructor(root: WalkRoot, turn: Turn) {
    this.#root = root;
    this.#turn = turn;
  }

  /** Once. Never rejects; `release` is due in any case. @param path bytes in latin1 */
  async to(path: string): Promise<Reached | NotFound> {
    if (!isWalkable(path)) return nothing;
    this.#rest = namesOf(path);
    for (let name = this.#rest.pop(); name !== undefined; name = this.#rest.pop()) {
      if (this.#turn.isOver) return late;
      // Something was asked for below what is no folder.
      if (this.#end !== undefined) return nothing;
      if (name === ".") continue;
      if (name === "..") this.#back();
      else {
        const trouble = await this.#step(name);
        if (trouble !== undefined) return trouble;
      }
    }
    return await this.#reached();
  }

  release(): void {
    if (this.#end !== undefined) letGo(this.#end.fd);
    for (const { fd } of this.#passed) letGo(fd);
    this.#end = undefined;
    this.#passed.length = 0;
  }

  async #step(name: string): Promise<NotFound | undefined> {
    if (++this.#steps > guestLimits.steps || name.length > guestLimits.nameBytes) return nothing;
    const above = this.#passed.at(-1) ?? this.#root;
    const path = pathBelow(above.fd, name);
    let fd = -1;
    try {
      fd = await open(path, asItself);
      const facts = await factsOf(fd);
      if (facts.isSymbolicLink()) {
        letGo(fd);
        fd = -1;
        return await this.#follow(path, name);
      }
      const here: Passed = { fd, name, facts, device: facts.dev, inode: facts.ino };
      const trouble = await this.#strange(here, above);
      if (trouble !== undefined) letGo(fd);
      else if (facts.isDirectory()) this.#passed.push(here);
      else this.#end = here;
      return trouble;
    } catch (error) {
      if (fd !== -1) letGo(fd);
      return troubleOf(error, this.#pathOf(name));
    }
  }

  /**
   * It is read by its name, since Node cannot read a link that is held. Whatever is read is a text to us: also that of another
   * link which is there by now.
   */
  async #follow(path: Buffer, name: string): Promise<NotFound | undefined> {
    if (++this.#links > guestLimits.links) return nothing;
    let target: string;
    try {
      target = await targetOf(path);
    } catch (error) {
      if (codeOf(error) !== "EINVAL") throw error;
      // It is no link any more: looked up again, which counts.
      this.#rest.push(name);
      return undefined;
    }
    if (target.startsWith("/")) this.#backToRoot();
    this.#rest.push(...namesOf(target));
    return undefined;
  }

  /** Why this is nowhere to go. */
  async #strange(here: Passed, above: HeldFolder): Promise<NotFound | undefined> {
    if (this.#passed.length >= guestLimits.depth) return nothing;
    // On the same device there is the same file system.
    if (here.device !== above.device && (await isOfKernel(here.fd))) {
      const why = "shows what the kernel knows, and is never served";
      return { kind: "refused", why: `${shown(this.#pathOf(here.name))} ${why}` };
    }
    const isOurs = this.#root.ours.some(
      ({ device, inode }) => device === here.device && inode === here.inode,
    );
    if (!isOurs) return this.#forbidden(here);
    const why = "is the root of this machine, mounted there: nothing below it is served";
    return { kind: "refused", why: `${shown(this.#pathOf(here.name))} ${why}` };
  }

  #forbidden({ facts, name }: Passed): NotFound | undefined {
    const bit = facts.isDirectory() ? toEnter : facts.isSocket() ? toWrite : toRead;
    if (this.#root.ids?.may(bit, facts) !== false) return undefined;
    return { kind: "refused", why: `${shown(this.#pathOf(name))} ${notForIt}` };
  }

  #back(): void {
    const last = this.#passed.pop();
    if (last !== undefined) letGo(last.fd);
  }

  #backToRoot(): void {
    while (this.#passed.length > 0) this.#back();
  }

  async #reached(): Promise<Reached | NotFound> {
    const last = this.#end ?? this.#passed.at(-1);
    const realPath = this.#realPath();
    if (last !== undefined) return { kind: "reached", fd: last.fd, facts: last.facts, realPath };
    try {
      const facts = await factsOf(this.#root.fd);
      return { kind: "reached", fd: this.#root.fd, facts, realPath };
    } catch (error) {
      return troubleOf(error, "/");
    }
  }

  #realPath(): string {
    const names = this.#passed.map(({ name }) => name);
    if (this.#end !== undefined) names.push(this.#end.name);
    return `/${names.join("/")}`;
  }

  #pathOf(name: string): string {
    const above = this.#realPath();
    return above === "/" ? `/${name}` : `${above}/${name}`;
  }
}

export const notForIt =
  "belongs to a user of this machine whom the container does not have, and its mode lets nobody else: not even root in there may use it (access lists are not asked)";

/** A NUL would end the path for the kernel; a character that is no byte would become another one. */
export function isWalkable(path: string): boolean {
  if (!path.startsWith("/") || path.length > guestLimits.pathBytes) return false;
  return !path.includes("\0") && !/[\u0100-\uffff]/.test(path);
}

/** The first one last. A slash at the end asks for a folder, as "." does. */
function namesOf(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  if (path.endsWith("/")) names.push(".");
  return names.reverse();
}
