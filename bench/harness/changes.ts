// Changes made to a running program under the checked load of the tests: reload, restart, upgrade, resize,
// recycling by memory, one kind after the other, and what each of them cost those who asked meanwhile.

import { renameSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type Control, controlOf } from "../../test/harness/control.ts";
import { type LoadReport, startLoad, summaryOf } from "../../test/harness/steady-load.ts";
import { program } from "../peers/tidegate.ts";
import { freePort, untilAnswers } from "./deadline.ts";
import type { Stage } from "./stage.ts";

export interface Changed {
  readonly kind: string;
  /** How often it was done. */
  readonly times: number;
  readonly seconds: number;
  readonly requests: number;
  readonly connections: number;
  readonly slowestMs: number;
  readonly failed: number;
  /** What failed; empty when nothing did. */
  readonly failure: string;
}

const kinds = ["reload", "restart", "upgrade", "resize", "memory"] as const;

interface Site {
  readonly control: Control;
  /** Writes the configuration, `n` tells it from the others, and waits until all workers serve with it. */
  configure(n: number, workers?: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Two workers, and all kinds of changes, each for its share of these seconds. */
export async function changesUnderLoad(
  stage: Stage,
  seconds: number,
  say: (line: string) => void,
): Promise<readonly Changed[]> {
  const all: Changed[] = [];
  for (const kind of kinds) {
    const changed = await measure(stage, kind, seconds / kinds.length);
    const verdict = changed.failure === "" ? "no failure" : `FAILED, ${changed.failure}`;
    say(`${kind}: ${changed.times} times, ${changed.requests} requests, ${verdict}`);
    all.push(changed);
  }
  return all;
}

async function measure(
  stage: Stage,
  kind: (typeof kinds)[number],
  seconds: number,
): Promise<Changed> {
  await using load = await startLoad();
  const port = await freePort();
  const file = stage.path(`${kind}.json`);
  const control = controlOf(stage.path(`${kind}.sock`));
  const write = (n: number, workers: Readonly<Record<string, unknown>> = {}) => {
    const configuration = {
      listeners: { web: `127.0.0.1:${port}` },
      routes: {
        "load.test": load.url,
        [`h${n}.test`]: load.url,
        "h00000.bench.test": { respond: { body: "" } },
      },
      accessLog: { format: "json", path: stage.path(`${kind}-access.log`) },
      workers: { count: 2, checkInterval: "500ms", ...workers },
      controlSocket: stage.path(`${kind}.sock`),
    };
    writeFileSync(`${file}.next`, JSON.stringify(configuration));
    renameSync(`${file}.next`, file);
  };
  write(0);
  const args = ["run", "--config", file];
  const launched = stage.launch({ name: kind, command: program, args, core: "any" });
  await untilAnswers(port, 15_000, launched.isAlive);
  const site: Site = {
    control,
    async configure(n, workers) {
      const { snapshot } = await control.status();
      write(n, workers);
      await control.until(
        "the configuration to be live",
        (rows) => rows.length > 0 && rows.every((row) => row.snapshot > snapshot.version),
      );
    },
  };
  try {
    await load.begin(port);
    const end = performance.now() + seconds * 1000;
    let times = 0;
    while (performance.now() < end) await changes[kind](site, ++times);
    return changedOf(kind, times, seconds, await load.stop());
  } finally {
    await stage.stop(launched);
  }
}

const changes: Readonly<Record<(typeof kinds)[number], (site: Site, n: number) => Promise<void>>> =
  {
    reload: ({ configure }, n) => configure(n),
    restart: (site) => command(site, "restart"),
    upgrade: (site) => command(site, "upgrade"),
    async resize(site, n) {
      const count = [4, 1, 2][n % 3] ?? 2;
      await command(site, "workers", String(count));
      await site.control.until("the workers", (rows) => rows.length === count);
    },
    async memory({ control, configure }, n) {
      const before = await control.workers();
      const least = Math.min(...before.map(({ memory }) => memory));
      const memoryLimit = Math.max(64 * 2 ** 20, Math.floor(least * 0.98));
      await configure(n, { memoryLimit });
      const old = new Set(before.map(({ pid }) => pid));
      await control.until("workers over the limit to be replaced", (rows) =>
        rows.every(({ pid }) => !old.has(pid)),
      );
      await configure(n, { memoryLimit: 0 });
      // New ones are small: without a pause there would be nothing to recycle.
      await pause(1000);
    },
  };

async function command({ control }: Site, ...words: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await control.command(...words);
  if (code !== 0) throw new Error(`tidegate ${words.join(" ")}: ${stdout}${stderr}`);
}

function changedOf(kind: string, times: number, seconds: number, report: LoadReport): Changed {
  return {
    kind,
    times,
    seconds,
    requests: report.answered,
    connections: report.opened,
    slowestMs: report.slowestMs,
    failed: report.failed,
    failure: report.failed === 0 ? "" : summaryOf(report),
  };
}
