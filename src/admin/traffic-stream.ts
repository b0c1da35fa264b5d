// Requests as lines of JSON for one reader. One that does not read as fast loses lines, and is told how many: a line
// `{"notShown":37}` stands where they would.

import { watching } from "../config/traffic-limits.ts";
import type { TrafficFilter } from "../traffic/filter.ts";
import type { SeenTraffic, Traffic } from "./traffic.ts";

/** @returns undefined when too many follow already */
export async function trafficStream(
  traffic: Traffic,
  filter: TrafficFilter,
  closing: AbortSignal,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const lines = new Lines();
  const unfollow = await traffic.follow(filter, (seen) => lines.add(seen));
  if (unfollow === undefined) return undefined;
  const finish = () => lines.finish();
  const end = () => {
    unfollow();
    closing.removeEventListener("abort", finish);
  };
  closing.addEventListener("abort", finish, { once: true });
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        lines.begin(controller, end);
        if (closing.aborted) lines.finish();
      },
      pull: () => lines.tellMissing(),
      cancel: end,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: watching.waitingBytes }),
  );
}

class Lines {
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #end = () => {};
  #missing = 0;

  begin(controller: ReadableStreamDefaultController<Uint8Array>, end: () => void): void {
    this.#controller = controller;
    this.#end = end;
  }

  get #hasRoom(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0;
  }

  add({ entries, dropped }: SeenTraffic): void {
    for (const each of entries) {
      if (!this.#hasRoom) this.#missing++;
      else {
        this.tellMissing();
        this.#controller?.enqueue(Buffer.from(`${JSON.stringify(each)}\n`));
      }
    }
    this.#missing += dropped;
    this.tellMissing();
  }

  tellMissing(): void {
    if (this.#missing === 0 || !this.#hasRoom) return;
    this.#controller?.enqueue(Buffer.from(`{"notShown":${this.#missing}}\n`));
    this.#missing = 0;
  }

  finish(): void {
    this.#end();
    this.#controller?.close();
    this.#controller = undefined;
  }
}
