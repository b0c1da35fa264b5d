// All containers with their details. Details are only asked of those whose entry in the list has changed, or
// whom an event was about: a daemon with a thousand containers answers a listing as fast as one with ten.

import { discovery, dockerDiscovery } from "../../config/provider-limits.ts";
import type { Log } from "../../lib/log.ts";
import { isRecord, type JsonRecord, listAt, recordAt, textAt } from "../../lib/json.ts";
import { type Container, healthIn, isId, readContainer, updated } from "./container.ts";
import { type Answer, Details, type Listed } from "./details.ts";
import { EngineError } from "./engine-error.ts";
import type { Engine } from "./engine.ts";

interface Known {
  /** Of the entry that its details belong to; "" = of another connection. */
  readonly signature: string;
  readonly container: Container;
  /** ms of the monotonic clock. */
  readonly readAt: number;
  /** So many times in a row its details could not be read. */
  readonly failures: number;
}

export interface ListingOptions {
  readonly log: Log;
  /** What was known when the engine was lost: better than nothing where details cannot be read. */
  readonly earlier: Listing | undefined;
  /** There is news without an event. */
  late(): void;
}

export class Listing {
  readonly #engine: Engine;
  readonly #log: Log;
  readonly #details: Details;
  #known: Map<string, Known>;
  #isFirst = true;
  #isTooMany = false;
  #isRefused = false;

  constructor(engine: Engine, { log, earlier, late }: ListingOptions) {
    this.#engine = engine;
    this.#log = log;
    this.#details = new Details(engine, late);
    const before = earlier === undefined ? [] : [...earlier.#known];
    this.#known = new Map(before.map(([id, known]) => [id, { ...known, signature: "" }]));
  }

  /** By id, in no order. `changed` are those whose details are asked in any case. */
  async refresh(
    changed: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Container>> {
    const listed = this.#bounded(await this.#entries(signal)).map((entry) => listedOf(entry));
    const due = listed.filter((each) => changed.has(each.id) || isOld(each, this.#known));
    // Of the first listing everybody is told to be there, or gone: it has to be complete.
    const patience = this.#isFirst ? undefined : dockerDiscovery.patience;
    const answers = await this.#details.ask(due, { changed, patience, signal });
    this.#isFirst = false;
    const ids = new Set(listed.map(({ id }) => id));
    // Who has ended meanwhile needs no details any more.
    for (const answer of answers) if (ids.has(answer.listed.id)) this.#take(answer);
    const known = new Map<string, Known>();
    const containers = new Map<string, Container>();
    for (const { id, entry, signature } of listed) {
      const each = this.#known.get(id);
      // Its details are on the way, and come with the next listing.
      if (each === undefined) continue;
      known.set(id, each);
      const isSame = each.signature === signature;
      containers.set(id, isSame ? each.container : updated(each.container, entry));
    }
    this.#known = known;
    return containers;
  }

  #take({ listed: { id, entry, signature }, details }: Answer): void {
    const before = this.#known.get(id);
    if (details === undefined) {
      this.#known.delete(id);
      return;
    }
    const isRead = !(details instanceof EngineError);
    const read = readContainer(entry, isRead ? details : {});
    if (read === undefined) return;
    const readAt = performance.now();
    if (isRead) {
      this.#known.set(id, { signature, container: read, readAt, failures: 0 });
      return;
    }
    const failures = (before?.failures ?? 0) + 1;
    // While one is being removed its details may take a while, and nobody misses them.
    if (failures === (details.kind === "slow" ? 2 : 1)) this.#complain(read, details);
    const isKnown = before !== undefined && before.container.unread === undefined;
    const { message: unread } = details;
    const container = isKnown ? updated(before.container, entry) : { ...read, unread };
    this.#known.set(id, { signature, container, readAt, failures });
  }

  #complain({ name }: Container, { message: why }: EngineError): void {
    const provider = this.#engine.settings.name;
    this.#log.warn("the details of a container cannot be read; what was known of it stays", {
      ...{ provider, container: name, why },
    });
  }

  async #entries(signal: AbortSignal): Promise<JsonRecord[]> {
    const list = await this.#list(signal);
    // Else all routes would go because of an answer like `null`.
    if (!Array.isArray(list)) {
      throw new EngineError("rubbish", "the engine's answer is no list of containers");
    }
    return list.filter((each) => isRecord(each)).filter((each) => isId(textAt(each, "Id")));
  }

  /** Podman refuses the whole list when it cannot tell of one of them; its own list says less, and has them all. */
  async #list(signal: AbortSignal): Promise<unknown> {
    try {
      const list = await this.#engine.read("/containers/json?all=1", { signal });
      this.#isRefused = false;
      return list;
    } catch (error) {
      const isRefusal = error instanceof EngineError && error.kind === "rubbish";
      if (!isRefusal || !this.#engine.isPodman) throw error;
      const list = await this.#engine
        .readLibpod("/containers/json?all=true", { signal })
        .catch(() => Promise.reject(error)); // what it said first says more
      const fields = { provider: this.#engine.settings.name, why: error.message };
      const text =
        "Podman cannot list its containers because of one of them; each is asked by itself";
      if (!this.#isRefused) this.#log.warn(text, fields);
      this.#isRefused = true;
      return list;
    }
  }

  #bounded(entries: JsonRecord[]): JsonRecord[] {
    const most = discovery.workloads;
    if (entries.length > most && !this.#isTooMany) {
      const text = `more than ${most} containers; the others are not looked at`;
      this.#log.warn(text, { provider: this.#engine.settings.name, containers: entries.length });
    }
    this.#isTooMany = entries.length > most;
    return entries.slice(0, most);
  }
}

function listedOf(entry: JsonRecord): Listed {
  return { id: textAt(entry, "Id"), entry, signature: signatureOf(entry) };
}

/** Health has no place in Podman's list, and events get lost. */
function isOld({ id, signature }: Listed, all: ReadonlyMap<string, Known>): boolean {
  const known = all.get(id);
  if (known === undefined || known.signature !== signature) return true;
  const { container, readAt, failures } = known;
  const mayHaveChanged =
    failures > 0 || (container.health !== "none" && container.state === "running");
  return mayHaveChanged && performance.now() - readAt >= discovery.relist / 2;
}

/** All that can change without the container being another one; not its age, which always does. */
function signatureOf(entry: JsonRecord): string {
  const ports = listAt(entry, "Ports").map((each) => JSON.stringify(each));
  const networks = Object.entries(recordAt(recordAt(entry, "NetworkSettings"), "Networks"));
  return JSON.stringify([
    textAt(entry, "State"),
    healthIn(textAt(entry, "Status")),
    listAt(entry, "Names"),
    // They come in any order.
    ports.sort(),
    networks.map(([name, each]) => [
      name,
      textAt(each, "IPAddress"),
      textAt(each, "GlobalIPv6Address"),
    ]),
  ]);
}
