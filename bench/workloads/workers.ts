// Guards: a second worker is worth a second core, and nobody notices when workers change. The first is
// measured like the throughput of others, but nothing is pinned: two workers need both cores, and so does
// the load generator, so that requests per second say how the machine divides itself. What a request costs
// in CPU says whether workers stand in each other's way. The second is a minute of checked load.

import { type Changed, changesUnderLoad } from "../harness/changes.ts";
import { type Compared, compare } from "../harness/compare.ts";
import { startOrigin } from "../harness/origin.ts";
import { spreadOf } from "../harness/spread.ts";
import { Stage } from "../harness/stage.ts";
import { start } from "../peers/peer.ts";
import { tidegateRouting } from "../peers/tidegate.ts";
import type { Workload } from "./workload.ts";

const leastCapacity = 1.8;
const mostCost = 1.05;
const loadSeconds = 60;

export const workers: Workload = {
  name: "workers",
  claim:
    `two workers on two cores: at least ${leastCapacity} times the capacity of one, or, as the load ` +
    `generator needs the cores too, at most ${mostCost} times its CPU per request; no failed request in ` +
    `${loadSeconds} s of reload, restart, upgrade, resize and recycling by memory`,
  limitMs: ({ seconds, rounds }) =>
    240_000 + loadSeconds * 1000 + 2 * rounds * (seconds + 2) * 1000,
  async run({ seconds, rounds, say }) {
    await using stage = new Stage();
    const origin = await startOrigin(stage, "any");
    const peers = [1, 2].map((count) =>
      tidegateRouting(`workers: ${count}`, ["*"], { workers: count, core: "any" }),
    );
    const contenders = [];
    for (const peer of peers) {
      const running = await start(peer, stage, origin);
      const load = { port: running.port, path: "/small", seconds, hosts: ["h00000.bench.test"] };
      contenders.push({ running, load: { ...load, core: "any" as const }, rounds });
    }
    const result = await compare(stage, contenders, 2, say);
    for (const { running } of contenders) await stage.stop(running.launched);
    const changed = await changesUnderLoad(stage, loadSeconds, say);
    return {
      columns: result.columns("workers: 1"),
      rows: result.rows("workers: 1"),
      notes: [...judge(result), ...changed.map(noteOf), accepting],
      failures: [
        ...result.failures(),
        ...changed
          .filter(({ failed }) => failed > 0)
          .map(({ kind, failure }) => `${kind}: ${failure}`),
      ],
      data: { runs: result.runs, changed },
    };
  },
};

const accepting = "what a new connection costs, against nginx: npm run bench -- connections";

function judge(result: Compared): string[] {
  const cost = result.ratio("workers: 2", "workers: 1")?.median;
  const capacity = capacityOf(result);
  if (cost === undefined || capacity === undefined) return ["MISSED: nothing was measured"];
  const verdict = capacity >= leastCapacity || cost <= mostCost ? "held" : "MISSED";
  return [
    `${verdict}: ${capacity.toFixed(2)} times the requests per second of one worker, beside the load ` +
      `generator and the origin on the same cores; ${cost.toFixed(3)} times its CPU per request, which ` +
      `would be ${(2 / cost).toFixed(2)} times the requests with a whole core for each`,
  ];
}

/** Requests per second of two workers as a multiple of one's, within each round. */
function capacityOf({ runs }: Compared): number | undefined {
  const good = runs.filter(({ failure }) => failure === "");
  const [ones, twos] = ["workers: 1", "workers: 2"].map(
    (name) =>
      new Map(
        good
          .filter(({ proxy }) => proxy === name)
          .map(({ round, requestsPerSecond }) => [round, requestsPerSecond]),
      ),
  );
  const ratios = [...(twos ?? [])].flatMap(([round, two]) => {
    const one = ones?.get(round);
    return one === undefined ? [] : [two / one];
  });
  return spreadOf(ratios)?.median;
}

function noteOf({
  kind,
  times,
  seconds,
  requests,
  connections,
  slowestMs,
  failed,
}: Changed): string {
  return (
    `${failed === 0 ? "held" : "MISSED"}: ${kind}, ${times} times in ${seconds} s: ${failed} of ` +
    `${requests} requests on ${connections} connections failed; the slowest took ${slowestMs.toFixed()} ms`
  );
}
