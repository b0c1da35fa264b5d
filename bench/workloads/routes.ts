// Guards: the cost of a request does not grow with the number of routes. Two instances of our program,
// one with 10,000 routes and one with a single one, take turns under the same load: 1,000 prepared
// requests in rotation, to 1,000 different hosts for the one and to the only host for the other.

import { compare } from "../harness/compare.ts";
import { startOrigin } from "../harness/origin.ts";
import { Stage } from "../harness/stage.ts";
import { start } from "../peers/peer.ts";
import { tidegateRouting } from "../peers/tidegate.ts";
import type { Workload } from "./workload.ts";

const routeCount = 10_000;
const askedCount = 1_000;
const mostRatio = 1.05;

// All names have the same length, so that the requests have too.
const hosts = Array.from(
  { length: routeCount },
  (_, n) => `h${String(n).padStart(5, "0")}.bench.test`,
);

export const routes: Workload = {
  name: "routes",
  claim: "10,000 routes cost per request what one route costs, within 5 %",
  limitMs: ({ seconds, rounds }) => 120_000 + 2 * rounds * (seconds + 2) * 1000,
  async run({ seconds, rounds, say }) {
    const one = tidegateRouting("1-route", hosts.slice(0, 1));
    const many = tidegateRouting("10000-routes", hosts);
    if (one.version() === undefined) throw new Error("tidegate: not installed");
    await using stage = new Stage();
    const origin = await startOrigin(stage);
    const spread = hosts.filter((_, n) => n % (routeCount / askedCount) === 0);
    const same = spread.map(() => hosts[0] ?? "");
    const load = { path: "/small", seconds };
    const first = await start(one, stage, origin);
    const second = await start(many, stage, origin);
    const contenders = [
      { running: second, load: { ...load, port: second.port, hosts: spread }, rounds },
      { running: first, load: { ...load, port: first.port, hosts: same }, rounds },
    ];
    const result = await compare(stage, contenders, 2, say);
    const ratio = result.ratio(many.name, one.name)?.median;
    const verdict = ratio !== undefined && ratio <= mostRatio ? "held" : "MISSED";
    const measured = ratio === undefined ? "nothing" : ratio.toFixed(3);
    return {
      columns: result.columns(one.name),
      rows: result.rows(one.name),
      notes: [`${verdict}: ${measured} times the cost of one route, at most ${mostRatio} claimed`],
      failures: result.failures(),
      data: result.runs,
    };
  },
};
