// Whoever did not change stays the very same object from one listing to the next, so that those who work on
// workloads can tell by looking.

import type { Workload } from "./workload.ts";

export class Unchanged {
  #known = new Map<string, { readonly text: string; readonly workload: Workload }>();

  /** The workloads of this listing, earlier objects in the place of equal ones. */
  of(workloads: readonly Workload[]): readonly Workload[] {
    const known = new Map<string, { readonly text: string; readonly workload: Workload }>();
    const result = workloads.map((workload) => {
      const text = JSON.stringify(workload);
      const before = this.#known.get(workload.id);
      const kept = before?.text === text ? before : { text, workload };
      known.set(workload.id, kept);
      return kept.workload;
    });
    this.#known = known;
    return result;
  }
}
