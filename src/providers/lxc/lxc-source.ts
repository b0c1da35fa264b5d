// What LXC says there is: folders tell which containers there are, an abstract socket whether one runs, and
// LXC's programs and /proc the rest. Nothing of it is asked of a daemon, as there is none.

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Finding } from "../../config/finding.ts";
import { discovery, lxcDiscovery } from "../../config/provider-limits.ts";
import type { LxcSettings } from "../../config/provider-settings.ts";
import type { Log } from "../../lib/log.ts";
import { AddressHolders } from "../address-holders.ts";
import { AddressWait } from "../address-wait.ts";
import { OwnNetworks } from "../own-networks.ts";
import { relist } from "../relist.ts";
import { Unchanged } from "../unchanged.ts";
import type { Workload, WorkloadAddress } from "../workload.ts";
import { commandSocketEnd, commandSocketOf } from "./command-socket.ts";
import { ConfigBook } from "./config-book.ts";
import { addressesOf, type Container, workloadOf } from "./container.ts";
import { type ContainerFolder, type FolderList, listFolder } from "./folder-list.ts";
import { FolderWatch } from "./folder-watch.ts";
import { Life } from "./life.ts";
import { LxcMonitor } from "./lxc-monitor.ts";
import { type Place, switchContainer } from "./lxc-tools.ts";
import { abstractSockets } from "./proc-net.ts";
import { Wake } from "./wake.ts";
import { WorkLine } from "./work-line.ts";

export type LxcSourceSettings = Pick<LxcSettings, "name" | "paths">;

interface Listed {
  readonly path: string;
  readonly list: FolderList;
}

export class LxcSource {
  readonly #settings: LxcSourceSettings;
  readonly #log: Log;
  readonly #programs = new WorkLine(lxcDiscovery.programs);
  readonly #unchanged = new Unchanged();
  readonly #holders = new AddressHolders();
  /** By path of the container's folder. */
  #lives = new Map<string, Life>();
  #containers: ReadonlyMap<string, Container> = new Map();
  #workloads: readonly Workload[] = [];
  #troubles: readonly Finding[] = [];

