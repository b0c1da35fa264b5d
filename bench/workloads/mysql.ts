// Guards: what a proxy between a program and its database costs in time: reads of one row by its primary key,
// prepared, from a real MariaDB, over one connection and over a pool of ten that never rests. Direct, through
// ours and through HAProxy take turns, and each ratio is formed between neighbours in time. All of it is on one
// machine, where a direct answer takes less time than any network: the ratio is the worst there is.

import { createPool, type Pool, type RowDataPacket } from "mysql2/promise";
import { type MariaDb, mariaDbNeeds, startMariaDb } from "../../test/harness/mariadb.ts";
import { needs } from "../../test/harness/needs.ts";
import { freePort, within } from "../harness/deadline.ts";
import { show, spreadOf } from "../harness/spread.ts";
import { type Launched, Stage } from "../harness/stage.ts";
import { usageOf } from "../harness/usage.ts";
import type { Peer } from "../peers/peer.ts";
import { haproxyTcp, tidegateTcp } from "../peers/tcp.ts";
import type { Workload } from "./workload.ts";

const most = 1.3;
const leastRounds = 7;
const roundMs = 1000;
const warmUpMs = 1000;
const rows = 10_000;
const select = "SELECT v FROM t WHERE id = ?";

/** Between client and server; undefined = nobody. */
const ways: readonly { readonly name: string; readonly peer?: Peer }[] = [
  { name: "direct" },
  { name: "tidegate", peer: tidegateTcp },
  { name: "haproxy", peer: haproxyTcp },
];

interface Shape {
  readonly name: string;
  readonly clients: number;
}

const shapes: readonly Shape[] = [
  { name: "one connection", clients: 1 },
  { name: "pool of 10", clients: 10 },
];

interface Run {
  readonly shape: string;
  readonly way: string;
  readonly round: number;
  readonly queries: number;
  readonly queriesPerSecond: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** Of the proxy; 0 without one. */
  readonly cpuMicrosPerQuery: number;
}

interface Contender {
  readonly shape: Shape;
  readonly way: string;
  readonly pool: Pool;
  readonly proxy: Launched | undefined;
}

export const mysql: Workload = {
  name: "mysql",
  claim: `MySQL point queries through the proxy take at most ${most} times as long as direct ones`,
  limitMs: ({ rounds }) =>
    120_000 + Math.max(rounds, leastRounds) * 2 * ways.length * shapes.length * roundMs,
  async run({ rounds, say }) {
    const missing = needs(...mariaDbNeeds);
    if (missing !== false) return nothing(`MariaDB ${missing}, skipped`);
    await using stage = new Stage();
    await using db = await startMariaDb();
    await db.exec(
      `CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(100));
       INSERT INTO app.t SELECT seq, CONCAT('value ', seq) FROM app.seq_1_to_${rows}`,
    );
    const contenders: Contender[] = [];
    const skipped: string[] = [];
    for (const { name, peer } of ways) {
      if (peer !== undefined && peer.version() === undefined) {
        skipped.push(`${name}: not installed, skipped`);
        continue;
      }
      const port = peer === undefined ? db.port : await freePort();
      const proxy = peer?.launch(stage, db, port);
      for (const shape of shapes) {
        contenders.push({ shape, way: name, proxy, pool: poolOf(db, shape, port) });
      }
    }
    try {
      await untilServed(contenders);
      const runs = await measureAll(contenders, Math.max(rounds, leastRounds), say);
      return {
        columns: ["load", "way", "p50 us", "p99 us", "queries/s", "proxy CPU us", "p50 to direct"],
        rows: shapes.flatMap((shape) =>
          contenders.filter((each) => each.shape === shape).map((each) => rowOf(each, runs)),
        ),
        notes: [...shapes.map((shape) => verdict(shape, runs)), ...skipped],
        failures: [],
        data: runs,
      };
    } finally {
      await Promise.all(contenders.map(({ pool }) => pool.end()));
    }
  },
};

function nothing(failure: string) {
  return { columns: [], rows: [], notes: [], failures: [failure], data: [] };
}

function poolOf({ user, password, database }: MariaDb, { clients }: Shape, port: number): Pool {
  const login = { user, password, database };
  return createPool({ host: "127.0.0.1", port, ...login, connectionLimit: clients });
}

