// Looks after certificates that are had by themselves: who needs which, who has to be renewed, who may be asked when. It asks a few
// at a time, and says of each name what is being done, or until when it waits and why.

import { acmeLimits as limits } from "../config/acme-limits.ts";
import type { AcmeSettings, AuthoritySettings, ChallengeType } from "../config/acme-settings.ts";
import type { Certificate } from "../config/certificate.ts";
import type { Log } from "../lib/log.ts";
import { AskedNames } from "./asked-names.ts";
import { covers } from "../x509/names.ts";
import { Clients } from "./clients.ts";
import { Issuer } from "./issuer.ts";
import { LocalAuthority } from "./local-authority.ts";
import { list } from "./order.ts";
import { Outcomes } from "./outcomes.ts";
import { type Group, groupsOf, partsOf, type Wanted } from "./plan.ts";
import type { Proofs } from "./proofs.ts";
import { Ration } from "./ration.ts";
import { Renewals } from "./renewals.ts";
import { type Choice, choose } from "./schedule.ts";
import { WaitBook } from "./wait-book.ts";
import { Windows } from "./windows.ts";
import { authorityId, internal, type KeptCertificate, type Vault } from "./vault.ts";

export interface OrdersOptions {
  readonly log: Log;
  readonly vault: Vault;
  readonly proofs: Proofs;
  /** Only one of a fleet orders. undefined = we do; else why we do not. */
  notOurs(): Elsewhere | undefined;
  /** Certificates are others than before. */
  onChange(): void;
}

export interface Elsewhere {
  readonly why: string;
  /** Nobody may be ordering at all. */
  readonly isTrouble: boolean;
}

/** What is live. */
export interface OrderingWish {
  readonly settings: AcmeSettings;
  /** Routes with `tls: auto`, and with `tls: internal`. */
  readonly auto: readonly Wanted[];
  readonly internal: readonly Wanted[];
  /** What can be proven here, the likeliest first. */
  readonly challenges: readonly ChallengeType[];
  /** Somebody else's certificate is there for the name. */
  isServed(name: string): boolean;
}

/** How it stands with names that were asked for. */
export interface GroupState {
  readonly names: readonly string[];
  readonly route: string;
  readonly state: "ordering" | "waiting" | "well";
  /** What is being done, or why it waits; "" = nothing is to be said. */
  readonly why: string;
  /** It went wrong so many times in a row. */
  readonly failures: number;
}

interface Job {
  readonly group: Group;
  doing: string;
}

export class CertificateOrders implements AsyncDisposable {
  readonly #options: OrdersOptions;
  readonly #vault: Vault;
  readonly #ending = new AbortController();
  readonly #running = new Map<string, Job>();
  readonly #renewals: Renewals;
  readonly #windows: Windows;
  readonly #waits: WaitBook;
  readonly #asked: AskedNames;
  /** To be renewed now, whenever they end. */
  readonly #wished = new Set<string>();
  readonly #clients: Clients;
  readonly #outcomes: Outcomes;
  readonly #issuer: Issuer;
  readonly #own: LocalAuthority;
  readonly #firsts = new Ration(limits.firstsOfLabels);
  #wish: OrderingWish | undefined;
  #groups: readonly Group[] = [];
  /** By the clock that nobody sets. */
  #plannedAt = Number.NEGATIVE_INFINITY;
  #tidiedAt = Number.NEGATIVE_INFINITY;
  #internal: ReadonlySet<string> = new Set();
  #kept: readonly KeptCertificate[];
  #certificates: readonly Certificate[] = [];
  #next: NodeJS.Timeout | undefined;
  #jobs = new Set<Promise<void>>();

