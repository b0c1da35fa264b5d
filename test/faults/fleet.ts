// A program with workers under a steady load: what the tests of workers have in common.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { WorkerRow } from "../../src/admin/operations.ts";
import { type Control, controlOf } from "../harness/control.ts";
import {
  type LoadOptions,
  type LoadReport,
  startLoad,
  type SteadyLoad,
  summaryOf,
} from "../harness/steady-load.ts";
import { startTidegate, type Tidegate, type TidegateOptions } from "../harness/tidegate.ts";

export interface FleetOptions extends Partial<TidegateOptions> {
  /** Settings besides listeners and the route of the load. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Port of 127.0.0.1; 0 = the system chooses. */
  readonly port?: number;
  /** Routes besides that of the load. */
  readonly routes?: Readonly<Record<string, unknown>>;
  readonly load?: LoadOptions;
}

export interface Fleet extends AsyncDisposable {
  readonly program: Tidegate;
  readonly load: SteadyLoad;
  readonly control: Control;
  readonly port: number;
  /** The configuration, with other settings and routes. */
  configWith(
    settings: Readonly<Record<string, unknown>>,
    routes?: Readonly<Record<string, unknown>>,
  ): Record<string, unknown>;
  /** Live workers, once there are as many as that, none is starting or leaving, and none is one of these. */
  settled(
    count: number,
    without?: readonly WorkerRow[],
    ms?: number,
  ): Promise<readonly WorkerRow[]>;
  /** Does it, and watches whether somebody leaves a place before another one is live there. */
  withoutGap<T>(action: () => Promise<T>): Promise<T>;
  /** Ends the load, which must have had no failure at all. */
  /** @param options.mayReset new connections that may have been reset */
  endWithoutFailure(options?: { readonly mayReset?: number }): Promise<LoadReport>;
}

/** Two workers, unless the options say otherwise; the load has begun. */
export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  const load = stack.use(await startLoad());
  const configWith: Fleet["configWith"] = (settings, routes) => ({
    listeners: { web: `127.0.0.1:${options.port ?? 0}` },
    routes: { "load.test": load.url, ...options.routes, ...routes },
    workers: 2,
    ...options.settings,
    ...settings,
  });
  const program = stack.use(await startTidegate({ config: configWith({}), ...options }));
  const control = controlOf(program.control, options.program);
  const port = program.port();
  await load.begin(port, options.load);
  const held = stack.move();
  return {
    program,
    load,
    control,
    port,
    configWith,
    settled: (count, without = [], ms = 15_000) =>
      control.until(
        `${count} live workers${without.length === 0 ? "" : ", all of them new"}`,
        (rows) =>
          rows.length === count &&
          rows.every(({ state }) => state === "live") &&
          !rows.some(({ pid }) => without.some((each) => each.pid === pid)),
        ms,
      ),
    withoutGap: (action) => withoutGap(control, action),
    async endWithoutFailure({ mayReset = 0 } = {}) {
      const report = await load.stop();
      const resets = report.failures.filter(({ kind, lane }) => kind === "reset" && lane === "new");
      const others = report.failed - Math.min(resets.length, mayReset);
      assert.equal(others, 0, `${summaryOf(report)}\n${program.stderr()}`);
      assert.ok(report.answered > 50, `only ${report.answered} answers`);
      return report;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function withoutGap<T>(control: Control, action: () => Promise<T>): Promise<T> {
  const gaps: string[] = [];
  const ending = new AbortController();
  const watching = (async () => {
    while (!ending.signal.aborted) {
      // Between two primaries there is nobody to ask.
      const rows = await control.workers().catch(() => []);
      const live = new Set(rows.filter(({ state }) => state === "live").map(({ slot }) => slot));
      if (rows.some(({ slot }) => !live.has(slot))) gaps.push(JSON.stringify(rows));
      await pause(20, undefined, { signal: ending.signal }).catch(() => {});
    }
  })();
  try {
    return await action();
  } finally {
    ending.abort();
    await watching;
    assert.deepEqual(gaps.slice(0, 2), [], "a place was empty for a while");
  }
}

/** No failure that a process which died does not explain: of its open connections at most all fail, once. */
export function assertOnlyCut(report: LoadReport, openConnections: number): void {
  const said = summaryOf(report);
  assert.ok(report.failed <= openConnections, `${openConnections} connections were cut; ${said}`);
  const kinds = new Set(report.failures.map(({ kind }) => kind));
  assert.deepEqual(
    [...kinds].filter((kind) => kind !== "reset" && kind !== "closed"),
    [],
    said,
  );
}
