// What stands under a prefix, listed at one revision and watched from the next one on, so that nothing is
// missed; until the member does not answer any more, whatever that comes from.

import { setTimeout as pause } from "node:timers/promises";
import { etcdSource as limits } from "../config/provider-limits.ts";
import { EtcdError } from "./etcd-error.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Change, Member } from "./member.ts";

export interface FollowOptions {
  /** Kept as it is there. */
  readonly keys: Keyspace;
  /** Ends after so long, ms, so that everything is listed again. */
  readonly every: number;
  /** How often the member is asked whether it lives, ms. */
  readonly heartbeat?: number;
  /** @param changes what happened since the last call; undefined = all was listed */
  changed(changes: readonly Change[] | undefined): void;
}

/** Rejects when it cannot go on: the watch, the heartbeat, or that it is time to list again (`due`). */
export async function follow(
  member: Member,
  { keys, every, heartbeat = limits.heartbeat, changed }: FollowOptions,
  signal: AbortSignal,
): Promise<never> {
  const revision = await keys.load(member, signal);
  changed(undefined);
  const ending = new AbortController();
  const during = AbortSignal.any([signal, ending.signal]);
  const watch = new Watch(member, revision, (changes) => {
    keys.apply(changes);
    changed(changes);
  });
  const all = [
    watch.run(during),
    beating(member, watch, heartbeat, during),
    listingDue(every, during),
  ];
  try {
    return await Promise.race(all);
  } finally {
    ending.abort();
    await Promise.allSettled(all);
  }
}

/** A watch that is begun anew, where it was, when it might have gone silent. */
class Watch {
  readonly #member: Member;
  readonly #changed: (changes: readonly Change[]) => void;
  /** All up to this one is known. */
  #heard: bigint;
  /** The latest of which it is known that this watch would tell, or has told. */
  #sure: bigint;
  #turn = new AbortController();

  constructor(member: Member, heard: bigint, changed: (changes: readonly Change[]) => void) {
    this.#member = member;
    this.#heard = heard;
    this.#sure = heard;
    this.#changed = changed;
  }

  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      const turn = new AbortController();
      this.#turn = turn;
      const during = AbortSignal.any([signal, turn.signal]);
      const opened = Promise.withResolvers<void>();
      const all = [this.#watch(during, opened.resolve), timely(opened.promise, during)];
      try {
        await Promise.race(all);
      } catch (error) {
        if (signal.aborted || !turn.signal.aborted) throw error;
      } finally {
        turn.abort();
        await Promise.allSettled(all);
      }
    }
  }

  #watch(signal: AbortSignal, opened: () => void): Promise<never> {
    const changed = (changes: readonly Change[], isWhole: boolean) => {
      if (isWhole) this.#heard = latestOf(changes, this.#heard);
      this.#changed(changes);
    };
    return this.#member.watch({ from: this.#heard + 1n, opened, changed }, signal);
  }

  /** @param now the revision of the store, of which nothing may have been said */
  check(now: bigint): void {
    if (now <= this.#heard || now <= this.#sure) return;
    this.#sure = now;
    this.#turn.abort();
  }
}

function latestOf(changes: readonly Change[], heard: bigint): bigint {
  const revisions = changes.map(({ revision }) => BigInt(revision));
  return revisions.reduce((latest, each) => (each > latest ? each : latest), heard);
}

/** Rejects when the watch takes too long to begin; never settles otherwise until the end. */
async function timely(opened: Promise<void>, signal: AbortSignal): Promise<never> {
  const late = pause(limits.answerTimeout, true, { signal });
  const isLate = await Promise.race([late, opened]);
  if (isLate === true) throw new Error("etcd took a watch, and did not begin it");
  return await never(signal);
}

/**
 * That a member answers does not show that its watch still reaches us: a proxy or a firewall on the way may have
 * forgotten that one connection. Whether a change is about our keys only the watch can tell, so after those of
 * others it is asked anew as well, but not too often.
 */
async function beating(
  member: Member,
  watch: Watch,
  every: number,
  signal: AbortSignal,
): Promise<never> {
  for (let beat = 1; ; beat++) {
    await pause(every, undefined, { signal });
    const revision = await member.alive(signal);
    if (beat % limits.beatsPerCheck === 0) watch.check(revision);
  }
}

async function listingDue(ms: number, signal: AbortSignal): Promise<never> {
  await pause(ms, undefined, { signal });
  throw new EtcdError("due", "it is time to list everything again");
}

/** Rejects when the signal is aborted. */
async function never(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => reject(new Error("ended")), { once: true });
  return await promise;
}
