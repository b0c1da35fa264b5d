// What middlewares cost a request: the same load through a route without any, and through one with those that most have. Each
// of ours is compared with ourselves, in the same rounds.

import { compare, type Compared, type Contender } from "../harness/compare.ts";
import type { Origin } from "../harness/origin.ts";
import { startOrigin } from "../harness/origin.ts";
import { spreadOf } from "../harness/spread.ts";
import { Stage } from "../harness/stage.ts";
import { start } from "../peers/peer.ts";
import { type TidegateOptions, tidegateServing } from "../peers/tidegate.ts";
import type { Workload } from "./workload.ts";

/** Microseconds for each request that all three may cost together. */
const most = 2;

/** None of them refuses or drops anything: only looking is measured. */
function usual(scope: "worker" | "host"): readonly object[] {
  return [
    { ipRules: { deny: ["203.0.113.0/24", "2001:db8:bad::/48"] } },
    { headers: { response: { set: { "X-Frame-Options": "DENY", "X-Served-By": "bench" } } } },
    { rateLimit: { average: 1_000_000, period: "1s", scope } },
  ];
}

const limit = (scope: "worker" | "host") => [
  { rateLimit: { average: 1_000_000, period: "1s", scope } },
];

interface Line {
  readonly name: string;
  /** Whom it is compared with. */
  readonly to: string;
  readonly middlewares: readonly object[];
  readonly options?: TidegateOptions;
}

const two = { workers: 2 };

const lines: readonly Line[] = [
  { name: "none", to: "none", middlewares: [] },
  { name: "rateLimit", to: "none", middlewares: limit("worker") },
  { name: "all three", to: "none", middlewares: usual("worker") },
  { name: "none, 2 workers", to: "none, 2 workers", middlewares: [], options: two },
  { name: "host, 2 workers", to: "none, 2 workers", middlewares: limit("host"), options: two },
];

export const middlewares: Workload = {
  name: "middlewares",
  claim: `128-byte answers: headers, ipRules and rateLimit together cost less than ${most} us a request`,
  limitMs: ({ seconds, rounds }) => 240_000 + lines.length * rounds * (seconds + 2) * 1000,
  async run({ seconds, rounds, say }) {
    await using stage = new Stage();
    const origin = await startOrigin(stage);
    const contenders: Contender[] = [];
    for (const line of lines) {
      const running = await start(peerOf(line), stage, origin);
      const load = {
        port: running.port,
        path: "/small" as const,
        seconds,
        hosts: ["h00000.bench.test"],
        closes: false,
        isSecure: false,
        isFresh: false,
      };
      contenders.push({ running, load, rounds });
    }
    const result = await compare(stage, contenders, 2, say);
    return {
      columns: result.columns("none"),
      rows: result.rows("none"),
      notes: lines.flatMap((line) => noteOn(line, result)),
      failures: result.failures(),
      data: result.runs,
    };
  },
};

function peerOf({ name, middlewares: list, options = {} }: Line) {
  const serving = (_stage: Stage, { port }: Origin) => ({
    routes: {
      "*": { service: "origin", ...(list.length === 0 ? {} : { middlewares: list }) },
    },
    services: { origin: { backends: [`http://127.0.0.1:${port}`] } },
  });
  return { ...tidegateServing(name.replace(/\W+/g, "-"), serving, options), name };
}

/** The difference within each round: a slow minute of the machine hits both. */
function noteOn({ name, to }: Line, { runs }: Compared): string[] {
  if (name === to) return [];
  const more = runs
    .filter((run) => run.proxy === name && run.failure === "")
    .flatMap((run) => {
      const other = runs.find((each) => each.proxy === to && each.round === run.round);
      if (other === undefined || other.failure !== "") return [];
      return [run.cpuMicrosPerRequest - other.cpuMicrosPerRequest];
    });
  const cost = spreadOf(more)?.median;
  if (cost === undefined) return [];
  const verdict = name !== "all three" ? "" : cost <= most ? "held: " : "MISSED: ";
  return [`${verdict}${name}: ${cost.toFixed(2)} us/request over ${to}`];
}
