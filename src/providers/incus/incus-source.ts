// What the daemon of Incus or LXD says there is: instances, containers and virtual machines alike, of all
// projects or of those that are configured. Both daemons speak the same protocol.

import { discovery, instancePower } from "../../config/provider-limits.ts";
import type { GuestPlace } from "../../config/guest.ts";
import type { IncusSettings } from "../../config/provider-settings.ts";
import type { Log } from "../../lib/log.ts";
import { AddressHolders } from "../address-holders.ts";
import { AddressWait } from "../address-wait.ts";
import { beginning, FirstProcesses } from "../first-process.ts";
import { isInitOfInstance } from "../lxc/lxc-init.ts";
import { isRecord, type JsonRecord, listAt, recordAt, textAt } from "../../lib/json.ts";
import { OwnNetworks } from "../own-networks.ts";
import { relist } from "../relist.ts";
import { Unchanged } from "../unchanged.ts";
import type { Workload, WorkloadAddress } from "../workload.ts";
import { IncusClient, IncusRefusal } from "./incus-client.ts";
import { placeFactsOf } from "./instance-place.ts";
import { addressesOf, projectNames, workloadOf } from "./instance.ts";

export type IncusSourceSettings = Pick<IncusSettings, "name" | "kind" | "socket" | "projects">;

/** Ends of what is asked for, so that all projects that count are in the answers. */
interface Queries {
  readonly lists: readonly string[];
  readonly events: readonly string[];
}

export class IncusSource {
  readonly #settings: IncusSourceSettings;
  readonly #log: Log;
  readonly #client: IncusClient;
  readonly #unchanged = new Unchanged();
  readonly #processes = new FirstProcesses();
  readonly #holders = new AddressHolders();
  /** Projects that were asked for and are not there, so that each is told of once. */
  readonly #absent = new Set<string>();

  constructor(settings: IncusSourceSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
    this.#client = new IncusClient(settings);
  }

  /** All there are, whenever something changed. Throws when the daemon cannot be asked. */
  async *workloads(signal: AbortSignal): AsyncGenerator<readonly Workload[]> {
    const queries = await this.#queries(signal);
    const waiting = new AddressWait();
    yield* relist(
      {
        every: discovery.relist,
        list: async (listing) => {
          const workloads = await this.#list(queries.lists, listing);
          waiting.listed(workloads);
          return workloads;
        },
        watch: (changed, watching) => this.#watch(queries.events, waiting, changed, watching),
      },
      signal,
    );
  }

  /** Settles when it is done; rejects with a sentence. */
  async power(workload: Workload, action: "start" | "stop"): Promise<void> {
    if (action === "start") return this.#change(workload, { action });
    try {
      await this.#change(workload, { action, timeout: instancePower.stopTimeout / 1000 });
    } catch (error) {
      // Many containers have an init that does not listen; for a machine it would be pulling the plug.
      if (!(await this.#isContainer(workload))) throw error;
      await this.#change(workload, { action, force: true });
    }
  }

  async #change(workload: Workload, body: { readonly action: string } & JsonRecord): Promise<void> {
    const never = new AbortController().signal;
    const query = queryOf(workload.project ?? "default");
    const wait = instancePower.answerTimeout;
    const path = `${pathOf(workload)}/state?${query}`;
    const begun = await this.#client.ask(path, never, { method: "PUT", body });
    const id = encodeURIComponent(textAt(begun, "id"));
    const ended = await this.#client.ask(
      `/1.0/operations/${id}/wait?timeout=${wait / 1000}&${query}`,
      never,
      { timeout: wait + discovery.answerTimeout },
    );
    const why = textAt(ended, "err");
    if (why !== "") throw new Error(`cannot ${body.action} ${workload.name}: ${why}`);
  }

