// Asks for the details of containers, some at a time. One can be stuck, while it is being removed for example,
// and the answer with it. The others are not kept waiting for that: what comes late counts when it comes.

import { dockerDiscovery } from "../../config/provider-limits.ts";
import { isRecord, type JsonRecord } from "../../lib/json.ts";
import { EngineError } from "./engine-error.ts";
import type { Engine } from "./engine.ts";

/** A container as the list has it. */
export interface Listed {
  readonly id: string;
  readonly entry: JsonRecord;
  /** Another text when anything about it has changed. */
  readonly signature: string;
}

export interface Answer {
  readonly listed: Listed;
  /** undefined = it has gone in the meantime. */
  readonly details: JsonRecord | EngineError | undefined;
}

export interface AskOptions {
  /** Those to be asked again even if they are being asked now: they may have changed since. */
  readonly changed: ReadonlySet<string>;
  /** ms; undefined = until all have answered. Then many that do not answer are the engine's failure. */
  readonly patience: number | undefined;
  /** The same one each time. */
  readonly signal: AbortSignal;
}

interface Pending {
  readonly listed: Listed;
  readonly done: () => void;
  /** To be asked once more. */
  again: Listed | undefined;
}

export class Details {
  readonly #engine: Engine;
  readonly #late: () => void;
  readonly #pending = new Map<string, Pending>();
  readonly #queue: Pending[] = [];
  readonly #answers: Answer[] = [];
  #working = 0;
  #isAwaited = false;
  /** Nothing was said yet. */
  #isPatient = false;
  /** One after the other, with no answer between. */
  #slow = 0;
  /** Of the engine; never fulfilled. */
  readonly #failure = Promise.withResolvers<never>();

  /** `late`: an answer came that nobody waits for any more. */
  constructor(engine: Engine, late: () => void) {
    this.#engine = engine;
    this.#late = late;
    this.#failure.promise.catch(() => {}); // heard by whoever asks
  }

  /** All that was answered since the last time. Rejects when it is the engine that cannot be asked. */
  async ask(
    wanted: readonly Listed[],
    { changed, patience, signal }: AskOptions,
  ): Promise<readonly Answer[]> {
    const asked = wanted.map((listed) => this.#begin(listed, changed.has(listed.id), signal));
    const { promise: failure } = this.#failure;
    this.#isAwaited = true;
    this.#isPatient = patience === undefined;
    try {
      await settled(Promise.race([Promise.all(asked), failure]), patience);
    } finally {
      this.#isAwaited = false;
    }
    return this.#answers.splice(0);
  }

  #begin(listed: Listed, isChanged: boolean, signal: AbortSignal): Promise<void> {
    const pending = this.#pending.get(listed.id);
    if (pending !== undefined) {
      // Who is stuck was waited for once.
      if (isChanged || pending.listed.signature !== listed.signature) pending.again = listed;
      return Promise.resolve();
    }
    const { promise, resolve: done } = Promise.withResolvers<void>();
    const added: Pending = { listed, done, again: undefined };
    this.#pending.set(listed.id, added);
    this.#queue.push(added);
    this.#work(signal);
    return promise;
  }

  #work(signal: AbortSignal): void {
    while (this.#working < dockerDiscovery.inspects) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#working += 1;
      void this.#one(next, signal); // never rejects
    }
  }

  async #one(pending: Pending, signal: AbortSignal): Promise<void> {
    const { listed, done } = pending;
    const asked = this.#inspect(listed, signal);
    // Whoever is stuck keeps no place either.
    await settled(asked, dockerDiscovery.patience);
    this.#working -= 1;
    this.#work(signal);
    const details = await asked;
    this.#pending.delete(listed.id);
    this.#answered({ listed, details });
    done();
    if (signal.aborted) return;
    if (pending.again !== undefined) void this.#begin(pending.again, true, signal);
    if (!this.#isAwaited) this.#late();
  }

  #answered(answer: Answer): void {
    const { details } = answer;
    this.#answers.push(answer);
    const kind = details instanceof EngineError ? details.kind : undefined;
    this.#slow = kind === "slow" ? this.#slow + 1 : 0;
    const isHanging = this.#isPatient && this.#slow >= dockerDiscovery.slowInspects;
    if (kind === "unreachable" || isHanging) this.#failure.reject(details);
  }

  async #inspect({ id }: Listed, signal: AbortSignal): Promise<Answer["details"]> {
    const { inspectTimeout: timeout, inspectBytes: bytes } = dockerDiscovery;
    try {
      const path = `/containers/${id}/json`;
      const { status, body } = await this.#engine.get(path, { signal, timeout, bytes });
      if (status === 404) return undefined;
      if (status === 200 && isRecord(body) && isRecord(body["Config"])) return body;
      return new EngineError("rubbish", `the engine answered ${status}, without details`);
    } catch (error) {
      return error instanceof EngineError ? error : new EngineError("unreachable", String(error));
    }
  }
}

/** Settles as the promise does, or after so long. */
async function settled(promise: Promise<unknown>, ms: number | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    if (ms !== undefined) timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}
