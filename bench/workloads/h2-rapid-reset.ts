// Guards: one client that opens streams and resets them at once does not make others wait. They ask at a fixed rate that the
// proxy carries easily: at full load a p99 tells of the queue alone. Whoever throws the attacker out sees it again: a second
// later, which is judged, and at once, which is not: then handshakes are what it attacks with.

import { join } from "node:path";
import { run } from "../harness/compare.ts";
import { within } from "../harness/deadline.ts";
import { h2loadVersion } from "../harness/h2load.ts";
import { startOrigin } from "../harness/origin.ts";
import { show, spreadOf } from "../harness/spread.ts";
import { Stage } from "../harness/stage.ts";
import type { Loaded } from "../harness/wrk.ts";
import { usageOf } from "../harness/usage.ts";
import { type Running, start } from "../peers/peer.ts";
import { http2Peers } from "../peers/registry.ts";
import type { Workload } from "./workload.ts";

/** More than one machine of the attacks of 2023 sent; writing them takes little of the core that the clients share. */
const resetsPerSecond = 20_000;
const connections = 10;
const ratePerConnection = 100;
const most = 1.1;
/** After so many ms the attacker comes back. */
const returns = { "a second later": 1000, "at once": 0 };
const judged = "a second later";

interface Measured extends Loaded {
  /** Of the proxy, us. */
  readonly cpu: number;
}

interface Round {
  readonly proxy: string;
  readonly quiet: Measured;
  readonly attacked: Measured;
  /** When the attacker came back. */
  readonly returned: string;
  /** What the attacker says it did. */
  readonly attack: string;
}

export const h2RapidReset: Workload = {
  name: "h2-rapid-reset",
  claim:
    `one client that opens and resets ${resetsPerSecond} streams a second, and is back a second after it was thrown ` +
    `out: the p99 of ${connections} others, ${connections * ratePerConnection} requests a second in all, at most ` +
    `${most} times what it is without`,
  limitMs: ({ seconds, rounds }) => 120_000 + http2Peers.length * rounds * (seconds + 2) * 3000,
  async run({ seconds, rounds, only, say }) {
    await using stage = new Stage();
    const origin = await startOrigin(stage);
    const peers = http2Peers.filter(({ name }) => only.length === 0 || only.includes(name));
    const present = peers.filter((peer) => peer.version() !== undefined);
    const skipped = peers.filter((peer) => peer.version() === undefined);
    if (h2loadVersion() === undefined) throw new Error("h2load is not installed");
    const all: Round[] = [];
    const running: Running[] = [];
    for (const peer of present) running.push(await start(peer, stage, origin));
    for (const each of running) await others(stage, each, 2);
    for (let round = 1; round <= rounds; round++) {
      for (const each of running) {
        const quiet = await others(stage, each, seconds);
        for (const [returned, afterMs] of Object.entries(returns)) {
          const { attacked, attack } = await underAttack(stage, each, seconds, afterMs);
          all.push({ proxy: each.name, quiet, attacked, returned, attack });
          const p99s = `p99 ${quiet.p99Micros} us quiet, ${attacked.p99Micros} us attacked`;
          say(`round ${round} ${each.name}, back ${returned}: ${p99s}; ${attack}`);
        }
      }
    }
    return {
      columns: [
        ...["proxy", "back", "p99 ms quiet", "p99 ms attacked", "ratio"],
        ...["attacker's connections", "CPU us for each reset"],
      ],
      rows: running.flatMap(({ name }) =>
        Object.keys(returns).map((returned) => rowOf(name, returned, all)),
      ),
      notes: [...judge(all), ...skipped.map(({ name }) => `${name}: not installed, skipped`)],
      failures: all.flatMap(({ proxy, quiet, attacked }) =>
        [quiet, attacked].flatMap(({ errors }) => (errors === "" ? [] : [`${proxy}: ${errors}`])),
      ),
      data: all,
    };
  },
};

async function others(stage: Stage, running: Running, seconds: number): Promise<Measured> {
  const { port, launched } = running;
  const load = { streams: 10, connections, ratePerConnection, isSecure: true, path: "/small" };
  const before = usageOf(launched.pid);
  const loaded = await run(stage, { ...load, port, seconds, hosts: ["h00000.bench.test"] });
  return { ...loaded, cpu: usageOf(launched.pid).cpuMicros - before.cpuMicros };
}

async function underAttack(stage: Stage, running: Running, seconds: number, backAfterMs: number) {
  const attacker = stage.launch({
    name: "attacker",
    command: process.execPath,
    args: [
      join(import.meta.dirname, "..", "harness", "h2-reset-client.ts"),
      ...[running.port, resetsPerSecond, backAfterMs].map(String),
    ],
    core: "load",
    talks: true,
  });
  try {
    let said = "";
    attacker.process.stdout?.setEncoding("latin1").on("data", (text: string) => (said += text));
    const attacked = await others(stage, running, seconds);
    attacker.process.stdin?.end();
    await within(5000, "the attacker", attacker.exited);
    return { attacked, attack: said.trim() };
  } finally {
    await stage.stop(attacker);
  }
}

function roundsOf(proxy: string, returned: string, all: readonly Round[]): readonly Round[] {
  return all.filter((each) => each.proxy === proxy && each.returned === returned);
}

function ratioOf(mine: readonly Round[]) {
  return spreadOf(mine.map(({ quiet, attacked }) => attacked.p99Micros / quiet.p99Micros));
}

function rowOf(proxy: string, returned: string, all: readonly Round[]): string[] {
  const mine = roundsOf(proxy, returned, all);
  const connectionsOf = ({ attack }: Round): number =>
    Number(/connections=(\d+)/.exec(attack)?.[1] ?? 0);
  const streamsOf = ({ attack }: Round): number =>
    Math.max(1, Number(/streams=(\d+)/.exec(attack)?.[1] ?? 0));
  return [
    proxy,
    returned,
    show(spreadOf(mine.map(({ quiet }) => quiet.p99Micros / 1000)), 2),
    show(spreadOf(mine.map(({ attacked }) => attacked.p99Micros / 1000)), 2),
    show(ratioOf(mine), 2),
    show(spreadOf(mine.map(connectionsOf)), 0),
    // Not sent, but written: what was on its way when it was thrown out is in it.
    show(spreadOf(mine.map((each) => (each.attacked.cpu - each.quiet.cpu) / streamsOf(each))), 1),
  ];
}

function judge(all: readonly Round[]): string[] {
  const ratio = ratioOf(roundsOf("tidegate", judged, all))?.median;
  if (ratio === undefined) return [];
  return [
    `${ratio <= most ? "held" : "MISSED"}: ${ratio.toFixed(2)} times, at most ${most} claimed`,
  ];
}