  async #isContainer(workload: Workload): Promise<boolean> {
    const path = `${pathOf(workload)}?${queryOf(workload.project ?? "default")}`;
    const instance = await this.#client.ask(path, new AbortController().signal);
    return textAt(instance, "type") === "container";
  }

  async #queries(signal: AbortSignal): Promise<Queries> {
    const { projects } = this.#settings;
    const server = await this.#client.ask("/1.0", signal);
    if (listAt(server, "api_extensions").includes("instance_all_projects")) {
      const all = ["all-projects=true"];
      // Events of a project can only be listened to while it is there.
      return { lists: projects?.map(queryOf) ?? all, events: all };
    }
    // An old daemon. Projects that are made later are found when the provider starts again.
    const answer = await this.#client.ask("/1.0/projects?recursion=1", signal);
    const lists = projectNames(answer).filter((name) => projects?.includes(name) ?? true);
    return { lists: lists.map(queryOf), events: lists.map(queryOf) };
  }

  async #list(queries: readonly string[], signal: AbortSignal): Promise<readonly Workload[]> {
    const platform = this.#settings.kind;
    const networks = OwnNetworks.now();
    const answers = await Promise.all(queries.map((query) => this.#instances(query, signal)));
    const found = new Map<string, Workload>();
    this.#processes.begin();
    for (const instance of answers.flat()) {
      const workload = workloadOf(instance, { platform, networks });
      if (workload === undefined) continue;
      // Ids stand in the configuration of instances, so somebody can have written one twice.
      const id = found.has(workload.id) ? `${workload.project}/${workload.name}` : workload.id;
      found.set(id, { ...workload, id, guest: await this.#guestOf(instance, id) });
    }
    return this.#unchanged.of(this.#holders.settle([...found.values()]));
  }

  /** The number that the daemon tells is one of this machine, unless its socket leads to another one. */
  async #guestOf(instance: unknown, id: string): Promise<GuestPlace> {
    const facts = placeFactsOf(instance);
    if ("why" in facts) return { rootfs: undefined, init: undefined, why: facts.why };
    const { pid, names } = facts;
    // A number may come back: the daemon does not tell one run from the next.
    const run = (await beginning(pid)) ?? "";
    const init = await this.#processes.of(id, { pid, run }, (each) =>
      isInitOfInstance(each, names),
    );
    const why = `process ${pid}, which the daemon names as its first one, is none of this machine's containers: Tidegate has to run on the machine of the daemon, and outside of containers`;
    return { rootfs: undefined, init, why: init === undefined ? why : "" };
  }

  async #instances(query: string, signal: AbortSignal): Promise<readonly unknown[]> {
    try {
      const answer = await this.#client.ask(`/1.0/instances?recursion=2&${query}`, signal);
      this.#absent.delete(query);
      return Array.isArray(answer) ? answer : [];
    } catch (error) {
      // The others are not to suffer because one project was deleted.
      if (!(error instanceof IncusRefusal) || error.status !== 404) throw error;
      if (!this.#absent.has(query)) {
        const project = new URLSearchParams(query).get("project");
        const text = `there is no project ${project}; correct \`projects\` of ${this.#settings.name}`;
        this.#log.warn(text, { provider: this.#settings.name });
      }
      this.#absent.add(query);
      return [];
    }
  }

  async #watch(
    queries: readonly string[],
    waiting: AddressWait,
    changed: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    const streams = queries.map((query) =>
      this.#client.events(
        `/1.0/events?type=lifecycle&${query}`,
        { opened: changed, told: (text) => isAboutInstance(text) && changed() },
        either,
      ),
    );
    const ask = (due: readonly Workload[]) => this.#addresses(due, either);
    const run = waiting.run({ ask, found: changed }, either);
    try {
      await Promise.race([run, Promise.all(streams)]);
    } finally {
      ending.abort();
      await Promise.allSettled([run, ...streams]);
    }
  }

  /** Of a few instances, at a small part of what a listing of all costs. */
  async #addresses(
    due: readonly Workload[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly WorkloadAddress[]>> {
    const networks = OwnNetworks.now();
    const found = new Map<string, readonly WorkloadAddress[]>();
    for (const workload of due) {
      const path = `${pathOf(workload)}?recursion=1&${queryOf(workload.project ?? "default")}`;
      const instance = await this.#client.ask(path, signal).catch(() => undefined);
      // It was deleted or renamed, of which an event tells; or it is being stopped.
      if (isRecord(instance)) found.set(workload.id, addressesOf(instance, networks));
    }
    return found;
  }
}

function queryOf(project: string): string {
  return `project=${encodeURIComponent(project)}`;
}

function pathOf(workload: Workload): string {
  return `/1.0/instances/${encodeURIComponent(workload.name)}`;
}

/** There are many of images, networks and certificates too, which change nothing here. */
function isAboutInstance(text: string): boolean {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    return true; // whatever it means: listing once more does no harm
  }
  const action = textAt(recordAt(event, "metadata"), "action");
  return !/^(image|certificate|storage|warning|network)-/.test(action);
}
