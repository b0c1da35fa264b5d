// The stream of events: one JSON object a line. An event is a hint to list again, and says whose details to
// ask anew. One thing stands nowhere else: that a container was told to end, a whole grace period before it does.

import { StringDecoder } from "node:string_decoder";
import { discovery, dockerDiscovery } from "../../config/provider-limits.ts";
import { isRecord, recordAt, textAt } from "../../lib/json.ts";
import type { Engine } from "./engine.ts";

export interface EngineEvent {
  /** Of the container; undefined = it is about something else, or cannot be read. */
  readonly id: string | undefined;
  /** A signal was sent to it. */
  readonly signal: Signal | undefined;
  /** It may be told of before it is so. */
  readonly isEarly: boolean;
}

export interface Signal {
  readonly number: number;
  /** By the daemon's clock, ms since 1970. */
  readonly at: number;
}

/** Health checks run a command in the container, with three events each time: not asked for. */
const dockerEvents = [
  ..."create start die kill stop restart pause unpause rename destroy".split(" "),
  ..."health_status update connect disconnect".split(" "),
];

/** `told` once with undefined when it listens, then for each event. Rejects when it cannot listen any longer. */
export function followEvents(
  engine: Engine,
  told: (event: EngineEvent | undefined) => void,
  signal: AbortSignal,
): Promise<never> {
  const type = ["container", "network"];
  // Podman has other names for some events in filters than in the events themselves.
  const filters = engine.isPodman ? { type } : { type, event: dockerEvents };
  const query = new URLSearchParams({ filters: JSON.stringify(filters) });
  // The answer begins a moment before the daemon listens for us: what happens meanwhile is asked for as well.
  if (engine.openedAt !== undefined) query.set("since", String(engine.openedAt));
  const lines = new Lines(dockerDiscovery.eventBytes, (line) => {
    const event = readEvent(line);
    if (event !== undefined) told(event);
  });
  const handlers = {
    opened: () => told(undefined),
    bytes: (bytes: Buffer) => lines.take(bytes),
  };
  return engine.stream(`/events?${query.toString()}`, handlers, signal);
}

/** undefined = of no interest. What cannot be read may be about anything. */
export function readEvent(line: string): EngineEvent | undefined {
  const unknown = { id: undefined, signal: undefined, isEarly: false };
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    return unknown; // cut, or no event at all: a hint all the same
  }
  if (!isRecord(event)) return unknown;
  const action = textAt(event, "Action");
  if (action.startsWith("exec_") || action === "exec" || action === "top") return undefined;
  const actor = recordAt(event, "Actor");
  const attributes = recordAt(actor, "Attributes");
  // Who joined or left a network stands in an attribute; with Podman it is the actor.
  const id = textAt(attributes, "container") || textAt(actor, "ID");
  const number = Number(textAt(attributes, "signal"));
  const nanoseconds = event["timeNano"];
  const isSignal = action === "kill" && Number.isInteger(number) && number > 0;
  // Podman tells that somebody has looked, and then writes down what was seen.
  const isEarly = action === "health_status";
  if (!isSignal || typeof nanoseconds !== "number") return { id, signal: undefined, isEarly };
  return { id, signal: { number, at: nanoseconds / 1e6 }, isEarly };
}

/** Cuts a stream into lines. Of a line that is too long only the beginning is passed on. */
export class Lines {
  readonly #longest: number;
  readonly #line: (text: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  #isSkipping = false;

  constructor(longest: number, line: (text: string) => void) {
    this.#longest = longest;
    this.#line = line;
  }

  take(bytes: Buffer): void {
    const parts = this.#decoder.write(bytes).split("\n");
    // The last one has not ended yet.
    const open = parts.pop() ?? "";
    for (const part of parts) {
      this.#add(part);
      this.#end();
    }
    this.#add(open);
  }

  #add(text: string): void {
    if (this.#isSkipping) return;
    this.#rest += text;
    if (this.#rest.length <= this.#longest) return;
    this.#line(this.#rest.slice(0, this.#longest));
    this.#rest = "";
    this.#isSkipping = true;
  }

  #end(): void {
    const line = this.#rest.trim();
    if (!this.#isSkipping && line !== "") this.#line(line);
    this.#rest = "";
    this.#isSkipping = false;
  }
}

/** Tells once more of what was told too early, all of it together. */
export class Echo implements Disposable {
  readonly #tell: (event: EngineEvent) => void;
  readonly #events = new Map<string, EngineEvent>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (event: EngineEvent) => void) {
    this.#tell = tell;
  }

  add(event: EngineEvent): void {
    if (event.id === undefined || this.#events.size >= discovery.workloads) return;
    this.#events.set(event.id, event);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const events = [...this.#events.values()];
      this.#events.clear();
      for (const each of events) this.#tell(each);
    }, dockerDiscovery.echo);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** What events told since the last listing. */
export class Told {
  #ids = new Set<string>();
  readonly #signals = new Map<string, Signal & { readonly heardAt: number }>();

  add({ id, signal }: EngineEvent): void {
    if (id === undefined || this.#ids.size >= discovery.workloads) return;
    this.#ids.add(id);
    if (signal === undefined) return;
    // The latest one counts, and stands at the end.
    this.#signals.delete(id);
    this.#signals.set(id, { ...signal, heardAt: performance.now() });
  }

  /** Whom events were about since this was called last. */
  takeIds(): ReadonlySet<string> {
    const ids = this.#ids;
    this.#ids = new Set();
    return ids;
  }

  /** The latest signal that was sent to it, if that is not too long ago. */
  signalOf(id: string): Signal | undefined {
    const oldest = performance.now() - dockerDiscovery.stoppingFor;
    for (const [other, { heardAt }] of this.#signals) {
      if (heardAt >= oldest) break;
      this.#signals.delete(other);
    }
    return this.#signals.get(id);
  }
}
