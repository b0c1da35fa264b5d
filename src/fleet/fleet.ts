// This node in its fleet: says that it is there, keeps what all share as it stands in etcd, and tells what is
// found out and ordered here. While etcd is away everything goes on with what is known, and what is to be told
// waits, within bounds. Nothing that serves ever waits for any of it.

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { FleetSettings } from "../config/fleet-settings.ts";
import { fleetLimits as limits } from "../config/fleet-limits.ts";
import { EtcdError } from "../etcd/etcd-error.ts";
import { follow } from "../etcd/follow.ts";
import { grantLease, renewLease, revokeLease } from "../etcd/lease.ts";
import { type Change, Member } from "../etcd/member.ts";
import { Backoff } from "../lib/backoff.ts";
import type { Log } from "../lib/log.ts";
import { Pulse } from "../lib/pulse.ts";
import { nodeKey, type Order, secretKey } from "./fleet-keys.ts";
import type { ShownMark } from "./mark-book.ts";
import type { NodeFacts } from "./node-facts.ts";
import { Picture, type PictureUser } from "./picture.ts";
import { NameTaken, register } from "./registration.ts";
import type { RollEntry } from "./roll.ts";
import { type Writer, writerFor } from "./writer.ts";

export interface FleetOptions extends PictureUser {
  /** What the others are told of this node. */
  facts(): Omit<NodeFacts, "id">;
  /** For the case that nobody has shared one yet; undefined = none is needed here. */
  secret(): string | undefined;
}