  constructor(settings: LxcSourceSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /** Of the last listing, by id of the workload. */
  get containers(): ReadonlyMap<string, Container> {
    return this.#containers;
  }

  /** Of the last listing: what containers really have and nobody else had before, by id. */
  get addresses(): ReadonlyMap<string, readonly WorkloadAddress[]> {
    return new Map(this.#workloads.map(({ id, addresses }) => [id, addresses]));
  }

  /** Folders that cannot be read, while others can. */
  findings(): readonly Finding[] {
    return this.#troubles;
  }

  /** All there are, whenever something changed. Throws when no folder can be read. */
  async *workloads(signal: AbortSignal): AsyncGenerator<readonly Workload[]> {
    using wake = new Wake();
    const again = (ms: number) => wake.in(ms);
    const book = new ConfigBook({ again });
    const waiting = new AddressWait();
    using folders = new FolderWatch({ log: this.#log, changed: () => again(0) });
    // Those of an earlier run would wake that one.
    this.#lives = new Map();
    yield* relist(
      {
        every: discovery.relist,
        list: async (listing) => {
          const listed = await this.#list(book, again, listing);
          folders.keep(listed.watched);
          waiting.listed(listed.workloads.map((each) => this.#asItRuns(each)));
          return listed.workloads;
        },
        watch: async (changed, watching) => {
          wake.onTime(changed);
          await this.#watch(waiting, changed, watching);
        },
      },
      signal,
    );
  }

  async power(workload: Workload, action: "start" | "stop"): Promise<void> {
    const container = this.#containers.get(workload.id);
    if (container === undefined) throw new Error(`there is no container ${workload.name}`);
    await switchContainer(container.life?.place ?? container.folder, action);
  }

  async #list(book: ConfigBook, again: (ms: number) => void, signal: AbortSignal) {
    const { paths } = this.#settings;
    const [running, ...lists] = await Promise.all([
      runningNow(),
      ...paths.map(async (path) => ({ path, list: await listFolder(path) })),
    ]);
    this.#troubles = this.#troublesOf(lists);
    const found = lists.flatMap(({ list }) => (list.kind === "list" ? list.containers : []));
    const active = new Map(found.flatMap((each) => this.#activeOf(each, lists, running)));
    const owners = new Map(
      lists.flatMap(({ path, list }) => (list.kind === "list" ? [[path, list.owner]] : [])),
    );
    const folders = new Map(found.map(({ path, folder }) => [path, folder]));
    const ownerOf = (path: string) => owners.get(folders.get(path) ?? "") ?? 0;
    await this.#follow(active, { again, ownerOf }, signal);
    book.begin();
    const all = await Promise.all(found.map((folder) => this.#containerOf(folder, book)));
    const containers = all.filter((each) => each !== undefined);
    this.#containers = new Map(containers.map((each) => [each.id, each]));
    const networks = OwnNetworks.now();
    const workloads = containers.map((each) => workloadOf(each, networks));
    const watched = [
      ...lists.flatMap(({ path, list }) =>
        list.kind === "list" ? [{ path, inode: list.inode, file: undefined }] : [],
      ),
      ...found.map(({ path, inode }) => ({ path, inode, file: "config" })),
    ];
    this.#workloads = this.#unchanged.of(this.#holders.settle(workloads));
    return { workloads: this.#workloads, watched };
  }

  /** Throws a sentence when all of them are closed to us. */
  #troublesOf(lists: readonly Listed[]): Finding[] {
    const closed = lists.flatMap(({ path, list }) =>
      list.kind === "unreadable" ? [{ path, why: list.why, remedy: remedyOf(list.why) }] : [],
    );
    const [first] = closed;
    if (first !== undefined && closed.length === lists.length) {
      throw new Error(
        `cannot look for LXC containers in ${first.path}: ${first.why}; ${first.remedy}`,
      );
    }
    return closed.map(({ path, why, remedy }) => ({
      provider: this.#settings.name,
      platform: "lxc",
      name: path,
      id: "",
      project: undefined,
      state: "unreadable",
      addresses: [],
      became: [],
      notes: [{ severity: "error", about: "", message: `cannot be read: ${why}`, remedy }],
    }));
  }

  /** With the folder as whoever started it called it: LXC is asked by that name. */
  #activeOf(
    found: ContainerFolder,
    lists: readonly Listed[],
    running: ReadonlyMap<string, string>,
  ): [string, Place][] {
    if (running.size === 0) return [];
    const list = lists.find(({ path }) => path === found.folder)?.list;
    const names = [found.folder, ...(list?.kind === "list" ? [list.real] : [])];
    const folder = names.find((each) => running.has(commandSocketOf(each, found.name)));
    return folder === undefined ? [] : [[found.path, { folder, name: found.name }]];
  }

  async #follow(
    active: ReadonlyMap<string, Place>,
    {
      again,
      ownerOf,
    }: { readonly again: (ms: number) => void; readonly ownerOf: (path: string) => number },
    signal: AbortSignal,
  ): Promise<void> {
    const queue = <T>(work: () => Promise<T>) => this.#programs.run(work);
    const lives = new Map<string, Life>();
    for (const [path, place] of active) {
      const options = { queue, again, owner: ownerOf(path) };
      lives.set(path, this.#lives.get(path) ?? new Life(place, options));
    }
    this.#lives = lives;
    await Promise.all([...lives.values()].map((life) => life.update(signal)));
  }

  /** undefined = it has no configuration yet. */
  async #containerOf(folder: ContainerFolder, book: ConfigBook): Promise<Container | undefined> {
    const config = await book.of(join(folder.path, "config"));
    if (config === undefined) return undefined;
    const isOnlyFolder = this.#settings.paths.length === 1;
    const id = isOnlyFolder ? folder.name : folder.path;
    return { id, folder, config, life: this.#lives.get(folder.path) };
  }

  /** Ends when the signal is aborted, and then nothing of it is left. */
  async #watch(waiting: AddressWait, changed: () => void, signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    const told = (folder: string, name: string | undefined) => {
      if (name !== undefined) this.#lives.get(join(folder, name))?.touch();
      changed();
    };
    const monitors = this.#settings.paths.map(
      (folder) => new LxcMonitor({ folder, changed: (name) => told(folder, name) }),
    );
    changed();
    const ask = (due: readonly Workload[]) => this.#look(due);
    const all = [
      ...monitors.map((monitor) => monitor.run(either)),
      waiting.run({ ask, found: changed }, either),
      this.#poll(monitors, changed, either),
    ];
    try {
      await Promise.all(all);
    } finally {
      ending.abort();
      await Promise.allSettled(all);
    }
  }

  /** Who runs without an address is said to be starting; it is waited for like all who run. */
  #asItRuns(workload: Workload): Workload {
    const state = this.#containers.get(workload.id)?.life?.state;
    return state === "running" ? { ...workload, state } : workload;
  }

  /** Looks who runs, and which folders there are, while a monitor has not shown that it tells. */
  async #poll(
    monitors: readonly LxcMonitor[],
    changed: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    let before: string | undefined;
    let touchedAt = performance.now();
    while (!signal.aborted) {
      // Rejects only when aborted, and then the loop ends.
      await pause(lxcDiscovery.poll, undefined, { signal }).catch(() => undefined);
      if (signal.aborted || monitors.every(({ hasTold }) => hasTold)) continue;
      const now = await this.#outline();
      const isDue = performance.now() - touchedAt >= discovery.relist;
      if (isDue && !monitors.every(({ listens }) => listens)) {
        // Whether one is paused shows nowhere else.
        for (const life of this.#lives.values()) life.touch();
        changed();
      }
      if (isDue) touchedAt = performance.now();
      if (now !== before) changed();
      before = now;
    }
  }

  /** Another text when somebody has started or ended, or a folder has come or gone. */
  async #outline(): Promise<string> {
    const [running, ...inodes] = await Promise.all([
      runningNow(),
      ...this.#settings.paths.map((path) =>
        stat(path).then(
          ({ ino }) => ino,
          () => 0,
        ),
      ),
    ]);
    return [...inodes, ...[...running].map((each) => each.join(" ")).toSorted()].join("\n");
  }

  async #look(due: readonly Workload[]): Promise<Map<string, readonly WorkloadAddress[]>> {
    const networks = OwnNetworks.now();
    const found = new Map<string, readonly WorkloadAddress[]>();
    for (const { id } of due) {
      const container = this.#containers.get(id);
      if (container === undefined) continue;
      await container.life?.look();
      found.set(id, addressesOf(container, networks));
    }
    return found;
  }
}

/** Inodes of their command sockets, by name. */
async function runningNow(): Promise<ReadonlyMap<string, string>> {
  return abstractSockets(await readFile("/proc/net/unix", "utf8"), commandSocketEnd);
}

function remedyOf(why: string): string {
  return why === "permission denied"
    ? "run Tidegate as root, or as the user whose containers they are"
    : "correct `paths` of the provider";
}
