// The control plane: takes what the file says and what was found, merges it into numbered snapshots and hands
// those to who serves; answers to operators. What cannot be used changes nothing.

import type { Credentials } from "../config/certificate.ts";
import type { CertificateItem } from "../config/certificate-item.ts";
import type { Documents } from "../config/documents.ts";
import type { Guests } from "../config/guest.ts";
import { formatProblem, type Problem } from "../config/problem.ts";
import { type ConfigReader, defaultSnapshot } from "../config/read.ts";
import { platformKinds } from "../config/provider-settings.ts";
import type { Catalog, Snapshot } from "../config/snapshot.ts";
import type { Outcome } from "../admin/operations.ts";
import type { Log } from "../lib/log.ts";
import { fileProvider, type FileProvider } from "../providers/file.ts";
import { fixedProvider } from "../providers/fixed.ts";
import { foundProviders } from "../providers/found-daemons.ts";
import { kept } from "../providers/kept.ts";
import type { Provider, Update } from "../providers/provider.ts";
import type { Conflict } from "../routing/conflicts.ts";
import { merge, type Merged, type Said } from "../routing/merge.ts";
import type { Refusal } from "../routing/ownership.ts";
import type { Providers } from "./providers.ts";
import type { HolderBook } from "./holder-book.ts";
import { BrokenTests } from "./explanations.ts";
import { Claims } from "./claims.ts";
import { changedFixed } from "./fixed-settings.ts";
import { machineAddresses } from "./machine-addresses.ts";
import { withTrusted } from "./trusted-lists.ts";
import type { Serving } from "./serving.ts";

export interface PrimaryOptions {
  /** Configuration file; undefined = the embedded defaults. */
  readonly config: string | undefined;
  /** Of the file; undefined = it is ours. */
  readonly reader?: ConfigReader | undefined;
  /** Says the configuration in the place of a file; undefined = the file does, or the embedded defaults. */
  readonly provider?: FileProvider | undefined;
  /** Port of the embedded defaults. */
  readonly port: number;
  readonly log: Log;
  readonly isDraining: boolean;
  readonly providers: Providers;
  /** All that is said outside the file, with what this catalog grants. */
  saidWith(catalog: Catalog): Said;
  readonly holders: HolderBook;
  /** What the snapshot of this catalog is made with. */
  secretFor(catalog: Catalog): string;
  cacheFolderFor(catalog: Catalog): string | undefined;
  /** Has certificates read that this catalog names; after this it is known what is shown. */
  prepareCredentials(catalog: Catalog): Promise<void>;
  /** What its listeners with TLS show. @param certificates said outside the file, the most trusted first */
  credentialsFor(catalog: Catalog, certificates: readonly CertificateItem[]): Credentials;
  /** Has documents read that this catalog names. */
  prepareDocuments(catalog: Catalog): Promise<void>;
  /** What is known of those that this snapshot names. */
  documentsFor(snapshot: Snapshot): Documents;
  /** Where the containers are that these services name. */
  guestsFor(services: Snapshot["services"]): Guests;
  /** Tests of routes that the file's change must not break. @throws BrokenTests */
  mustHold(snapshot: Snapshot): Promise<void>;
  /** It is about to go live; when it cannot, the one before is told again. */
  onNext(snapshot: Snapshot): void;
  /** A configuration could not go live. */
  onRefused(problems: readonly Problem[]): void;
  /** Makes ready who serves, for the first snapshot. Throws when it cannot. */
  begin(snapshot: Snapshot): Promise<Serving>;
  /** The first snapshot is live; and after every change. */
  onLive(serving: Serving, snapshot: Snapshot, isFirst: boolean): Promise<void>;
  onReloading(isDone: boolean): void;
  /** From now on it only finishes what runs. */
  onEnding(): void;
}

/** While somebody's change has its turn. */
export interface Turn {
  /** Of the file. */
  readonly catalog: Catalog;
  /** What would be served. */
  propose(said: Said): Merged;
  /** Has it served. Throws, with nothing changed, when that cannot be. */
  goLive(merged: Merged): Promise<Snapshot>;
}

