// Compares running proxies under one load. They all stay up and take turns, so that a slow minute of the
// machine hits every one of them; the ratio is formed inside a round, between neighbours in time.

import type { Running } from "../peers/peer.ts";
import { type Spread, show, spreadOf } from "./spread.ts";
import { runAb } from "./ab.ts";
import { runH2load } from "./h2load.ts";
import type { Stage } from "./stage.ts";
import { usageOf } from "./usage.ts";
import { type Load, type Loaded, runWrk } from "./wrk.ts";

/** A proxy in the comparison, with its own load (the port is its own at least). */
export interface Contender {
  readonly running: Running;
  readonly load: Load;
  /** Measured runs; those with fewer than the others take part in the first rounds. */
  readonly rounds: number;
}

export interface Run {
  readonly proxy: string;
  readonly round: number;
  readonly requests: number;
  readonly cpuMicrosPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly residentKb: number;
  /** Why it does not count; empty when it does. */
  readonly failure: string;
}

export interface Compared {
  readonly runs: readonly Run[];
  /** Median of ratios within rounds; undefined when no round has both. */
  ratio(proxy: string, to: string): Spread | undefined;
  /** The same of requests per second. */
  speed(proxy: string, to: string): Spread | undefined;
  columns(yardstick: string): string[];
  rows(yardstick: string): string[][];
  failures(): string[];
}

export async function compare(
  stage: Stage,
  contenders: readonly Contender[],
  warmUpSeconds: number,
  say: (line: string) => void,
): Promise<Compared> {
  for (const { running, load } of contenders) {
    say(`warming up ${running.name}`);
    await run(stage, { ...load, seconds: warmUpSeconds });
  }
  const runs: Run[] = [];
  const rounds = Math.max(...contenders.map((each) => each.rounds));
  for (let round = 1; round <= rounds; round++) {
    for (const contender of contenders.filter((each) => each.rounds >= round)) {
      const measured = await measure(stage, contender, round);
      runs.push(measured);
      const { proxy, failure, cpuMicrosPerRequest } = measured;
      const cost = `${cpuMicrosPerRequest.toFixed(1)} us/request`;
      say(`round ${round} ${proxy}: ${failure === "" ? cost : `FAILED, ${failure}`}`);
    }
  }
  return compared(
    contenders.map(({ running }) => running.name),
    runs,
  );
}

export function run(stage: Stage, load: Load): Promise<Loaded> {
  if (load.streams !== undefined) return runH2load(stage, load);
  return load.isFresh === true ? runAb(stage, load) : runWrk(stage, load);
}

async function measure(stage: Stage, { running, load }: Contender, round: number): Promise<Run> {
  const before = usageOf(running.launched.pid);
  const loaded = await run(stage, load);
  const after = usageOf(running.launched.pid);
  const isSame = before.pids.join() === after.pids.join() && after.pids.length > 0;
  return {
    proxy: running.name,
    round,
    requests: loaded.requests,
    cpuMicrosPerRequest: (after.cpuMicros - before.cpuMicros) / Math.max(1, loaded.requests),
    requestsPerSecond: loaded.requestsPerSecond,
    p50Micros: loaded.p50Micros,
    p99Micros: loaded.p99Micros,
    residentKb: after.residentKb,
    failure: loaded.errors || (isSame ? "" : "a process came or went during the run"),
  };
}

function compared(proxies: readonly string[], runs: readonly Run[]): Compared {
  const good = runs.filter((run) => run.failure === "");
  const within = (proxy: string, to: string, figure: (run: Run) => number): Spread | undefined =>
    spreadOf(
      good
        .filter((run) => run.proxy === proxy)
        .flatMap((run) => {
          const other = good.find((each) => each.proxy === to && each.round === run.round);
          return other === undefined ? [] : [figure(run) / figure(other)];
        }),
    );
  const ratio = (proxy: string, to: string) => within(proxy, to, (run) => run.cpuMicrosPerRequest);
  return {
    runs,
    ratio,
    speed: (proxy, to) => within(proxy, to, (run) => run.requestsPerSecond),
    columns: (yardstick) => [
      "proxy",
      "CPU us/request",
      `ratio to ${yardstick}`,
      "requests/s",
      "p50 ms",
      "p99 ms",
      "RSS MB",
      "runs",
    ],
    rows: (yardstick) => proxies.map((proxy) => rowOf(proxy, good, runs, ratio(proxy, yardstick))),
    failures: () =>
      runs
        .filter((run) => run.failure !== "")
        .map((run) => `${run.proxy}, round ${run.round}: ${run.failure}`),
  };
}

function rowOf(
  proxy: string,
  good: readonly Run[],
  all: readonly Run[],
  ratio: Spread | undefined,
): string[] {
  const mine = good.filter((run) => run.proxy === proxy);
  const total = all.filter((run) => run.proxy === proxy).length;
  const median = (value: (run: Run) => number, digits: number): string =>
    spreadOf(mine.map(value))?.median.toFixed(digits) ?? "-";
  return [
    proxy,
    show(spreadOf(mine.map((run) => run.cpuMicrosPerRequest)), 1),
    show(ratio, 2),
    median((run) => run.requestsPerSecond, 0),
    median((run) => run.p50Micros / 1000, 2),
    median((run) => run.p99Micros / 1000, 2),
    median((run) => run.residentKb / 1024, 0),
    mine.length === total ? String(total) : `${mine.length} of ${total}`,
  ];
}
