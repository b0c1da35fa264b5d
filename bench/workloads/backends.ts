// Guards: a thousand backends cost per request no more than they cost nginx. The thousand are one origin at a
// thousand loopback addresses. That they cost more than one backend does is the price of a thousand open
// sockets, which nginx pays too; what choosing among them costs is measured by bench/balance.ts.

import { compare } from "../harness/compare.ts";
import { startOrigin } from "../harness/origin.ts";
import { Stage } from "../harness/stage.ts";
import { nginxWith } from "../peers/nginx.ts";
import { start } from "../peers/peer.ts";
import { tidegateRouting } from "../peers/tidegate.ts";
import type { Workload } from "./workload.ts";

const count = 1000;
const perNetwork = 250;
const mostRatio = 1.3;

const addresses = Array.from(
  { length: count },
  (_, n) => `127.0.${Math.floor(n / perNetwork)}.${1 + (n % perNetwork)}`,
);
const policies = ["two-random", "round-robin", "least-connections"];

export const backends: Workload = {
  name: "backends",
  claim: `1,000 backends cost per request at most ${mostRatio} times what they cost nginx, for each policy`,
  limitMs: ({ seconds, rounds }) => 120_000 + 6 * rounds * (seconds + 2) * 1000,
  async run({ seconds, rounds, say }) {
    const one = tidegateRouting("1-backend", ["*"]);
    if (one.version() === undefined) throw new Error("tidegate: not installed");
    await using stage = new Stage();
    const origin = await startOrigin(stage, "load", addresses);
    const many = policies.map((balance) =>
      tidegateRouting(`1000-${balance}`, ["*"], { backends: addresses, balance }),
    );
    const yardstick = nginxWith("nginx-1000", { backends: addresses });
    const contenders = [];
    for (const peer of [...many, yardstick, one, nginxWith("nginx-1")]) {
      const running = await start(peer, stage, origin);
      const load = { path: "/small", seconds, port: running.port, hosts: ["bench.test"] };
      contenders.push({ running, load, rounds });
    }
    const result = await compare(stage, contenders, 2, say);
    const notes = many.map(({ name }) => {
      const ratio = result.ratio(name, yardstick.name)?.median;
      const verdict = ratio !== undefined && ratio <= mostRatio ? "held" : "MISSED";
      const measured = ratio === undefined ? "nothing" : ratio.toFixed(2);
      return `${verdict}: ${name} costs ${measured} times nginx, at most ${mostRatio} claimed`;
    });
    return {
      columns: result.columns(yardstick.name),
      rows: result.rows(yardstick.name),
      notes,
      failures: result.failures(),
      data: result.runs,
    };
  },
};