/** The first configuration cannot be used: there is nothing to serve with. */
export class BadConfiguration extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super("the configuration has errors");
    this.problems = problems;
  }
}

export class Primary {
  readonly #options: PrimaryOptions;
  readonly #log: Log;
  readonly #file: FileProvider | undefined;
  readonly #stopping = new AbortController();
  readonly #cutting = new AbortController();
  /** Those who asked for a reload and want to know what came of it. */
  #asked: ((outcome: Outcome) => void)[] = [];
  #version = 0;
  #serving: Serving | undefined;
  /** As configured; what is live may accept nowhere. */
  #snapshot: Snapshot | undefined;
  /** What the file said, of the snapshot that is live. */
  #catalog: Catalog | undefined;
  #certificates: readonly CertificateItem[] = [];
  readonly #claims: Claims;
  #since = "";
  #problems: readonly Problem[] = [];
  #isDraining: boolean;
  /** Changes are made one after the other. */
  #changing: Promise<unknown> = Promise.resolve();
  #isPatient = false;
  #isToRediscover = false;

  constructor(options: PrimaryOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#isDraining = options.isDraining;
    this.#claims = new Claims(options.log);
    const { config, reader } = options;
    this.#file =
      options.provider ?? (config === undefined ? undefined : fileProvider(config, reader));
  }

  /** Serves until `stop` or `retire`. Throws when it cannot begin. */
  async run(): Promise<void> {
    const provider: Provider = this.#file ?? fixedProvider(await this.#embedded());
    const stopping = this.#stopping.signal;
    try {
      for await (const update of kept(provider, { log: this.#log }).catalogs(stopping)) {
        if (stopping.aborted) break;
        await this.#exclusively(() => this.#take(update));
      }
      if (!stopping.aborted) await once(stopping);
      await this.#end();
    } catch (error) {
      this.#cutting.abort();
      await this.#end();
      throw error;
    }
  }

  /** What is served without a file: a sample, and whatever can be discovered on this machine. */
  async #embedded(): Promise<Catalog> {
    const {
      version: _version,
      secret: _secret,
      credentials: _credentials,
      guests: _guests,
      documents: _documents,
      ...catalog
    } = defaultSnapshot(this.#options.port, platformKinds);
    return { ...catalog, providers: await foundProviders(catalog.providers) };
  }

  async #end(): Promise<void> {
    const { signal } = this.#cutting;
    if (this.#isPatient) await this.#serving?.retire(signal);
    else await this.#serving?.end(signal);
  }

  #exclusively<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changing.then(change);
    this.#changing = result.catch(() => {}); // whoever asked for it is told
    return result;
  }

  async #take(update: Update): Promise<void> {
    const asked = this.#asked.splice(0);
    this.#options.onReloading(false);
    try {
      const outcome = await this.#outcomeOf(update);
      for (const tell of asked) tell(outcome);
    } finally {
      this.#options.onReloading(true);
    }
  }

