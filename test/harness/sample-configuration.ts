// An implementation of Configuration that keeps nothing: calls are noted, and what comes of the next change can
// be set. For tests of what speaks to operators; the real one has a store and workers.

import type {
  ChangedItem,
  ChangeOptions,
  ChangeOutcome,
  Configuration,
  Export,
  ItemChange,
  ItemRow,
  Revision,
} from "../../src/admin/configuration.ts";
import type { ItemSection } from "../../src/config/item.ts";

export class SampleConfiguration implements Configuration {
  revision = 0;
  readonly calls: string[] = [];
  next: ChangeOutcome = { kind: "done", revision: 1, version: 2, changed: [], notes: [] };
  items: readonly ItemRow[] = [];
  revisions: readonly Revision[] = [];
  /** Whatever is asked for. */
  pageOfHistory = 100;
  changed: readonly ChangedItem[] | undefined = [];
  all: Export = { format: "tidegate-items-1", items: [] };
  backupFault: Error | undefined;

  rows(section: ItemSection): readonly ItemRow[] {
    return this.items.filter((each) => each.section === section);
  }

  row(section: ItemSection, name: string): ItemRow | undefined {
    return this.rows(section).find((each) => each.name === name);
  }

  change = (changes: readonly ItemChange[], options: ChangeOptions) =>
    this.#note(`change ${JSON.stringify(changes)} ${JSON.stringify(options)}`);
  rollback = (to: number, options: ChangeOptions) =>
    this.#note(`rollback ${to} ${JSON.stringify(options)}`);
  import = (all: Export, options: ChangeOptions) =>
    this.#note(`import ${JSON.stringify(all.items)} ${JSON.stringify(options)}`);

  history({ before, limit }: { before: number | undefined; limit: number }): readonly Revision[] {
    this.calls.push(`history ${before} ${limit}`);
    return this.revisions
      .filter(({ number }) => before === undefined || number < before)
      .slice(0, Math.min(limit, this.pageOfHistory));
  }

  difference(from: number, to: number): readonly ChangedItem[] | undefined {
    this.calls.push(`difference ${from} ${to}`);
    return this.changed;
  }

  exported = () => this.all;
  dump = () => "# nothing\n";

  async backup(path: string): Promise<void> {
    this.calls.push(`backup ${path}`);
    if (this.backupFault !== undefined) throw this.backupFault;
  }

  #note(call: string): Promise<ChangeOutcome> {
    this.calls.push(call);
    return Promise.resolve(this.next);
  }
}
