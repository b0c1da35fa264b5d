// The process an operator starts: takes catalogs from providers, merges them into numbered snapshots and
// hands those to the data plane; answers to signals. A catalog that cannot be used changes nothing.

import { formatProblem, type Problem } from "../config/problem.ts";
import { defaultSnapshot } from "../config/read.ts";
import type { Catalog, Snapshot } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import { fileProvider, type FileProvider } from "../providers/file.ts";
import { fixedProvider } from "../providers/fixed.ts";
import type { Provider, Update } from "../providers/provider.ts";
import { findConflicts } from "../routing/conflicts.ts";
import { merge } from "../routing/merge.ts";
import { DataPlane } from "./data-plane.ts";

export interface PrimaryOptions {
  /** Configuration file; undefined = the embedded defaults. */
  readonly config: string | undefined;
  /** Port of the embedded defaults. */
  readonly port: number;
  readonly log: Log;
  /** Told when the first snapshot is live, and after every change. */
  onLive(plane: DataPlane, isFirst: boolean): void;
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
  #version = 0;
  #plane: DataPlane | undefined;
  readonly #stopping = new AbortController();
  readonly #cutting = new AbortController();

  constructor(options: PrimaryOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#file = options.config === undefined ? undefined : fileProvider(options.config);
  }

  /** Serves until `stop`. Throws when it cannot begin. */
  async run(): Promise<void> {
    const provider: Provider = this.#file ?? fixedProvider(defaultSnapshot(this.#options.port));
    try {
      for await (const update of provider.catalogs(this.#stopping.signal)) {
        if (this.#stopping.signal.aborted) break;
        await this.#take(update);
      }
      if (!this.#stopping.signal.aborted) await once(this.#stopping.signal);
    } finally {
      await this.#plane?.drain(this.#cutting.signal);
    }
  }

  async #take(update: Update): Promise<void> {
    if (update.kind === "problems") {
      if (this.#plane === undefined) throw new BadConfiguration(update.problems);
      for (const problem of update.problems) this.#log.error(formatProblem(problem));
      this.#log.error("the configuration was not changed; the last good one serves on");
      return;
    }
    for (const warning of update.warnings) this.#log.warn(formatProblem(warning));
    const snapshot = this.#snapshotOf(update.catalog);
    if (this.#plane === undefined) {
      this.#plane = await DataPlane.start(snapshot, this.#log);
      this.#options.onLive(this.#plane, true);
      return;
    }
    try {
      await this.#plane.apply(snapshot);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.error("the new configuration cannot go live; the last good one serves on", {
        cause,
      });
      return;
    }
    const routes = snapshot.routes.length;
    this.#log.info("configuration reloaded", { version: snapshot.version, routes });
    this.#options.onLive(this.#plane, false);
  }

  #snapshotOf(catalog: Catalog): Snapshot {
    const { snapshot, refusals } = merge([catalog], ++this.#version);
    for (const { origin, message } of refusals) this.#log.warn(message, { place: origin.place });
    for (const { a, b, why } of findConflicts(snapshot.routes)) {
      this.#log.warn("two routes claim the same requests; the first one gets them", {
        first: `${a.name} (${a.origin.place})`,
        second: `${b.name} (${b.origin.place})`,
        why,
      });
    }
    return snapshot;
  }

  /** Reads the configuration again, changed or not: files it names may have. */
  reload(): void {
    this.#file?.reload();
  }

  reopenLogs(): void {
    this.#plane?.reopenLogs();
  }

  /** The first time: finish what runs. The second time: end at once. */
  stop(): void {
    if (this.#stopping.signal.aborted) this.#cutting.abort();
    else this.#stopping.abort();
  }
}

function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
}
