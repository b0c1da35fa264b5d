// Guards: what compressing an answer costs in CPU, beside nginx at the same level of gzip.

import { writeFileSync } from "node:fs";
import { compare, type Contender } from "../harness/compare.ts";
import { startOrigin } from "../harness/origin.ts";
import { Stage } from "../harness/stage.ts";
import { compressingNginx } from "../peers/nginx.ts";
import { start, type Peer } from "../peers/peer.ts";
import { tidegateServing } from "../peers/tidegate.ts";
import type { Workload } from "./workload.ts";

/** The same level costs the same, whoever calls zlib. */
const most = 1.3;

export const gzip = compressing("gzip", 1, "/medium", 10_000);
export const gzip6 = compressing("gzip-6", 6, "/medium", 10_000);
export const gzipLarge = compressing("gzip-large", 1, "/large", 100_000);
export const gzip6Large = compressing("gzip-6-large", 6, "/large", 100_000);

function compressing(
  name: string,
  level: number,
  path: "/medium" | "/large",
  bytes: number,
): Workload {
  const peers: readonly Peer[] = [
    tidegateServing("tidegate", (_stage, { port }) => ({
      routes: {
        "*": {
          service: `http://127.0.0.1:${port}`,
          middlewares: [{ compress: { encodings: ["gzip"], levels: { gzip: level } } }],
        },
      },
    })),
    compressingNginx(level),
  ];
  return {
    name,
    claim: `texts of ${bytes / 1000} kB, gzip at level ${level}: at most ${most} times nginx's CPU per request`,
    limitMs: ({ seconds, rounds }) => 60_000 + 2 * rounds * (seconds + 2) * 1000,
    async run({ seconds, rounds, say }) {
      await using stage = new Stage();
      const origin = await startOrigin(stage);
      // Nobody has asked for it yet, so that nobody has seen the usual one.
      writeFileSync(stage.path(`body-${path.slice(1)}`), text(bytes));
      const contenders: Contender[] = [];
      for (const peer of peers) {
        const running = await start(peer, stage, origin);
        const headers = ["Accept-Encoding: gzip"];
        const load = { port: running.port, path, seconds, hosts: ["h00000.bench.test"], headers };
        contenders.push({ running, load, rounds });
      }
      const result = await compare(stage, contenders, 2, say);
      const ratio = result.ratio("tidegate", "nginx")?.median;
      const verdict = ratio !== undefined && ratio <= most ? "held" : "MISSED";
      return {
        columns: result.columns("nginx"),
        rows: result.rows("nginx"),
        notes: [`${verdict}: ${ratio?.toFixed(2)} times nginx, at most ${most} claimed`],
        failures: result.failures(),
        data: result.runs,
      };
    },
  };
}

const words =
  "the a of to and in is it for was on are as with his they at be this from have or by one had not " +
  "but what all were when we there can an your which their said if do will each about how up out " +
  "them then she many some so these would other into has more her two like him see time could no " +
  "make than first been its who now people my made over did down only way find use may water long " +
  "little very after words called just where most know";

/** As compressible as a page: words that follow no order, with marks of a page between them. */
function text(bytes: number): string {
  const list = words.split(" ");
  let seed = 1;
  let page = "";
  while (page.length < bytes) {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    const word = list[(seed >> 8) % list.length] ?? "";
    page += (seed >> 20) % 12 === 0 ? `</p>\n<p class="t${seed % 97}">${word} ` : `${word} `;
  }
  return page.slice(0, bytes);
}
