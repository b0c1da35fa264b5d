// Guards: what TCP costs that is carried as it is, against HAProxy in the same minutes: as it is by default,
// when it copies in pieces of 16 KiB, and with splicing, for what being unable to do that costs. `tcp` is one
// connection that transfers all the time, `tcp-connections` a new one for every 128 bytes.

import { compare, type Compared, type Run } from "../harness/compare.ts";
import { bodies, startOrigin } from "../harness/origin.ts";
import { show, spreadOf } from "../harness/spread.ts";
import { Stage } from "../harness/stage.ts";
import { start } from "../peers/peer.ts";
import { haproxySplicing, haproxyTcp, tidegateTcp } from "../peers/tcp.ts";
import type { Workload } from "./workload.ts";

const most = 1.5;
const peers = [tidegateTcp, haproxyTcp, haproxySplicing];

interface Shape {
  readonly name: string;
  readonly claim: string;
  readonly load: {
    readonly path: keyof typeof bodies;
    readonly connections: number;
    readonly closes: boolean;
  };
  readonly columns: readonly string[];
  cells(good: readonly Run[]): string[];
  judge(result: Compared): string[];
}

export const tcp = carrying({
  name: "tcp",
  claim: `one transfer over TCP: at most ${most} times HAProxy's CPU per GB, at least 1/${most} of its GB/s`,
  load: { path: "/large", connections: 1, closes: false },
  columns: ["CPU ms/GB", "GB/s"],
  cells: (good) => [
    show(spreadOf(good.map((run) => run.cpuMicrosPerRequest / gigabytes / 1000)), 0),
    show(spreadOf(good.map((run) => run.requestsPerSecond * gigabytes)), 2),
  ],
  judge(result) {
    const speed = result.speed("tidegate", "haproxy")?.median;
    return [
      verdict("CPU per GB", result.ratio("tidegate", "haproxy")?.median, (ratio) => ratio <= most),
      verdict("GB/s", speed, (ratio) => ratio >= 1 / most),
    ];
  },
});

export const tcpConnections = carrying({
  name: "tcp-connections",
  claim: "a new TCP connection for every 128 bytes: what it costs (no limit claimed)",
  load: { path: "/small", connections: 64, closes: true },
  columns: ["CPU us/connection", "connections/s"],
  cells: (good) => [
    show(spreadOf(good.map((run) => run.cpuMicrosPerRequest)), 1),
    show(spreadOf(good.map((run) => run.requestsPerSecond)), 0),
  ],
  judge: () => [],
});

/** One request's body; heads are too small to count. */
const gigabytes = bodies["/large"] / 1e9;

function carrying(shape: Shape): Workload {
  return {
    name: shape.name,
    claim: shape.claim,
    limitMs: ({ seconds, rounds }) => 120_000 + peers.length * rounds * (seconds + 2) * 1000,
    async run({ seconds, rounds, only, say }) {
      await using stage = new Stage();
      const origin = await startOrigin(stage);
      const contenders = [];
      const skipped: string[] = [];
      for (const peer of peers) {
        if (only.length > 0 && !only.includes(peer.name)) continue;
        if (peer.version() === undefined) {
          skipped.push(`${peer.name}: not installed, skipped`);
          continue;
        }
        const running = await start(peer, stage, origin);
        const load = { ...shape.load, port: running.port, seconds, hosts: ["h00000.bench.test"] };
        contenders.push({ running, load, rounds });
      }
      const result = await compare(stage, contenders, 2, say);
      return {
        columns: ["proxy", ...shape.columns, "ratio to haproxy", "RSS MB", "runs"],
        rows: contenders.map(({ running }) => rowOf(shape, running.name, result)),
        notes: [...shape.judge(result), ...skipped],
        failures: result.failures(),
        data: result.runs,
      };
    },
  };
}

function rowOf(shape: Shape, proxy: string, result: Compared): string[] {
  const good = result.runs.filter((run) => run.proxy === proxy && run.failure === "");
  return [
    proxy,
    ...shape.cells(good),
    show(result.ratio(proxy, "haproxy"), 2),
    spreadOf(good.map((run) => run.residentKb / 1024))?.median.toFixed(0) ?? "-",
    String(good.length),
  ];
}

function verdict(
  what: string,
  ratio: number | undefined,
  holds: (ratio: number) => boolean,
): string {
  if (ratio === undefined) return `MISSED: ${what} was not measured`;
  return `${holds(ratio) ? "held" : "MISSED"}: ${ratio.toFixed(2)} times HAProxy's ${what}`;
}
