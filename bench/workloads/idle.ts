// Guards: what an idle keep-alive connection costs in memory. Every connection has made one request, as
// idle connections of real clients have; the first 500 are not charged, they bring the program to its
// working size. Each measurement has a fresh process, because memory once taken is rarely given back.

import { createInterface } from "node:readline";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { within } from "../harness/deadline.ts";
import { type Origin, startOrigin } from "../harness/origin.ts";
import { show, spreadOf } from "../harness/spread.ts";
import { Stage } from "../harness/stage.ts";
import { usageOf } from "../harness/usage.ts";
import { nginx } from "../peers/nginx.ts";
import { type Peer, start } from "../peers/peer.ts";
import { tidegate } from "../peers/tidegate.ts";
import type { Workload } from "./workload.ts";

const warmUpCount = 500;
const idleCount = 10_000;
const settleMs = 3000;
const mostKb = 10;
const rounds = 3;

interface Measured {
  readonly proxy: string;
  readonly beforeKb: number;
  readonly afterKb: number;
  readonly perConnectionKb: number;
  readonly failure: string;
}

export const idle: Workload = {
  name: "idle",
  claim: "10,000 idle keep-alive connections take at most 10 kB of memory each",
  limitMs: () => 600_000,
  async run({ only, say }) {
    await using stage = new Stage();
    const origin = await startOrigin(stage);
    const asked = [tidegate, nginx].filter(({ name }) => only.length === 0 || only.includes(name));
    const present = asked.filter((peer) => peer.version() !== undefined);
    const missing = asked.filter((peer) => peer.version() === undefined);
    const all: Measured[] = [];
    for (let round = 1; round <= rounds; round++) {
      for (const peer of present) {
        const measured = await measure(stage, origin, peer);
        all.push(measured);
        say(
          `round ${round} ${peer.name}: ${measured.perConnectionKb.toFixed(2)} kB per connection`,
        );
      }
    }
    return {
      columns: ["proxy", "kB per connection", "RSS MB with 500", "RSS MB with 10,500"],
      rows: present.map(({ name }) => rowOf(name, all)),
      notes: judge(all),
      failures: [
        ...missing.map(({ name }) => `${name}: not installed, skipped`),
        ...all
          .filter((each) => each.failure !== "")
          .map((each) => `${each.proxy}: ${each.failure}`),
      ],
      data: all,
    };
  },
};

async function measure(stage: Stage, origin: Origin, peer: Peer): Promise<Measured> {
  const running = await start(peer, stage, origin);
  const client = stage.launch({
    name: "idle-client",
    command: process.execPath,
    args: [join(import.meta.dirname, "..", "harness", "idle-client.ts"), String(running.port)],
    core: "load",
    talks: true,
  });
  try {
    const { stdin, stdout } = client.process;
    if (stdin === null || stdout === null) throw new Error("the idle client has no pipes");
    const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    const open = async (count: number): Promise<string> => {
      stdin.write(`${count}\n`);
      const line = await within(60_000, `opening ${count} connections`, lines.next());
      return line.done === true ? `the client ended: ${client.errors()}` : line.value;
    };
    await open(warmUpCount);
    await delay(settleMs);
    const before = usageOf(running.launched.pid);
    await open(idleCount);
    await delay(settleMs);
    const after = usageOf(running.launched.pid);
    // Asked after the reading: connections that were closed meanwhile would flatter the figure.
    const said = await open(0);
    const expected = `open=${warmUpCount + idleCount} failed=0 lost=0`;
    return {
      proxy: peer.name,
      beforeKb: before.residentKb,
      afterKb: after.residentKb,
      perConnectionKb: (after.residentKb - before.residentKb) / idleCount,
      failure: said === expected ? "" : `not all connections stayed open: ${said}`,
    };
  } finally {
    await stage.stop(client);
    await stage.stop(running.launched);
  }
}

function rowOf(proxy: string, all: readonly Measured[]): string[] {
  const mine = all.filter((each) => each.proxy === proxy && each.failure === "");
  return [
    proxy,
    show(spreadOf(mine.map((each) => each.perConnectionKb)), 2),
    show(spreadOf(mine.map((each) => each.beforeKb / 1024)), 0),
    show(spreadOf(mine.map((each) => each.afterKb / 1024)), 0),
  ];
}

function judge(all: readonly Measured[]): string[] {
  const ours = all.filter((each) => each.proxy === tidegate.name && each.failure === "");
  const median = spreadOf(ours.map((each) => each.perConnectionKb))?.median;
  if (median === undefined) return [];
  const verdict = median <= mostKb ? "held" : "MISSED";
  return [`${verdict}: ${median.toFixed(2)} kB per connection, at most ${mostKb} claimed`];
}
