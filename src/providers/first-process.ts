// The first process of a container, which everything in it is seen through. A platform tells its number, and by the
// time that it is heard the number may be another process's: so it is only taken when it shows whose it is.

import { readFile } from "node:fs/promises";
import type { GuestInit } from "../config/guest.ts";
import { beginningOf } from "./lxc/proc-net.ts";

/** Whether a process is of the container that is meant. */
export type IsMeant = (pid: number) => Promise<boolean>;

/** undefined = there is none of this number, or it is somebody else's. */
export async function firstProcess(pid: number, isMeant: IsMeant): Promise<GuestInit | undefined> {
  const startedAt = await beginning(pid);
  if (startedAt === undefined || !(await isMeant(pid))) return undefined;
  // What was looked at was this process all the time.
  return (await beginning(pid)) === startedAt ? { pid, startedAt } : undefined;
}

/** When a process began, in the kernel's own count; undefined = it has ended. */
export async function beginning(pid: number): Promise<string | undefined> {
  return readFile(`/proc/${pid}/stat`, "utf8").then(beginningOf, () => undefined);
}

interface Known {
  /** Another text after a restart. */
  readonly run: string;
  readonly init: GuestInit;
}

/** What was found out once is believed while the platform tells of the same run. */
export class FirstProcesses {
  #known: ReadonlyMap<string, Known> = new Map();
  #next = new Map<string, Known>();

  /** Another listing: who is not asked for in it is forgotten. */
  begin(): void {
    this.#known = this.#next;
    this.#next = new Map();
  }

  /** @param run of the container: another text after a restart */
  async of(
    id: string,
    { pid, run }: { readonly pid: number; readonly run: string },
    isMeant: IsMeant,
  ): Promise<GuestInit | undefined> {
    const before = this.#known.get(id);
    const isSame = before?.run === run && before.init.pid === pid;
    const init = isSame ? before.init : await firstProcess(pid, isMeant);
    if (init !== undefined) this.#next.set(id, { run, init });
    return init;
  }
}