  constructor(options: OrdersOptions) {
    this.#options = options;
    this.#vault = options.vault;
    this.#renewals = new Renewals(options.vault);
    this.#clients = new Clients(options.vault, options.log);
    this.#issuer = new Issuer({
      ...options,
      ...{ clients: this.#clients, ending: this.#ending.signal },
    });
    this.#own = new LocalAuthority(options.vault, options.log);
    this.#windows = new Windows(options.vault);
    this.#waits = new WaitBook(options.vault);
    this.#outcomes = new Outcomes(options.log, this.#waits, this.#renewals);
    this.#asked = new AskedNames({
      ...{ vault: options.vault, log: options.log, signal: this.#ending.signal },
      isCovered: (name) => this.#isCovered(name),
      onChange: () => this.#replan(),
    });
    this.#kept = this.#vault.certificates();
    this.#certificates = this.#kept.map(({ certificate }) => certificate);
  }

  // --- what there is -----------------------------------------------------------------------------

  /** The same list until something changes; the latest first. */
  get certificates(): readonly Certificate[] {
    return this.#certificates;
  }

  get kept(): readonly KeptCertificate[] {
    return this.#kept;
  }

  /** Of all names that were asked for. */
  states(): readonly GroupState[] {
    const now = Date.now();
    return this.#groups.map((group) => {
      const { names, route, id } = group;
      const doing = this.#running.get(id)?.doing;
      const failures = this.#waits.failures(id, this.#directories);
      if (doing !== undefined) {
        return { ...{ names, route, failures }, state: "ordering", why: doing };
      }
      if (!this.#isDue(group, now)) {
        return { ...{ names, route, failures }, state: "well", why: "" };
      }
      return { ...{ names, route, failures }, ...this.#standing(group, now) };
    });
  }

  #standing(group: Group, now: number): Pick<GroupState, "state" | "why"> {
    const foreign = this.#options.notOurs();
    if (foreign !== undefined) {
      return { state: foreign.isTrouble ? "waiting" : "ordering", why: foreign.why };
    }
    const blocked = this.#unprovable(group);
    if (blocked !== "") return { state: "waiting", why: blocked };
    const choice = this.#choice(group, now);
    if (choice.kind === "go") return { state: "ordering", why: this.#queued(group) };
    const until = new Date(choice.until).toISOString();
    return { state: "waiting", why: `it is tried again at ${until}, because ${choice.why}` };
  }

  // --- what is wanted ----------------------------------------------------------------------------

  update(wish: OrderingWish): void {
    const before = this.#wish?.settings;
    this.#wish = wish;
    this.#replan();
    if (before === undefined || JSON.stringify(before) === JSON.stringify(wish.settings)) return;
    // Whoever changes the settings may have mended what was wrong.
    for (const { id } of this.#groups) this.#waits.forgive(id, this.#directories);
    this.#look();
  }

  #replan(): void {
    this.#regroup();
    this.#look();
  }

  /** With the next look. */
  #regroup(): void {
    this.#plannedAt = Number.NEGATIVE_INFINITY;
  }

  /** What somebody else has a certificate for depends on the time. */
  #plan(wish: OrderingWish): void {
    if (performance.now() - this.#plannedAt < limits.look) return;
    this.#plannedAt = performance.now();
    this.#asked.take(wish.settings.onDemand);
    const all = [...wish.auto, ...this.#asked.wanted(Date.now())];
    const auto = groupsOf(all.slice(0, limits.wanted), {
      isServed: wish.isServed,
      areStarsProvable: wish.challenges.includes("dns-01"),
    });
    const taken = new Set(auto.flatMap(({ names }) => names));
    const own = groupsOf(wish.internal.slice(0, limits.wanted), {
      isServed: (name) => taken.has(name) || wish.isServed(name),
      areStarsProvable: true,
    });
    const refusedOf = (id: string) => this.#waits.refused(id);
    this.#groups = [...auto.flatMap((each) => partsOf(each, refusedOf)), ...own];
    this.#internal = new Set(own.map(({ id }) => id));
  }

  /** A client asks for a name that no certificate is for. */
  asked(name: string): void {
    void this.#follow(this.#asked.asked(name));
  }

  #isCovered(name: string): boolean {
    const isOurs = this.#renewals.dueFor(name, this.#kept, Date.now(), this.#directories) > 0;
    const isWanted = () =>
      this.#groups.some(({ names, by }) => {
        return names.includes(name) || (by === "operator" && covers(names, name));
      });
    return isOurs || this.#wish?.isServed(name) === true || isWanted();
  }

  /** What another node of the fleet kept is there. */
  reread(): void {
    this.#reread();
    this.#replan();
  }

  /** @returns what is about to happen, for people; undefined = nobody wants that name */
  renew(name: string): string | undefined {
    const certificate = this.#kept.find(({ certificate: each }) => each.id === name)?.certificate;
    const group = this.#groups.find(({ names }) => {
      return names.includes(name) || certificate?.names.some((each) => names.includes(each));
    });
    if (group === undefined) return undefined;
    this.#wished.add(group.id);
    // Whoever asks knows that what was wrong is mended.
    this.#waits.forgive(group.id, this.#directories);
    this.#look();
    const what = `a certificate for ${list(group.names)} is ordered`;
    if (this.#running.has(group.id)) return `${what}; see tidegate certs`;
    return `${what} as soon as it can be: ${this.#standing(group, Date.now()).why}`;
  }

  // --- the next one ------------------------------------------------------------------------------

  #look(): void {
    clearTimeout(this.#next);
    if (this.#ending.signal.aborted || this.#wish === undefined) return;
    this.#plan(this.#wish);
    const now = Date.now();
    let soonest = now + limits.look;
    if (this.#options.notOurs() === undefined) {
      for (const group of this.#groups) {
        if (this.#running.size >= limits.orders) break;
        if (this.#running.has(group.id) || !this.#isDue(group, now)) continue;
        if (this.#unprovable(group) !== "" || this.#isHeldBack(group)) continue;
        const choice = this.#choice(group, now);
        if (choice.kind === "go") this.#start(group, choice.index);
        else soonest = Math.min(soonest, choice.until);
      }
      if (performance.now() - this.#tidiedAt >= limits.look) {
        this.#tidiedAt = performance.now();
        void this.#follow(this.#tidy(now));
        void this.#follow(this.#askWindows(now));
      }
    }
    soonest = Math.min(soonest, ...this.#soonDue(now));
    this.#next = setTimeout(() => this.#look(), Math.max(soonest - now, 50)).unref();
  }

  /** Within the next look; later ones are found by a later one. */
  #soonDue(now: number): readonly number[] {
    const soon = this.#kept
      .map((each) => this.#renewals.dueAt(each, now))
      .filter((at) => at > now && at < now + limits.look);
    return soon.slice(0, 100);
  }

  #isDue(group: Group, now: number): boolean {
    if (this.#wished.has(group.id)) return true;
    const makers = this.#makersFor(group);
    return group.names.some((name) => this.#renewals.dueFor(name, this.#kept, now, makers) <= now);
  }

  /** What strangers ask for leaves something to operators: of our orders, and of what authorities grant. */
  #isHeldBack(group: Group): boolean {
    if (group.by === "operator") return false;
    const others = [...this.#running.values()].filter(({ group: { by } }) => by !== "operator");
    return others.length >= limits.ordersOfOthers || this.#isRationed(group);
  }

  #isRationed(group: Group): boolean {
    return this.#firsts.wait() > 0 && this.#isFirstOfLabel(group);
  }

  #isFirstOfLabel({ id, by, names }: Group): boolean {
    if (by !== "label" || this.#internal.has(id)) return false;
    return this.#renewals.replaced(names, this.#kept) === undefined;
  }

  #queued(group: Group): string {
    if (!this.#isRationed(group)) return "others are ordered first";
    const { count, within } = limits.firstsOfLabels;
    const minutes = Math.ceil(this.#firsts.wait() / 60_000);
    return `labels get at most ${count} first certificates in ${within / 3_600_000} hours, so that something is left of what authorities grant; the next one in ${minutes} min`;
  }

  #unprovable(group: Group): string {
    if (this.#internal.has(group.id)) return "";
    const { challenges = [] } = this.#wish ?? {};
    const star = group.names.find((each) => each.startsWith("*."));
    if (star !== undefined && !challenges.includes("dns-01")) {
      return `${star} can only be proven in the DNS: set tls.acme.dns`;
    }
    return challenges.length > 0
      ? ""
      : "nothing can be proven: no listener takes requests, or tls.acme.challenges leaves none";
  }

  #choice(group: Group, now: number): Choice {
    return choose(
      this.#makersFor(group).map((each) => this.#waits.standing(group.id, each)),
      now,
    );
  }

  #makersFor({ id }: Group): readonly string[] {
    return this.#internal.has(id) ? [internal] : this.#directories;
  }

  get #directories(): readonly string[] {
    return (this.#wish?.settings.authorities ?? []).map(({ directory }) => directory);
  }

  // --- one order ---------------------------------------------------------------------------------

  #start(group: Group, index: number): void {
    const job: Job = { group, doing: "begins" };
    this.#running.set(group.id, job);
    if (this.#isFirstOfLabel(group)) this.#firsts.take();
    const work = this.#run(job, index).finally(() => this.#running.delete(group.id));
    void this.#follow(work).then(() => this.#look());
  }

  /** All that runs is waited for at the end. */
  async #follow(work: Promise<void>): Promise<void> {
    const job = work.catch((error: unknown) => {
      const cause = error instanceof Error ? error.message : String(error);
      this.#options.log.error("certificates cannot be looked after as they should be", { cause });
    });
    this.#jobs.add(job);
    await job;
    this.#jobs.delete(job);
  }

  async #run(job: Job, index: number): Promise<void> {
    const { group } = job;
    const authority = this.#wish?.settings.authorities[index];
    const isInternal = this.#internal.has(group.id);
    const directory = isInternal ? internal : (authority?.directory ?? "");
    const former = this.#renewals.replaced(group.names, this.#kept);
    // From an authority for tests to a real one people go over within minutes.
    const isOthers = former !== undefined && !this.#makersFor(group).includes(former.directory);
    const replaced = this.#wished.has(group.id) || isOthers ? undefined : former;
    try {
      const kept = isInternal
        ? await this.#own.issue(group.names, this.#wish?.settings.keyType ?? "ec")
        : await this.#issue(job, authority);
      this.#wished.delete(group.id);
      this.#reread();
      this.#options.onChange();
      const had = { group, directory, kept, replaced, all: this.#kept };
      if (await this.#outcomes.succeeded(had)) this.#regroup();
      // What cannot be removed is no fault of this one.
      const tidied = this.#tidy(Date.now());
      void this.#follow(tidied.then(() => this.#askWindows(Date.now())));
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      if (await this.#outcomes.failed({ group, directory }, error)) this.#regroup();
    }
  }

  async #issue(job: Job, authority: AuthoritySettings | undefined): Promise<KeptCertificate> {
    const wish = this.#wish;
    if (wish === undefined || authority === undefined) throw new Error("nobody is to be asked");
    const { group } = job;
    const { settings, challenges } = wish;
    return this.#issuer.issue({
      ...{ group, settings, authority, challenges },
      replaced: this.#renewals.replaced(group.names, this.#kept),
      failures: this.#waits.standing(group.id, authority.directory).own?.failures ?? 0,
      onStep: (doing) => (job.doing = doing),
    });
  }

  // --- what is kept ------------------------------------------------------------------------------

  #reread(): void {
    this.#kept = this.#vault.certificates();
    const now = this.#kept.map(({ certificate }) => certificate);
    const before = this.#certificates;
    const isSame = now.length === before.length && now.every((each, at) => each === before[at]);
    if (!isSame) this.#certificates = now;
  }

  /** When their authorities want them to be renewed; one question at a time. */
  async #askWindows(now: number): Promise<void> {
    const { settings } = this.#wish ?? {};
    if (settings === undefined) return;
    const wanted = new Set(this.#groups.flatMap(({ names }) => names));
    const asked = this.#kept.filter(({ certificate, ariId }) => {
      return ariId !== undefined && certificate.names.some((each) => wanted.has(each));
    });
    const isNew = await this.#windows.ask(asked, {
      ...{ now, settings, clients: this.#clients, signal: this.#ending.signal },
    });
    if (!isNew) return;
    this.#look();
  }

  /** Certificates that another one has taken the place of, and those that ended and nobody wants. */
  async #tidy(now: number): Promise<void> {
    const names = this.#groups.flatMap((group) => group.names);
    const superfluous = this.#renewals.superfluous(this.#kept, names, now);
    for (const { certificate } of superfluous) await this.#vault.forgetCertificate(certificate.id);
    const known = this.#groups.flatMap(({ id, wholes }) => [id, ...wholes]);
    const authorities = this.#directories.map(authorityId);
    await this.#vault.forgetOld(new Set([...known, ...authorities]), now);
    if (superfluous.length === 0) return;
    this.#reread();
    this.#options.onChange();
  }

  /** Orders under way are found again by the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#next);
    this.#ending.abort(new Error("the program ends"));
    await Promise.all(this.#jobs);
  }
}