  async #outcomeOf(update: Update): Promise<Outcome> {
    const isFirst = this.#snapshot === undefined;
    if (update.kind === "problems") {
      if (isFirst) throw new BadConfiguration(update.problems);
      return this.#refuse(update.problems);
    }
    for (const warning of update.warnings) this.#log.warn(formatProblem(warning));
    const { providers } = this.#options;
    const before = this.#catalog;
    const { catalog } = update;
    let snapshot: Snapshot;
    try {
      // What is found is asked for by whom we become, not by root.
      this.#serving ??= await this.#options.begin(this.#snapshotOf(catalog, 0).snapshot);
      await this.#options.prepareCredentials(catalog);
      await this.#options.prepareDocuments(catalog);
      if (catalog.providers.length > 0) this.#options.holders.recall();
      providers.update(catalog.providers);
      if (isFirst) {
        snapshot = await this.#startWith(catalog);
      } else {
        // Who is asked elsewhere from now on must not be without routes for a moment.
        await providers.known();
        snapshot = await this.#goOverTo(catalog);
      }
    } catch (error) {
      if (isFirst) throw error;
      providers.update(before?.providers ?? []);
      if (error instanceof BrokenTests) return this.#refuse(error.problems);
      const cause = error instanceof Error ? error.message : String(error);
      const message = "the new configuration cannot go live; the last good one serves on";
      this.#log.error(message, { cause });
      return { ok: false, message: `${message}: ${cause}`, problems: update.warnings };
    }
    this.#problems = [];
    const routes = snapshot.routes.length;
    if (!isFirst) this.#log.info("configuration reloaded", { version: snapshot.version, routes });
    const message = `version ${snapshot.version} is live, with ${routes} routes`;
    return { ok: true, message, problems: update.warnings };
  }

  #refuse(problems: readonly Problem[]): Outcome {
    this.#problems = problems;
    this.#options.onRefused(problems);
    for (const problem of problems) this.#log.error(formatProblem(problem));
    const message = "the configuration was not changed; the last good one serves on";
    this.#log.error(message);
    return { ok: false, message, problems };
  }

  /** What a former process left may be damaged, or look otherwise than here: no reason not to start. */
  async #startWith(catalog: Catalog): Promise<Snapshot> {
    const { providers } = this.#options;
    await providers.ready();
    try {
      return await this.#goOverTo(catalog);
    } catch (error) {
      // When it is something else, it is told of in a moment.
      if (this.#snapshot !== undefined || !providers.forget()) throw error;
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.warn("what was found before the last stop cannot be used; it is looked for anew", {
        cause,
      });
      return await this.#goOverTo(catalog);
    }
  }

  /** Has what this catalog and discovery say go live together. */
  async #goOverTo(catalog: Catalog): Promise<Snapshot> {
    return this.#goLiveWith(catalog, this.#snapshotOf(catalog, this.#version + 1));
  }

  async #goLiveWith(catalog: Catalog, merged: Merged): Promise<Snapshot> {
    const { holders, refusals } = merged;
    const isReload = this.#catalog !== undefined && this.#catalog !== catalog;
    if (isReload) await this.#options.mustHold(merged.snapshot);
    const snapshot = { ...merged.snapshot, version: ++this.#version };
    await this.#goLive(snapshot, merged.certificates);
    this.#catalog = catalog;
    this.#options.holders.hold(holders, this.#options.providers.isComplete);
    this.#claims.take(refusals, snapshot.routes);
    return snapshot;
  }

  async #goLive(snapshot: Snapshot, certificates = this.#certificates): Promise<void> {
    const before = this.#snapshot;
    const serving = this.#serving;
    if (serving === undefined) throw new Error("nobody serves yet");
    for (const what of before === undefined ? [] : changedFixed(before, snapshot)) {
      this.#log.warn("this change needs a new start: stop and start", { what });
    }
    this.#options.onNext(snapshot);
    try {
      await serving.apply(this.#isDraining ? { ...snapshot, listeners: [] } : snapshot);
    } catch (error) {
      if (before !== undefined) this.#options.onNext(before);
      throw error;
    }
    this.#snapshot = snapshot;
    this.#certificates = certificates;
    this.#since = new Date().toISOString();
    await this.#options.onLive(serving, snapshot, before === undefined);
  }

  /**
   * What was found has changed; before the first snapshot that is part of it anyway.
   * @returns how many routes are served then
   */
  async rediscover(): Promise<number> {
    // What is said is looked at when it is its turn: of several that wait one is enough.
    if (this.#isToRediscover) return this.#snapshot?.routes.length ?? 0;
    this.#isToRediscover = true;
    await this.#exclusively(async () => {
      this.#isToRediscover = false;
      if (this.#catalog === undefined || this.isStopping) return;
      try {
        await this.#goOverTo(this.#catalog);
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        this.#log.error("what was found cannot go live; what was there before serves on", {
          cause,
        });
      }
    });
    return this.#snapshot?.routes.length ?? 0;
  }

  /** Resolves when everybody who serves has what is to be shown now, however little of it changed. */
  republish(): Promise<void> {
    return this.amend(async ({ catalog }) => void (await this.#goOverTo(catalog)));
  }

  #snapshotOf(catalog: Catalog, version: number): Merged {
    return this.#withSecrets(catalog, this.#proposed(catalog, version));
  }

  /** As it would be, without what is known of a snapshot that goes live only. */
  #proposed(catalog: Catalog, version: number, said = this.#options.saidWith(catalog)): Merged {
    return merge(catalog, said, {
      version,
      secret: "",
      holders: this.#options.holders.current,
      isOwnAddress: machineAddresses(),
    });
  }

  #withSecrets(catalog: Catalog, merged: Merged): Merged {
    const { routes, services, streamRoutes } = merged.snapshot;
    const served = { ...catalog, routes, services };
    const secret = this.#options.secretFor(served);
    const cacheFolder = this.#options.cacheFolderFor(served);
    const { certificates } = merged;
    const credentials = this.#options.credentialsFor({ ...catalog, streamRoutes }, certificates);
    const guests = this.#options.guestsFor(services);
    const documents = this.#options.documentsFor(merged.snapshot);
    const listeners = withTrusted(merged.snapshot.listeners, documents);
    const added = { secret, cacheFolder, credentials, guests, documents, listeners };
    return { ...merged, snapshot: { ...merged.snapshot, ...added } };
  }

  // --- for operators -----------------------------------------------------------------------------

  get serving(): Serving | undefined {
    return this.#serving;
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** When the snapshot went live, ISO 8601. */
  get since(): string {
    return this.#since;
  }

  /** What tenants asked for and were refused. */
  get refusals(): readonly Refusal[] {
    return this.#claims.refusals;
  }

  /** That were said outside the file, of the snapshot that is live; what is refused says so. */
  get certificates(): readonly CertificateItem[] {
    return this.#certificates;
  }

  /** Routes that claim the same requests. */
  get conflicts(): readonly Conflict[] {
    return this.#claims.conflicts;
  }

  /** What the file says; undefined = nothing is served yet. */
  get catalog(): Catalog | undefined {
    return this.#catalog;
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Reads the configuration again, changed or not: files it names may have. */
  reload(): Promise<Outcome> {
    const file = this.#file;
    if (file === undefined) {
      const message = "there is no configuration file: the embedded defaults are served";
      return Promise.resolve({ ok: false, message });
    }
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    // After what is being taken now, which may have been read before the change that is meant.
    void this.#exclusively(async () => {
      this.#asked.push(resolve);
      file.reload();
    });
    return promise;
  }

  /** Has a change of who serves wait for its turn. */
  change(work: (serving: Serving) => Promise<void>): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#serving === undefined || this.isStopping) throw new Error("the program ends");
      await work(this.#serving);
    });
  }

  /** Has somebody's change of what is served wait for its turn. Throws when nothing can be changed. */
  amend<T>(work: (turn: Turn) => Promise<T>): Promise<T> {
    return this.#exclusively(() => {
      const catalog = this.#catalog;
      if (this.isStopping) throw new Error("the program ends");
      if (catalog === undefined) throw new Error("nothing is served yet");
      return work({
        catalog,
        propose: (said) => this.#proposed(catalog, this.#version + 1, said),
        goLive: (merged) => this.#goLiveWith(catalog, this.#withSecrets(catalog, merged)),
      });
    });
  }

  /** Accepts no more connections, or again; everything else stays. */
  setDraining(isDraining: boolean): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#snapshot === undefined) throw new Error("nothing is served yet");
      const before = this.#isDraining;
      this.#isDraining = isDraining;
      try {
        await this.#goLive({ ...this.#snapshot, version: ++this.#version });
      } catch (error) {
        this.#isDraining = before;
        throw error;
      }
    });
  }

  /** The first time: finish what runs. The second time: end at once. */
  stop(): void {
    if (this.#isPatient) {
      this.#isPatient = false;
      this.#serving?.hurry();
    } else if (this.isStopping) {
      this.#cutting.abort();
    } else {
      this.#beginToEnd();
    }
  }

  /** A successor serves already. */
  retire(): void {
    if (this.isStopping) return;
    this.#isPatient = true;
    this.#beginToEnd();
  }

  #beginToEnd(): void {
    this.#options.onEnding();
    this.#stopping.abort();
  }
}

function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
}