export interface FleetState {
  /** `alone`: another node has the name. */
  readonly state: "starting" | "joined" | "away" | "alone";
  /** Why it is not joined; a sentence. */
  readonly trouble: string | undefined;
  /** Of the state; milliseconds since 1970. */
  readonly since: number;
  /** When etcd answered last, milliseconds since 1970; 0 = never. */
  readonly heardAt: number;
  /** How long it took, ms. */
  readonly lag: number;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #settings: FleetSettings;
  readonly #log: Log;
  readonly #id = randomUUID();
  readonly #members: readonly Member[];
  readonly #picture: Picture;
  readonly #untold = new Pulse();
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  #at = 0;
  #lease: string | undefined;
  #state: FleetState = {
    ...{ state: "starting", trouble: undefined, since: Date.now(), heardAt: 0, lag: 0 },
  };
  /** What the others were told of us. */
  #told = { facts: "", revision: "0" };

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#log = options.log;
    this.#picture = new Picture({ ...options, id: this.#id });
    const { server } = options.settings;
    this.#members = server.endpoints.map((each) => new Member(server, each));
    this.#running = this.#run(this.#ending.signal);
  }

  // --- what happens here -------------------------------------------------------------------------

  ordered(order: Order, isOn: boolean): void {
    const isTaken = this.#picture.orders.ordered(order, isOn, !this.#isJoined);
    if (!isTaken)
      this.#log.warn("too many orders wait for etcd: the others are not told of this one");
    this.#untold.raise();
  }

  shown(mark: ShownMark): void {
    if (this.#picture.shown(mark)) this.#untold.raise();
  }

  /** What was found dead here is of no use to others. */
  withdraw(): void {
    if (this.#picture.marks.withdraw()) this.#untold.raise();
  }

  /** What is served may be something else now. */
  settle(): void {
    this.#picture.orders.settle();
    this.#untold.raise();
  }

  get state(): FleetState {
    return this.#state;
  }

  get nodes(): readonly RollEntry[] {
    return this.#picture.roll.entries;
  }

  get #isJoined(): boolean {
    return this.#state.state === "joined";
  }

  // --- etcd --------------------------------------------------------------------------------------

  async #run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(limits.retry);
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        await this.#session(signal);
      } catch (error) {
        if (signal.aborted) return;
        const kind = error instanceof EtcdError ? error.kind : undefined;
        if (kind === "due") continue;
        // Its history was taken away between listing and watching: it is there, and is listed again.
        const isThere = kind === "compacted";
        if (!isThere) this.#lost(error);
        const isTaken = error instanceof NameTaken;
        if (!isTaken && !isThere) this.#at = (this.#at + 1) % this.#members.length;
        const wait = backoff.next(performance.now() - startedAt);
        await pause(isTaken ? this.#settings.ttl / 2 : wait, undefined, { signal }).catch(() => {
          // It is being ended: the loop sees that.
        });
      }
    }
  }

  /** Until something fails, or all is to be listed again. */
  async #session(signal: AbortSignal): Promise<void> {
    const member = this.#members[this.#at];
    if (member === undefined) throw new Error("there is no member of etcd to ask");
    const lease = await this.#leased(member, signal);
    const { server, node } = this.#settings;
    const key = `${server.prefix}${nodeKey(node)}`;
    const facts = { id: this.#id, ...this.#options.facts() };
    const { answerTimeout: timeout, verify: every } = limits;
    const options = { key, name: node, lease, signal, timeout };
    const revision = await register(member, facts, options);
    this.#told = { facts: JSON.stringify(facts), revision };
    const ending = new AbortController();
    const during = AbortSignal.any([signal, ending.signal]);
    const loaded = new Pulse();
    const changed = (changes: readonly Change[] | undefined) => {
      this.#picture.learn(changes);
      if (changes === undefined) this.#joined();
      // What is told depends on what is there.
      this.#untold.raise();
      loaded.raise();
    };
    const all = [
      follow(member, { keys: this.#picture.keys, every, changed }, during),
      this.#renewing(member, lease, during),
      // With what the others say in view: what is to be told depends on it.
      loaded.wait(every, during).then(() => this.#telling(member, lease, during)),
    ];
    try {
      await Promise.race(all);
    } finally {
      ending.abort();
      await Promise.allSettled(all);
    }
  }

  /** The one we have, if it has not run out. */
  async #leased(member: Member, signal: AbortSignal): Promise<string> {
    const options = { signal, timeout: limits.answerTimeout };
    if (this.#lease !== undefined && (await renewLease(member, this.#lease, options))) {
      return this.#lease;
    }
    this.#lease = await grantLease(member, this.#settings.ttl / 1000, options);
    return this.#lease;
  }

  async #renewing(member: Member, lease: string, signal: AbortSignal): Promise<never> {
    const every = this.#settings.ttl / 3;
    for (;;) {
      const askedAt = performance.now();
      if (!(await renewLease(member, lease, { signal, timeout: every }))) {
        throw new Error("etcd has not heard of this node for too long");
      }
      const lag = performance.now() - askedAt;
      this.#state = { ...this.#state, heardAt: Date.now(), lag };
      await pause(every, undefined, { signal });
    }
  }

  async #telling(member: Member, lease: string, signal: AbortSignal): Promise<never> {
    const { server, node } = this.#settings;
    const writer = writerFor(member, server.prefix, { signal, timeout: limits.answerTimeout });
    for (;;) {
      await this.#untold.wait(limits.verify, signal);
      signal.throwIfAborted();
      this.#untold.clear();
      await this.#tellFacts(writer, lease);
      await this.#picture.orders.tell(writer, node);
      await this.#picture.marks.tell(writer, node);
      await this.#tellSecret(writer);
    }
  }

  async #tellFacts(writer: Writer, lease: string): Promise<void> {
    const value = JSON.stringify({ id: this.#id, ...this.#options.facts() });
    const { facts, revision: ifRevision } = this.#told;
    if (value === facts) return;
    const key = nodeKey(this.#settings.node);
    const { isDone, revision } = await writer.write({ key, value, lease, ifRevision });
    // Else a successor has taken over, and it is the one who is there now.
    if (isDone) this.#told = { facts: value, revision };
  }

  async #tellSecret(writer: Writer): Promise<void> {
    const value = this.#picture.hasSecret ? undefined : this.#options.secret();
    if (value !== undefined) await writer.write({ key: secretKey, value, ifRevision: "0" });
  }

  // --- how it stands -----------------------------------------------------------------------------

  #joined(): void {
    if (this.#isJoined) return;
    const { node, server } = this.#settings;
    const others = this.nodes.filter(({ goneSince }) => goneSince === undefined).length - 1;
    this.#log.info("joined the fleet", { node, prefix: server.prefix, others });
    this.#state = { ...this.#state, state: "joined", trouble: undefined, since: Date.now() };
  }

  #lost(error: unknown): void {
    const trouble = error instanceof Error ? error.message : String(error);
    const state = error instanceof NameTaken ? "alone" : "away";
    const before = this.#state;
    this.#picture.orders.away();
    const since = before.state === state ? before.since : Date.now();
    this.#state = { ...before, state, trouble, since };
    if (before.state === state) return;
    if (state === "alone") this.#log.warn(trouble);
    else
      this.#log.warn("the fleet cannot be asked; this node goes on by itself", { cause: trouble });
  }

  /** Leaves, so that the others need not wait for the end of its lease. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#running;
    const member = this.#members[this.#at];
    if (this.#lease === undefined || member === undefined) return;
    const timeout = limits.leaveTimeout;
    try {
      await revokeLease(member, this.#lease, { signal: AbortSignal.timeout(timeout), timeout });
    } catch {
      // etcd is away: the lease runs out by itself.
    }
  }
}