/** All of them warm, and the proxies listening. */
async function untilServed(contenders: readonly Contender[]): Promise<void> {
  const end = performance.now() + 15_000;
  for (const each of contenders) {
    for (;;) {
      try {
        await load(each, warmUpMs);
        break;
      } catch (error) {
        const isStarting = each.proxy?.isAlive() === true && performance.now() < end;
        if (!isStarting) throw error;
      }
    }
  }
}

async function measureAll(
  contenders: readonly Contender[],
  rounds: number,
  say: (line: string) => void,
): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (let round = 1; round <= rounds; round++) {
    // Who comes first takes turns, too.
    const order = round % 2 === 0 ? contenders.toReversed() : contenders;
    for (const each of order) {
      const before = cpuOf(each);
      const micros = await load(each, roundMs);
      const cpuMicros = cpuOf(each) - before;
      const sorted = micros.toSorted();
      const run = {
        shape: each.shape.name,
        way: each.way,
        round,
        queries: sorted.length,
        queriesPerSecond: sorted.length / (roundMs / 1000),
        p50Micros: sorted[sorted.length >> 1] ?? 0,
        p99Micros: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
        cpuMicrosPerQuery: cpuMicros / sorted.length,
      };
      runs.push(run);
      say(`round ${round} ${each.shape.name}, ${each.way}: p50 ${run.p50Micros.toFixed(0)} us`);
    }
  }
  return runs;
}

function cpuOf({ proxy }: Contender): number {
  return proxy === undefined ? 0 : usageOf(proxy.pid).cpuMicros;
}

/** How long each query took, us. Each client asks again when it has its answer, which must be the right one. */
async function load({ shape, pool }: Contender, ms: number): Promise<Float64Array> {
  const micros: number[] = [];
  const end = performance.now() + ms;
  const client = async (): Promise<void> => {
    for (let at = performance.now(); at < end; at = performance.now()) {
      const id = 1 + Math.floor(Math.random() * rows);
      const [found] = await pool.execute<RowDataPacket[]>(select, [id]);
      micros.push((performance.now() - at) * 1000);
      if (found[0]?.["v"] !== `value ${id}`) throw new Error(`a wrong answer for ${id}`);
    }
  };
  const all = Promise.all(Array.from({ length: shape.clients }, client));
  await within(ms + 10_000, "a second of queries", all);
  return Float64Array.from(micros);
}

function of(runs: readonly Run[], { name }: Shape, way: string): readonly Run[] {
  return runs.filter((run) => run.shape === name && run.way === way);
}

function ratioOf(shape: Shape, way: string, runs: readonly Run[], value: (run: Run) => number) {
  const direct = new Map(of(runs, shape, "direct").map((run) => [run.round, value(run)]));
  return spreadOf(
    of(runs, shape, way).flatMap((run) => {
      const other = direct.get(run.round);
      return other === undefined ? [] : [value(run) / other];
    }),
  );
}

const p50 = (run: Run): number => run.p50Micros;

function rowOf({ shape, way, proxy }: Contender, runs: readonly Run[]): string[] {
  const own = of(runs, shape, way);
  const ofOwn = (value: (run: Run) => number, digits = 0) => show(spreadOf(own.map(value)), digits);
  return [
    shape.name,
    way,
    ofOwn(p50),
    ofOwn((run) => run.p99Micros),
    ofOwn((run) => run.queriesPerSecond),
    proxy === undefined ? "-" : ofOwn((run) => run.cpuMicrosPerQuery, 1),
    proxy === undefined ? "-" : show(ratioOf(shape, way, runs, p50), 2),
  ];
}

function verdict(shape: Shape, runs: readonly Run[]): string {
  const ratio = (way: string, value: (run: Run) => number) =>
    ratioOf(shape, way, runs, value)?.median ?? Number.NaN;
  const ours = ratio("tidegate", p50);
  const p99 = ratio("tidegate", (run) => run.p99Micros).toFixed(2);
  const speed = ratio("tidegate", (run) => run.queriesPerSecond).toFixed(2);
  return (
    `${ours <= most ? "held" : "MISSED"}: ${shape.name}: median ${ours.toFixed(2)} times direct ` +
    `(HAProxy ${ratio("haproxy", p50).toFixed(2)}), 99th percentile ${p99}, queries/s ${speed}`
  );
}
