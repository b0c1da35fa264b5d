// Texts that all nodes of a fleet have, and that one of them writes: whoever holds `leader` under its lease. Each node keeps a copy on
// its own disk, and goes on with that while etcd is away; but then it does not write, since another one may.
//
//   leader            who writes; gone with its lease
//   seen/ID           who is there, and up to which revision it shows what is under `shown/`
//   shown/NAME        what everybody has to show now; gone with the lease of who wrote it
//   KIND/ID           texts

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { FleetSettings } from "../config/fleet-settings.ts";
import { fleetLimits as limits, sharedShelfLimits } from "../config/fleet-limits.ts";
import { EtcdError } from "../etcd/etcd-error.ts";
import { follow } from "../etcd/follow.ts";
import { Keyspace } from "../etcd/keyspace.ts";
import { grantLease, renewLease, revokeLease } from "../etcd/lease.ts";
import { type Change, Member } from "../etcd/member.ts";
import { Backoff } from "../lib/backoff.ts";
import type { Log } from "../lib/log.ts";
import { Pulse } from "../lib/pulse.ts";
import { type Writer, writerFor } from "./writer.ts";

/** Where texts lie on the disk. */
export interface LocalTexts<Kind extends string> {
  readonly texts: ReadonlyMap<string, string>;
  put(kind: Kind, id: string, text: string): Promise<void>;
  remove(kind: Kind, id: string): Promise<void>;
}

export interface SharedShelfOptions<Kind extends string> {
  readonly settings: FleetSettings;
  readonly log: Log;
  readonly kinds: readonly Kind[];
  /** Of these every node writes. */
  readonly anybody: readonly Kind[];
  readonly local: LocalTexts<Kind>;
  /** Texts, or who writes them, are others now. */
  onChange(): void;
  /** Has everybody here show it. Resolves when they do. */
  onShown(shown: ReadonlyMap<string, string>): Promise<void>;
}

const starting = "it has not answered yet";

export class SharedShelf<Kind extends string> implements AsyncDisposable {
  readonly texts = new Map<string, string>();
  readonly #options: SharedShelfOptions<Kind>;
  readonly #id = randomUUID();
  readonly #prefix: string;
  readonly #members: readonly Member[];
  readonly #keys = new Keyspace(sharedShelfLimits);
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  /** Somebody came, left, or shows what is to be shown. */
  readonly #moved = new Pulse();
  /** What the others wrote goes to the disk one after the other. */
  #copying: Promise<void> = Promise.resolve();
  #at = 0;
  #lease: string | undefined;
  #writer: Writer | undefined;
  #shown = new Map<string, string>();
  #isLeader = false;
  /** "" = etcd answers. */
  #trouble: string = starting;

  constructor(options: SharedShelfOptions<Kind>) {
    this.#options = options;
    const { server } = options.settings;
    // Beside the prefix of the fleet, and not below it: certificates are many and large.
    this.#prefix = `${server.prefix.replace(/\/$/, "")}-certificates/`;
    const own = { ...server, prefix: this.#prefix };
    this.#members = server.endpoints.map((each) => new Member(own, each));
    for (const [name, text] of options.local.texts) this.texts.set(name, text);
    this.#running = this.#run(this.#ending.signal);
  }

  /** undefined = we write; else who does, or why nobody here can. */
  notOurs(): { readonly why: string; readonly isTrouble: boolean } | undefined {
    if (this.#trouble !== "") {
      const why = `etcd is asked who orders for all: ${this.#trouble}`;
      return { why, isTrouble: this.#trouble !== starting };
    }
    if (this.#isLeader) return undefined;
    return { why: `${this.#leaderName ?? "another node"} orders for all`, isTrouble: false };
  }

  get #leaderName(): string | undefined {
    return this.#value("leader")?.split(" ")[1];
  }

  #value(name: string): string | undefined {
    return this.#keys.get(this.#prefix + name)?.value;
  }

  // --- writing -----------------------------------------------------------------------------------

  async put(kind: Kind, id: string, text: string): Promise<void> {
    await this.#options.local.put(kind, id, text);
    this.texts.set(`${kind}/${id}`, text);
    await this.#write(`${kind}/${id}`, text);
  }

  async remove(kind: Kind, id: string): Promise<void> {
    await this.#options.local.remove(kind, id);
    this.texts.delete(`${kind}/${id}`);
    await this.#write(`${kind}/${id}`, undefined);
  }

  async #write(key: string, value: string | undefined, lease?: string): Promise<string> {
    const isAnybodys = this.#options.anybody.some((kind) => key.startsWith(`${kind}/`));
    const foreign = isAnybodys ? undefined : this.notOurs();
    if (foreign !== undefined || this.#writer === undefined) {
      throw new Error(`what is ordered cannot be shared: ${foreign?.why ?? this.#trouble}`);
    }
    const held = lease === undefined ? {} : { lease };
    const { revision } = await this.#writer.write({ key, value, ...held });
    return revision;
  }

