// Guards: what a request costs in CPU, side by side with other proxies in one session. Workloads that
// differ only in what is asked for and of whom: an origin, files, a program; and short ones of ours
// and nginx, which prove that the bench runs and judge nothing. Those of files and programs: `files.ts`,
// those of HTTP/2: `http2.ts`.

import { type Compared, type Contender, compare } from "../harness/compare.ts";
import { h2loadVersion } from "../harness/h2load.ts";
import { type NginxOrigin, type Origin, startOrigin } from "../harness/origin.ts";
import { phpFpm, siteOf, startPhp } from "../harness/site.ts";
import { Stage } from "../harness/stage.ts";
import type { Load } from "../harness/wrk.ts";
import { type Peer, start } from "../peers/peer.ts";
import { peers, securePeers } from "../peers/registry.ts";
import type { Context, Result, Workload } from "./workload.ts";

interface Shape {
  readonly name: string;
  readonly claim: string;
  readonly path: `/${string}`;
  /** The peers lead to a php-fpm. */
  readonly hasProgram?: boolean;
  /** Instead of the usual origin, given that one. */
  origin?(stage: Stage, usual: NginxOrigin): Origin | Promise<Origin>;
  readonly closes?: boolean;
  readonly isFresh?: boolean;
  /** Further words for the load. */
  readonly load?: Partial<Load>;
  /** Until all of the code that it takes is compiled; 2 where nothing is said. */
  readonly warmUpSeconds?: number;
  /** Instead of all. */
  readonly peers?: readonly Peer[];
  /** At most this often the CPU of nginx. */
  readonly mostToNginx?: number;
  readonly mostToHaproxy?: number;
  /** At least this part of what nginx answers in a second. */
  readonly leastSpeedToNginx?: number;
  /** What ratios in the table are formed to; nginx by default. */
  readonly yardstick?: string;
  /** Caddy and http-proxy-3 cost at least this many times ours. */
  readonly leastToSlow?: number;
  /** Fixed instead of what the command line says. */
  readonly fixed?: Partial<Context> & { readonly warmUpSeconds: number };
}

export const small = throughput({
  name: "small",
  claim:
    "128-byte answers, 64 keep-alive connections: at most 1.3 times nginx's CPU per request, " +
    "at least 4 times cheaper than Caddy and http-proxy-3",
  path: "/small",
  mostToNginx: 1.3,
  leastToSlow: 4,
});

export const medium = throughput({
  name: "medium",
  claim: "10 kB answers, 64 keep-alive connections: at most 1.2 times nginx's CPU per request",
  path: "/medium",
  mostToNginx: 1.2,
});

export const large = throughput({
  name: "large",
  claim: "1 MB answers, 64 keep-alive connections: what passing a body on costs (no limit claimed)",
  path: "/large",
});

export const connections = throughput({
  name: "connections",
  claim: "a new client connection for every request: at most twice nginx's CPU",
  path: "/small",
  closes: true,
  mostToNginx: 2,
});

export const tls = throughput({
  name: "tls",
  claim:
    "128-byte answers over 64 kept connections with TLS 1.3: at most 1.3 times nginx's CPU per request",
  path: "/small",
  peers: securePeers,
  mostToNginx: 1.3,
});

export const handshakes = throughput({
  name: "handshakes",
  claim: "a full handshake (TLS 1.3, ECDSA P-256) for every request: at most 1.3 times nginx's CPU",
  path: "/small",
  isFresh: true,
  warmUpSeconds: 8,
  peers: securePeers,
  mostToNginx: 1.3,
});

export const resumptions = throughput({
  name: "resumptions",
  claim:
    "a session of TLS 1.3 resumed for every request: what it costs beside nginx (no limit claimed)",
  path: "/small",
  closes: true,
  warmUpSeconds: 8,
  peers: securePeers,
});

/** For what only proves that the bench runs. */
export const short = { warmUpSeconds: 1, seconds: 2, rounds: 2, only: ["tidegate", "nginx"] };
export const unjudged = "the bench itself runs; too short to say anything about speed";

export const smoke = throughput({
  name: "smoke",
  claim: unjudged,
  path: "/small",
  fixed: short,
});

