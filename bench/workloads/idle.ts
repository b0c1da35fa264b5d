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
import { haproxyWith } from "../peers/haproxy.ts";
import { nginx, nginxWith } from "../peers/nginx.ts";
import { type Peer, start } from "../peers/peer.ts";
import { tidegate, tidegateRouting } from "../peers/tidegate.ts";
import type { Workload } from "./workload.ts";

const warmUpCount = 500;
const settleMs = 3000;
const rounds = 3;

interface Measured {
  readonly proxy: string;
  readonly beforeKb: number;
  readonly afterKb: number;
  readonly perConnectionKb: number;
  readonly failure: string;
}

interface Kind {
  readonly name: string;
  readonly peer: Peer;
  /** What idle-client.ts calls it. */
  readonly protocol: "http1" | "https1" | "h2" | "h2c";
}

interface Shape {
  readonly name: string;
  readonly claim: string;
  readonly kinds: readonly Kind[];
  readonly count: number;
  /** Claimed of this one. */
  readonly judged: string;
  readonly mostKb: number;
}

export const idle = idling({
  name: "idle",
  claim: "10,000 idle keep-alive connections take at most 10 kB of memory each",
  kinds: [
    { name: "tidegate", peer: tidegate, protocol: "http1" },
    { name: "nginx", peer: nginx, protocol: "http1" },
  ],
  count: 10_000,
  judged: "tidegate",
  mostKb: 10,
});

const secure = { isSecure: true, isHttp2: true };
const ours = tidegateRouting("tidegate", ["*"], { isSecure: true });
const oursClear = tidegateRouting("tidegate", ["*"], { isH2c: true });

/** What TLS takes is OpenSSL's and Node's, and the same for HTTP/1: it is shown, and the claim is about the rest. */
export const h2Idle = idling({
  name: "h2-idle",
  claim: "6,000 idle HTTP/2 connections take at most 25 kB of memory each, what TLS takes apart",
  kinds: [
    { name: "tidegate, h2c", peer: oursClear, protocol: "h2c" },
    { name: "tidegate, HTTP/1", peer: oursClear, protocol: "http1" },
    { name: "tidegate", peer: ours, protocol: "h2" },
    { name: "tidegate, HTTP/1 over TLS", peer: ours, protocol: "https1" },
    { name: "nginx", peer: nginxWith("nginx", secure), protocol: "h2" },
    { name: "haproxy", peer: haproxyWith(secure), protocol: "h2" },
    { name: "nginx, HTTP/1 over TLS", peer: nginxWith("nginx", secure), protocol: "https1" },
  ],
  count: 6000,
  judged: "tidegate, h2c",
  mostKb: 25,
});

function idling(shape: Shape): Workload {
  const { name, claim, count } = shape;
  return {
    name,
    claim,
    limitMs: () => 300_000 * shape.kinds.length,
    async run({ only, say, rounds: asked }) {
      await using stage = new Stage();
      const origin = await startOrigin(stage);
      const wanted = shape.kinds.filter(
        ({ peer }) => only.length === 0 || only.includes(peer.name),
      );
      const present = wanted.filter(({ peer }) => peer.version() !== undefined);
      const missing = wanted.filter(({ peer }) => peer.version() === undefined);
      const all: Measured[] = [];
      for (let round = 1; round <= Math.min(rounds, asked); round++) {
        for (const kind of present) {
          const measured = await measure(stage, origin, kind, count);
          all.push(measured);
          const kb = measured.perConnectionKb.toFixed(2);
          say(`round ${round} ${kind.name}: ${kb} kB per connection`);
        }
      }
      return {
        columns: [
          "proxy",
          "kB per connection",
          `RSS MB with ${warmUpCount}`,
          `RSS MB with ${warmUpCount + count}`,
        ],
        rows: present.map((kind) => rowOf(kind.name, all)),
        notes: judge(shape, all),
        failures: [
          ...missing.map((kind) => `${kind.name}: not installed, skipped`),
          ...all
            .filter((each) => each.failure !== "")
            .map((each) => `${each.proxy}: ${each.failure}`),
        ],
        data: all,
      };
    },
  };
}

async function measure(stage: Stage, origin: Origin, kind: Kind, count: number): Promise<Measured> {
  const running = await start(kind.peer, stage, origin);
  const client = stage.launch({
    name: "idle-client",
    command: process.execPath,
    args: [
      join(import.meta.dirname, "..", "harness", "idle-client.ts"),
      String(running.port),
      kind.protocol,
    ],
    core: "load",
    talks: true,
  });
  try {
    const { stdin, stdout } = client.process;
    if (stdin === null || stdout === null) throw new Error("the idle client has no pipes");
    const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    const open = async (more: number): Promise<string> => {
      stdin.write(`${more}\n`);
      const line = await within(60_000, `opening ${more} connections`, lines.next());
      return line.done === true ? `the client ended: ${client.errors()}` : line.value;
    };
    await open(warmUpCount);
    await delay(settleMs);
    const before = usageOf(running.launched.pid);
    await open(count);
    await delay(settleMs);
    const after = usageOf(running.launched.pid);
    // Asked after the reading: connections that were closed meanwhile would flatter the figure.
    const said = await open(0);
    const expected = `open=${warmUpCount + count} failed=0 lost=0`;
    return {
      proxy: kind.name,
      beforeKb: before.residentKb,
      afterKb: after.residentKb,
      perConnectionKb: (after.residentKb - before.residentKb) / count,
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

function judge({ judged, mostKb }: Shape, all: readonly Measured[]): string[] {
  const mine = all.filter((each) => each.proxy === judged && each.failure === "");
  const median = spreadOf(mine.map((each) => each.perConnectionKb))?.median;
  if (median === undefined) return [];
  const verdict = median <= mostKb ? "held" : "MISSED";
  return [`${verdict}: ${median.toFixed(2)} kB per connection, at most ${mostKb} claimed`];
}