  /** Has all nodes show it, and nothing else. Resolves when those do that are there, or after a while. */
  async show(shown: ReadonlyMap<string, string>): Promise<void> {
    let revision = "0";
    for (const [name, text] of shown) {
      if (this.#shown.get(name) === text) continue;
      revision = await this.#write(`shown/${name}`, text, this.#lease);
    }
    for (const name of this.#shown.keys()) {
      if (!shown.has(name)) await this.#write(`shown/${name}`, undefined);
    }
    this.#shown = new Map(shown);
    if (revision !== "0") await this.#seenByAll(BigInt(revision));
  }

  async #seenByAll(revision: bigint): Promise<void> {
    const end = performance.now() + sharedShelfLimits.acknowledged;
    for (;;) {
      this.#moved.clear();
      const late = this.#nodes().filter(([, seen]) => seen < revision);
      if (late.length === 0) return;
      const left = end - performance.now();
      if (left <= 0) {
        const nodes = late.map(([id]) => id).join(" ");
        this.#options.log.warn("not all nodes show what proves names", { nodes });
        return;
      }
      await this.#moved.wait(left, this.#ending.signal);
      this.#ending.signal.throwIfAborted();
    }
  }

  /** All but this one, with the revision that each shows. */
  #nodes(): readonly (readonly [id: string, seen: bigint])[] {
    const start = `${this.#prefix}seen/`;
    return [...this.#keys.entries()]
      .filter(({ key }) => key.startsWith(start) && key !== start + this.#id)
      .map(({ key, value }) => {
        const revision = value.split(" ")[0] ?? "";
        return [key.slice(start.length), BigInt(/^\d{1,19}$/.test(revision) ? revision : "0")];
      });
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
        if (error instanceof EtcdError && error.kind === "due") continue;
        this.#isLeader = false;
        this.#writer = undefined;
        this.#trouble = error instanceof Error ? error.message : String(error);
        this.#options.onChange();
        this.#at = (this.#at + 1) % this.#members.length;
        const wait = backoff.next(performance.now() - startedAt);
        await pause(wait, undefined, { signal }).catch(() => {
          // It is being ended: the loop sees that.
        });
      }
    }
  }

  async #session(signal: AbortSignal): Promise<void> {
    const member = this.#members[this.#at];
    if (member === undefined) throw new Error("there is no member of etcd to ask");
    const timeout = limits.answerTimeout;
    const { ttl, node } = this.#options.settings;
    if (
      this.#lease === undefined ||
      !(await renewLease(member, this.#lease, { signal, timeout }))
    ) {
      this.#lease = await grantLease(member, ttl / 1000, { signal, timeout });
      this.#shown.clear();
    }
    const lease = this.#lease;
    const ending = new AbortController();
    const during = AbortSignal.any([signal, ending.signal]);
    const writer = writerFor(member, this.#prefix, { signal: during, timeout });
    await writer.write({ key: `seen/${this.#id}`, value: `0 ${node}`, lease });
    const heard = new Pulse();
    const changed = (changes: readonly Change[] | undefined) => {
      this.#learn(changes);
      heard.raise();
    };
    const every = limits.verify;
    const all = [
      follow(member, { keys: this.#keys, every, changed }, during),
      renewing(member, lease, { ttl, signal: during }),
      this.#leading(writer, { lease, heard, signal: during }),
    ];
    try {
      await Promise.race(all);
    } finally {
      ending.abort();
      await Promise.allSettled(all);
    }
  }

  /** Becomes the one who writes as soon as nobody is, and tells what it shows. */
  async #leading(
    writer: Writer,
    { lease, heard, signal }: { lease: string; heard: Pulse; signal: AbortSignal },
  ): Promise<never> {
    let told = "";
    const { node } = this.#options.settings;
    const leader = `${this.#id} ${node}`;
    for (;;) {
      await heard.wait(limits.verify, signal);
      signal.throwIfAborted();
      heard.clear();
      const shown = this.#shownThere();
      const isForeign = !this.#isLeader && (told !== "" || shown.all.size > 0);
      if (isForeign && shown.revision !== told) {
        await this.#options.onShown(shown.all);
        told = shown.revision;
        await writer.write({ key: `seen/${this.#id}`, value: `${told} ${node}`, lease });
      }
      const known = this.#value("leader");
      if (known === undefined) {
        await writer.write({ key: "leader", value: leader, lease, ifRevision: "0" });
        continue;
      }
      const isLeader = known === leader;
      const isNews = isLeader !== this.#isLeader || this.#trouble !== "";
      this.#writer = writer;
      this.#trouble = "";
      if (isLeader && !this.#isLeader) await this.#tellAll(writer);
      this.#isLeader = isLeader;
      if (isNews) this.#options.onChange();
    }
  }

  /** What was kept here before there was a fleet, or etcd lost. */
  async #tellAll(writer: Writer): Promise<void> {
    for (const [name, value] of this.texts) {
      if (this.#value(name) === undefined)
        await writer.write({ key: name, value, ifRevision: "0" });
    }
  }

  #shownThere(): { readonly all: ReadonlyMap<string, string>; readonly revision: string } {
    const start = `${this.#prefix}shown/`;
    const found = [...this.#keys.entries()].filter(({ key }) => key.startsWith(start));
    const revision = found.reduce((most, each) => {
      const own = BigInt(each.revision);
      return own > most ? own : most;
    }, 0n);
    const all = new Map(found.map(({ key, value }) => [key.slice(start.length), value]));
    return { all, revision: String(revision) };
  }

  // --- what is heard -----------------------------------------------------------------------------

  #learn(changes: readonly Change[] | undefined): void {
    const all = changes ?? [...this.#keys.entries(), ...this.#gone()];
    // What the leader knows of itself comes back to it late.
    const found = this.#isLeader ? all.filter(({ key }) => this.#isAnybodys(key)) : all;
    let isNews = false;
    for (const { key, value } of found) {
      isNews = this.#take(key.slice(this.#prefix.length), value) || isNews;
    }
    this.#moved.raise();
    if (isNews) this.#options.onChange();
  }

  #isAnybodys(key: string): boolean {
    return this.#options.anybody.some((kind) => key.startsWith(`${this.#prefix}${kind}/`));
  }

  /** What was in work when we heard last, and is not any more. Certificates and accounts are too dear to be forgotten. */
  #gone(): readonly { readonly key: string; readonly value: undefined }[] {
    const isNew = [...this.#keys.entries()].every(({ key }) => !key.includes("/accounts/"));
    if (isNew) return [];
    return [...this.texts.keys()]
      .filter((name) => /^(orders|waits|windows)\//.test(name) && this.#value(name) === undefined)
      .map((name) => ({ key: this.#prefix + name, value: undefined }));
  }

  /** @returns whether it is another text */
  #take(name: string, value: string | undefined): boolean {
    const [start = "", id = "", more] = name.split("/");
    const kind = this.#options.kinds.find((each) => each === start);
    const isText = kind !== undefined && /^[a-z0-9-]{1,80}$/.test(id) && more === undefined;
    if (!isText || this.texts.get(name) === value) return false;
    if (value === undefined) this.texts.delete(name);
    else this.texts.set(name, value);
    const { local, log } = this.#options;
    this.#copying = this.#copying
      .then(() => (value === undefined ? local.remove(kind, id) : local.put(kind, id, value)))
      .catch((error: unknown) => {
        const cause = error instanceof Error ? error.message : String(error);
        log.warn("what another node had ordered cannot be kept here", { cause });
      });
    return true;
  }

  /** Leaves, so that another one can order at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#running;
    await this.#copying;
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

async function renewing(
  member: Member,
  lease: string,
  { ttl, signal }: { ttl: number; signal: AbortSignal },
): Promise<never> {
  const every = ttl / 3;
  for (;;) {
    if (!(await renewLease(member, lease, { signal, timeout: every }))) {
      throw new Error("etcd has not heard of this node for too long");
    }
    await pause(every, undefined, { signal });
  }
}