export function throughput(shape: Shape): Workload {
  return {
    name: shape.name,
    claim: shape.claim,
    limitMs: ({ seconds, rounds }) => 240_000 + peers.length * rounds * (seconds + 2) * 1000,
    async run(asked) {
      const context = { ...asked, ...shape.fixed };
      const { say } = context;
      const { yardstick = "nginx" } = shape;
      await using stage = new Stage();
      const usual = await startOrigin(stage);
      const origin = (await shape.origin?.(stage, usual)) ?? usual;
      if (shape.load?.streams !== undefined && h2loadVersion() === undefined) {
        return without("h2load is not installed: skipped");
      }
      if (shape.hasProgram === true) {
        const command = phpFpm();
        if (command === undefined) return without("php-fpm is not installed: skipped");
        siteOf(stage);
        await startPhp(stage, command);
      }
      const { contenders, skipped, broken } = await line(stage, origin, shape, context);
      if (contenders.length === 0) throw new Error(["nothing to measure", ...broken].join("; "));
      const result = await compare(
        stage,
        contenders,
        shape.fixed?.warmUpSeconds ?? shape.warmUpSeconds ?? 2,
        say,
      );
      return {
        columns: result.columns(yardstick),
        rows: result.rows(yardstick),
        notes: [...judge(shape, result), ...skipped],
        failures: [...broken, ...result.failures()],
        data: result.runs,
      };
    },
  };
}

function without(why: string): Result {
  return { columns: ["proxy"], rows: [], notes: [why], failures: [], data: [] };
}

/** Starts who is asked for and installed; a peer that does not start is a failure, not an end. */
async function line(stage: Stage, origin: Origin, shape: Shape, context: Context) {
  const contenders: Contender[] = [];
  const skipped: string[] = [];
  const broken: string[] = [];
  for (const peer of shape.peers ?? peers) {
    const { name } = peer;
    if (context.only.length > 0 && !context.only.includes(name)) continue;
    if (peer.version() === undefined) {
      // Without ourselves there is nothing to compare, so that is no reason to be content.
      (name === "tidegate" ? broken : skipped).push(`${name}: not installed, skipped`);
      continue;
    }
    try {
      const running = await start(peer, stage, origin);
      const isMain = name === "tidegate" || name === "nginx";
      const { path, closes = false, isFresh = false } = shape;
      const { isSecure = false } = peer;
      const { seconds } = context;
      const load = {
        port: running.port,
        path,
        seconds,
        hosts: ["h00000.bench.test"],
        closes,
        isSecure,
        isFresh,
        ...shape.load,
      };
      contenders.push({
        running,
        load,
        rounds: isMain ? context.rounds : Math.min(3, context.rounds),
      });
    } catch (error) {
      broken.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { contenders, skipped, broken };
}

function judge(shape: Shape, result: Compared): string[] {
  const { mostToNginx, mostToHaproxy, leastSpeedToNginx, leastToSlow } = shape;
  const notes: string[] = [];
  for (const [other, most] of [
    ["nginx", mostToNginx],
    ["haproxy", mostToHaproxy],
  ] as const) {
    const ratio = result.ratio("tidegate", other)?.median;
    if (most === undefined || ratio === undefined) continue;
    const verdict = ratio <= most ? "held" : "MISSED";
    notes.push(`${verdict}: ${ratio.toFixed(2)} times ${other}, at most ${most} claimed`);
  }
  const speed = result.speed("tidegate", "nginx")?.median;
  if (leastSpeedToNginx !== undefined && speed !== undefined) {
    const verdict = speed >= leastSpeedToNginx ? "held" : "MISSED";
    const claimed = `at least ${leastSpeedToNginx.toFixed(2)} claimed`;
    notes.push(`${verdict}: ${speed.toFixed(2)} times what nginx answers in a second, ${claimed}`);
  }
  for (const slow of leastToSlow === undefined ? [] : ["caddy", "http-proxy-3"]) {
    const times = result.ratio(slow, "tidegate")?.median;
    if (times === undefined || leastToSlow === undefined) continue;
    const verdict = times >= leastToSlow ? "held" : "MISSED";
    notes.push(
      `${verdict}: ${slow} costs ${times.toFixed(2)} times ours, at least ${leastToSlow} claimed`,
    );
  }
  return notes;
}
