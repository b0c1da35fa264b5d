// Explains requests against what is live, or would be after a change, and runs the tests of routes of the file. What does that
// is loaded when somebody asks, or when there are tests.

import type { ChangeOutcome, ItemChange } from "../admin/configuration.ts";
import type { Explained } from "../admin/operations.ts";
import type { Problem } from "../config/problem.ts";
import type { ItemProblem } from "../config/read-item.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { Explainer } from "../explain/explainer.ts";
import type { Question, ServiceStates } from "../explain/explanation.ts";
import type { FailedTest } from "../explain/route-tests.ts";
import type { Log } from "../lib/log.ts";
import { formatProblem } from "../config/problem.ts";
import { LoggedOnce } from "./logged-once.ts";

interface ExplanationsOptions {
  readonly log: Log;
  live(): Snapshot | undefined;
  /** As it would be. */
  draft(
    changes: readonly ItemChange[],
  ): Promise<Snapshot | Exclude<ChangeOutcome, { kind: "done" }>>;
  readonly services: ServiceStates;
}

/** Tests fail that did not before: what was to go live must not. */
export class BrokenTests extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const [first] = problems;
    super(first === undefined ? "tests of routes fail" : formatProblem(first));
    this.problems = problems;
  }
}

export class Explanations {
  readonly #options: ExplanationsOptions;
  readonly #logged: LoggedOnce;
  #explainer: Explainer | undefined;
  /** Of what is live, by what they say. */
  #failing: ReadonlyMap<string, FailedTest> = new Map();
  #warnings: readonly Problem[] = [];
  /** What goes live was tried before: it need not be again. */
  #tried: { readonly snapshot: Snapshot; readonly failed: readonly FailedTest[] } | undefined;

  constructor(options: ExplanationsOptions) {
    this.#options = options;
    this.#logged = new LoggedOnce(options.log);
  }

  async explain(question: Question, changes: readonly ItemChange[]): Promise<Explained> {
    const { live, draft, services } = this.#options;
    const now = live();
    if (now === undefined) return { kind: "failed", message: "nothing is served yet" };
    const snapshot = changes.length === 0 ? now : await draft(changes);
    if ("kind" in snapshot) return snapshot;
    const explainer = await this.#made();
    // Certificates and lists of a draft are those of what is live: it brings no others.
    const { credentials, documents } = now;
    const shown = { ...snapshot, credentials, documents };
    return { kind: "explained", explanation: explainer.explain(shown, question, services) };
  }

  /** Of what is live: tests that fail, as warnings. */
  get warnings(): readonly Problem[] {
    return this.#warnings;
  }

  /** What this would break that is whole now. A test that is new has to hold. */
  async broken(snapshot: Snapshot): Promise<readonly Problem[]> {
    if ((snapshot.tests ?? []).length === 0) return [];
    const { toldProblems } = await import("../explain/route-tests.ts");
    const failed = await this.#failed(snapshot);
    return toldProblems(failed.filter((each) => !this.#failing.has(keyOf(each))));
  }

  /** @throws BrokenTests */
  async mustHold(snapshot: Snapshot): Promise<void> {
    const problems = await this.broken(snapshot);
    if (problems.length > 0) throw new BrokenTests(problems);
  }

  /** As `broken`, for whoever changes items: said of the first one. */
  async brokenBy(
    snapshot: Snapshot,
    [change]: readonly Pick<ItemChange, "section" | "name">[],
  ): Promise<readonly ItemProblem[]> {
    if (change === undefined) return [];
    const path = [change.section, change.name];
    return (await this.broken(snapshot)).map((each) => {
      const place = `${each.file}:${each.line}:${each.column}`;
      const message = `${place}: ${each.message}`;
      return {
        path,
        message,
        remedy: "change the test first, if that is meant",
        severity: "error",
      };
    });
  }

  /** It is live: what was found on this host may fail tests too, and is served all the same. */
  async settled(snapshot: Snapshot): Promise<void> {
    if ((snapshot.tests ?? []).length === 0 && this.#failing.size === 0) return;
    try {
      await this.#settle(snapshot);
    } catch (error) {
      // It is served already: a fault of ours is no reason to say that it is not.
      this.#options.log.error("the tests of routes could not be run", { error });
    }
  }

  async #settle(snapshot: Snapshot): Promise<void> {
    const { toldProblems } = await import("../explain/route-tests.ts");
    const failed = await this.#failed(snapshot);
    this.#failing = new Map(failed.map((each) => [keyOf(each), each]));
    this.#warnings = toldProblems(failed).map((each) => ({ ...each, severity: "warning" }));
    this.#logged.tell(
      this.#warnings.map(({ file, line, column, message }) => ({
        message,
        fields: { place: `${file}:${line}:${column}` },
      })),
    );
  }

  async #failed(snapshot: Snapshot): Promise<readonly FailedTest[]> {
    const { failedTests } = await import("../explain/route-tests.ts");
    const explainer = await this.#made();
    const documents = this.#options.live()?.documents ?? snapshot.documents;
    const tried = { ...snapshot, documents };
    if (this.#tried !== undefined && isSame(this.#tried.snapshot, tried)) return this.#tried.failed;
    const failed = await failedTests(explainer, tried);
    this.#tried = { snapshot: tried, failed };
    return failed;
  }

  async #made(): Promise<Explainer> {
    const { Explainer: Maker } = await import("../explain/explainer.ts");
    return (this.#explainer ??= new Maker());
  }
}

/** Its number and its certificates aside: what a test sees are the same objects. */
function isSame(a: Snapshot, b: Snapshot): boolean {
  const others = new Map(Object.entries(b));
  return Object.entries(a).every(([key, value]) => {
    return key === "version" || key === "credentials" || others.get(key) === value;
  });
}

/** The same test stays the same when lines are put before it. */
function keyOf({ test: { request, expect } }: FailedTest): string {
  return JSON.stringify([request, expect]);
}
