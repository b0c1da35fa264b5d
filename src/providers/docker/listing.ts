// All containers with their details. Details are only asked of those whose entry in the list has changed, or
// whom an event was about: a daemon with a thousand containers answers a listing as fast as one with ten.

import { discovery, dockerDiscovery } from "../../config/limits.ts";
import type { Log } from "../../lib/log.ts";
import { isRecord, type JsonRecord, listAt, recordAt, textAt } from "../json.ts";
import { type Container, healthIn, isId, readContainer } from "./container.ts";
import { EngineError } from "./engine-error.ts";
import type { Engine } from "./engine.ts";

interface Known {
  readonly signature: string;
  readonly container: Container;
  /** ms of the monotonic clock. */
  readonly readAt: number;
  /** Its details could not be read. */
  readonly isPartial: boolean;
}

export class Listing {
  readonly #engine: Engine;
  readonly #log: Log;
  #known = new Map<string, Known>();
  #isTooMany = false;

  constructor(engine: Engine, log: Log) {
    this.#engine = engine;
    this.#log = log;
  }

  /** By id, in no order. `changed` are those whose details are asked in any case. */
  async refresh(
    changed: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Container>> {
    const entries = this.#bounded(await this.#entries(signal));
    const known = new Map<string, Known>();
    const asked: JsonRecord[] = [];
    for (const entry of entries) {
      const id = textAt(entry, "Id");
      const before = this.#known.get(id);
      if (before === undefined || changed.has(id) || isOld(before, entry)) asked.push(entry);
      else known.set(id, before);
    }
    for (const each of await this.#detailed(asked, signal)) known.set(each.container.id, each);
    this.#known = known;
    return new Map([...known].map(([id, { container }]) => [id, container]));
  }

  async #entries(signal: AbortSignal): Promise<JsonRecord[]> {
    const list = await this.#engine.read("/containers/json?all=1", { signal });
    // Else all routes would go because of an answer like `null`.
    if (!Array.isArray(list)) {
      throw new EngineError("rubbish", "the engine's answer is no list of containers");
    }
    return list.filter((each) => isRecord(each)).filter((each) => isId(textAt(each, "Id")));
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

  async #detailed(entries: readonly JsonRecord[], signal: AbortSignal): Promise<Known[]> {
    const results: Known[] = [];
    const waiting = entries.values();
    let slow = 0;
    const work = async () => {
      for (const entry of waiting) {
        const known = await this.#inspect(entry, signal).catch((error: unknown) => {
          if (!(error instanceof EngineError) || error.kind === "unreachable") throw error;
          if (error.kind === "slow") slow += 1;
          if (slow >= dockerDiscovery.slowInspects) throw error;
          return this.#partial(entry, error);
        });
        if (known !== undefined) results.push(known);
      }
    };
    await Promise.all(Array.from({ length: dockerDiscovery.inspects }, work));
    return results;
  }

  /** undefined = it has gone in the meantime. */
  async #inspect(entry: JsonRecord, signal: AbortSignal): Promise<Known | undefined> {
    const options = { signal, timeout: dockerDiscovery.inspectTimeout };
    const path = `/containers/${textAt(entry, "Id")}/json`;
    const { status, body } = await this.#engine.get(path, options);
    if (status === 404) return undefined;
    if (status !== 200 || !isRecord(body) || !isRecord(body["Config"])) {
      throw new EngineError("rubbish", `the engine answered ${status}, without details`);
    }
    return knownOf(entry, body);
  }

  /** What its entry says has to do; what was known of its details is better. */
  #partial(entry: JsonRecord, error: EngineError): Known | undefined {
    const known = knownOf(entry, {});
    if (known === undefined) return undefined;
    const before = this.#known.get(known.container.id);
    if (before?.isPartial !== true) {
      const provider = this.#engine.settings.name;
      const { name } = known.container;
      const text = "the details of a container cannot be read; what the list says has to do";
      this.#log.warn(text, { provider, container: name, why: error.message });
    }
    if (before === undefined) return { ...known, isPartial: true };
    const { state, health, endpoints, bindings } = known.container;
    const container = { ...before.container, state, health, endpoints, bindings };
    return { ...known, container, isPartial: true };
  }
}

function knownOf(entry: JsonRecord, details: JsonRecord): Known | undefined {
  const container = readContainer(entry, details);
  if (container === undefined) return undefined;
  const readAt = performance.now();
  return { signature: signatureOf(entry), container, readAt, isPartial: false };
}

/** Health has no place in Podman's list, and events get lost. */
function isOld({ signature, container, readAt, isPartial }: Known, entry: JsonRecord): boolean {
  if (signature !== signatureOf(entry)) return true;
  const mayHaveChanged =
    isPartial || (container.health !== "none" && container.state === "running");
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
