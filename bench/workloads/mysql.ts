// Guards: what a proxy between a program and its database costs in time: reads of one row by its primary key,
// prepared, from a real MariaDB. Direct and through the proxy take turns, and each ratio is formed between
// neighbours in time. Nothing is pinned: where client, proxy and server run is the kernel's choice in real life,
// too. A pool that asks without a pause shows what the machine can do; its times are those of a queue.

import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { createPool, type Pool, type RowDataPacket } from "mysql2/promise";
import { type MariaDb, mariaDbNeeds, startMariaDb } from "../../test/harness/mariadb.ts";
import { needs } from "../../test/harness/needs.ts";
import { freePort, within } from "../harness/deadline.ts";
import { show, spreadOf } from "../harness/spread.ts";
import { type Launched, Stage } from "../harness/stage.ts";
import { usageOf } from "../harness/usage.ts";
import { program } from "../peers/tidegate.ts";
import type { Workload } from "./workload.ts";

const most = 1.3;
const leastRounds = 7;
const roundMs = 1000;
const warmUpMs = 1000;
const rows = 10_000;
/** Between the queries of a client that pauses, ms: about 3,000 queries a second of ten. */
const pauses = { least: 1, more: 3 };
const select = "SELECT v FROM t WHERE id = ?";

type Way = "direct" | "tidegate";

interface Shape {
  readonly name: string;
  readonly clients: number;
  readonly hasPauses: boolean;
  /** The claim is about these. */
  readonly isClaimed: boolean;
}

const shapes: readonly Shape[] = [
  { name: "one connection", clients: 1, hasPauses: false, isClaimed: true },
  { name: "pool of 10, pausing", clients: 10, hasPauses: true, isClaimed: true },
  { name: "pool of 10, flat out", clients: 10, hasPauses: false, isClaimed: false },
];

interface Run {
  readonly shape: string;
  readonly way: Way;
  readonly round: number;
  readonly queries: number;
  readonly queriesPerSecond: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** Of the proxy. */
  readonly cpuMicrosPerQuery: number;
}

interface Contender {
  readonly shape: Shape;
  readonly way: Way;
  readonly pool: Pool;
}

export const mysql: Workload = {
  name: "mysql",
  claim: `MySQL point queries through the proxy take at most ${most} times as long as direct ones`,
  limitMs: ({ rounds }) => 120_000 + Math.max(rounds, leastRounds) * 4 * shapes.length * roundMs,
  async run({ rounds, say }) {
    const missing = needs(...mariaDbNeeds);
    if (missing !== false) return nothing(`MariaDB ${missing}, skipped`);
    await using stage = new Stage();
    await using db = await startMariaDb();
    await db.exec(
      `CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(100));
       INSERT INTO app.t SELECT seq, CONCAT('value ', seq) FROM app.seq_1_to_${rows}`,
    );
    const port = await freePort();
    const proxy = launch(stage, db, port);
    const contenders = shapes.flatMap((shape) => [
      contender(db, "direct", shape, db.port),
      contender(db, "tidegate", shape, port),
    ]);
    try {
      await untilServed(contenders, proxy);
      const runs = await measureAll(contenders, proxy, Math.max(rounds, leastRounds), say);
      return {
        columns: ["load", "way", "p50 us", "p99 us", "queries/s", "proxy CPU us", "p50 ratio"],
        rows: contenders.map((each) => rowOf(each, runs)),
        notes: shapes.map((shape) => verdict(shape, runs)),
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

function launch(stage: Stage, db: MariaDb, port: number): Launched {
  const file = stage.path("tidegate-mysql.json");
  const configuration = {
    listeners: { mysql: { bind: `127.0.0.1:${port}`, protocol: "tcp", service: "db" } },
    services: { db: { backends: [`tcp://127.0.0.1:${db.port}`] } },
    accessLog: { path: stage.path("tidegate-access.log") },
    workers: 1,
    controlSocket: stage.path("tidegate.sock"),
    stateFolder: stage.path("tidegate-state"),
  };
  writeFileSync(file, JSON.stringify(configuration, undefined, 1));
  return stage.launch({
    name: "tidegate",
    command: program,
    args: ["run", "--config", file],
    core: "any",
    env: { NODE_ENV: "production" },
  });
}

function contender(db: MariaDb, way: Way, shape: Shape, port: number): Contender {
  const { user, password, database } = db;
  const settings = { host: "127.0.0.1", port, user, password, database };
  return { shape, way, pool: createPool({ ...settings, connectionLimit: shape.clients }) };
}

/** All of them warm, and the proxy listening. */
async function untilServed(contenders: readonly Contender[], proxy: Launched): Promise<void> {
  const end = performance.now() + 15_000;
  for (const each of contenders) {
    for (;;) {
      try {
        await load(each, warmUpMs);
        break;
      } catch (error) {
        if (proxy.isAlive() && performance.now() < end) continue;
        throw new Error(`${each.way} answers no query; it said: ${proxy.errors()}`, {
          cause: error,
        });
      }
    }
  }
}

async function measureAll(
  contenders: readonly Contender[],
  proxy: Launched,
  rounds: number,
  say: (line: string) => void,
): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (let round = 1; round <= rounds; round++) {
    // Who comes first takes turns, too.
    const order = round % 2 === 0 ? contenders.toReversed() : contenders;
    for (const each of order) {
      const before = usageOf(proxy.pid).cpuMicros;
      const micros = await load(each, roundMs);
      const cpuMicros = usageOf(proxy.pid).cpuMicros - before;
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
      if (shape.hasPauses) await delay(pauses.least + Math.random() * pauses.more);
    }
  };
  const all = Promise.all(Array.from({ length: shape.clients }, client));
  await within(ms + 10_000, "a second of queries", all);
  return Float64Array.from(micros);
}

function of(runs: readonly Run[], { name }: Shape, way: Way): readonly Run[] {
  return runs.filter((run) => run.shape === name && run.way === way);
}

function ratioOf(shape: Shape, runs: readonly Run[], value: (run: Run) => number) {
  const direct = new Map(of(runs, shape, "direct").map((run) => [run.round, value(run)]));
  return spreadOf(
    of(runs, shape, "tidegate").flatMap((run) => {
      const other = direct.get(run.round);
      return other === undefined ? [] : [value(run) / other];
    }),
  );
}

function rowOf({ shape, way }: Contender, runs: readonly Run[]): string[] {
  const own = of(runs, shape, way);
  const ofOwn = (value: (run: Run) => number, digits = 0) => show(spreadOf(own.map(value)), digits);
  return [
    shape.name,
    way,
    ofOwn((run) => run.p50Micros),
    ofOwn((run) => run.p99Micros),
    ofOwn((run) => run.queriesPerSecond),
    way === "direct" ? "-" : ofOwn((run) => run.cpuMicrosPerQuery, 1),
    way === "direct"
      ? "-"
      : show(
          ratioOf(shape, runs, (run) => run.p50Micros),
          2,
        ),
  ];
}

function verdict(shape: Shape, runs: readonly Run[]): string {
  const ratio = (value: (run: Run) => number) => ratioOf(shape, runs, value)?.median ?? Number.NaN;
  const p50 = ratio((run) => run.p50Micros);
  const p99 = ratio((run) => run.p99Micros).toFixed(2);
  const speed = ratio((run) => run.queriesPerSecond).toFixed(2);
  const held = p50 <= most ? "held" : "MISSED";
  const judged = shape.isClaimed ? held : "no limit claimed";
  return `${judged}: ${shape.name}: median ${p50.toFixed(2)}, 99th percentile ${p99}, queries/s ${speed} times direct`;
}
