// Records of whole requests, in the memory of the primary: those who serve are asked for what they recorded while any of
// them runs. A record ends by itself: when it has what was asked for, when its time is over, or when it is too large.

import type { RecordRow, Records, RecordWish } from "../admin/traffic-records.ts";
import { recording as limits } from "../config/traffic-limits.ts";
import { formatDuration } from "../lib/duration.ts";
import type { RecordedExchange, RecorderOrder } from "../traffic/recorded.ts";

export interface RecordBookOptions {
  ask(
    orders: readonly RecorderOrder[],
  ): Promise<readonly ({ readonly exchanges: readonly RecordedExchange[] } | undefined)[]>;
  /** Names of those that are served. */
  routes(): readonly string[];
}

/** How often those who serve are asked, ms. */
const fetchEvery = 250;

interface Kept {
  readonly id: string;
  readonly wish: RecordWish;
  readonly by: string;
  readonly since: number;
  /** By the clock that nobody sets. */
  readonly until: number;
  readonly exchanges: RecordedExchange[];
  bytes: number;
  ended: string;
}

export class RecordBook implements Records {
  readonly #options: RecordBookOptions;
  readonly #records = new Map<string, Kept>();
  #numbers = 0;
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;

  constructor(options: RecordBookOptions) {
    this.#options = options;
  }

  start(wish: RecordWish, by: string): RecordRow | string {
    const { route } = wish;
    const isThere = this.#options
      .routes()
      .some((name) => name === route || name.startsWith(`${route}@`));
    if (!isThere) return `there is no route ${route}; \`tidegate routes\` shows all`;
    if (this.#records.size >= limits.records) {
      return `there are ${limits.records} records already; delete one`;
    }
    const record: Kept = {
      ...{ id: String(++this.#numbers), wish, by, since: Date.now() },
      until: performance.now() + wish.time,
      ...{ exchanges: [], bytes: 0, ended: "" },
    };
    this.#records.set(record.id, record);
    this.#timer ??= setInterval(() => void this.#fetch(), fetchEvery).unref();
    void this.#fetch();
    return rowOf(record);
  }

  async #fetch(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const answers = await this.#options.ask(this.#orders());
      for (const exchange of answers.flatMap((each) => each?.exchanges ?? [])) this.#take(exchange);
    } finally {
      this.#isAsking = false;
    }
    if (this.#orders().length > 0 || this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    // They stop at once, and what they had on the way is lost.
    void this.#options.ask([]);
  }

  #orders(): readonly RecorderOrder[] {
    const now = performance.now();
    return [...this.#records.values()].flatMap((record) => {
      const { id, wish, until, exchanges } = record;
      if (record.ended === "" && now >= until) {
        record.ended = `its ${formatDuration(wish.time)} are over`;
      }
      if (record.ended !== "") return [];
      const { route, body, withSecrets } = wish;
      return [{ id, route, body, withSecrets, left: wish.count - exchanges.length }];
    });
  }

  #take(exchange: RecordedExchange): void {
    const record = this.#records.get(exchange.record);
    if (record === undefined || record.ended !== "") return;
    record.exchanges.push(exchange);
    record.bytes += sizeOf(exchange);
    if (record.exchanges.length >= record.wish.count) record.ended = "it has what was asked for";
    else if (record.bytes >= limits.bytes) record.ended = `it has ${limits.bytes / 1024 ** 2} MiB`;
  }

  rows(): readonly RecordRow[] {
    return [...this.#records.values()].map(rowOf);
  }

  row(id: string): RecordRow | undefined {
    const record = this.#records.get(id);
    return record === undefined ? undefined : rowOf(record);
  }

  exchanges(id: string): readonly RecordedExchange[] | undefined {
    return this.#records.get(id)?.exchanges;
  }

  end(id: string): boolean {
    const record = this.#records.get(id);
    if (record?.ended === "") record.ended = "somebody ended it";
    return record !== undefined;
  }

  remove(id: string): boolean {
    return this.#records.delete(id);
  }
}

/** As it is in memory, roughly. */
function sizeOf({ fields, body, answer }: RecordedExchange): number {
  const lines = [...fields, ...answer.fields];
  const heads = lines.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return heads + body.base64.length + answer.body.base64.length;
}

function rowOf({ id, wish, by, since, exchanges, bytes, ended }: Kept): RecordRow {
  return {
    ...{ id, by, ...wish, ended, bytes },
    since: new Date(since).toISOString(),
    state: ended === "" ? "recording" : "done",
    exchanges: exchanges.length,
  };
}
