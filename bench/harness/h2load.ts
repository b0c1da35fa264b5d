// Load over HTTP/2, by h2load of nghttp2: so many streams at once on each connection, as fast as they are answered, or at a fixed
// rate. What it says of latency has no percentiles, so it writes a line for each request and they are counted here.

import { readFileSync, writeFileSync } from "node:fs";
import { within } from "./deadline.ts";
import { firstLineOf } from "./machine.ts";
import type { Stage } from "./stage.ts";
import type { Load, Loaded } from "./wrk.ts";

/** More than one, so that no proxy lives of one busy connection alone; few, as browsers behind one proxy are. */
const defaultConnections = 8;

/** undefined = it is not installed. */
export function h2loadVersion(): string | undefined {
  return firstLineOf("h2load", "--version");
}

let runs = 0;

/** @param load its `streams` are there */
export async function runH2load(stage: Stage, load: Load): Promise<Loaded> {
  const name = `h2load-${++runs}`;
  const times = stage.path(`${name}.times`);
  const [host = ""] = load.hosts;
  const scheme = load.isSecure === true ? "https" : "http";
  const h2load = stage.launch({
    name,
    command: "h2load",
    args: [
      `-c${load.connections ?? defaultConnections}`,
      `-m${load.streams ?? 1}`,
      `-D${load.seconds}`,
      "--connection-inactivity-timeout=10",
      `--log-file=${times}`,
      ...[`:authority: ${host}`, ...(load.headers ?? [])].flatMap((each) => ["-H", each]),
      ...(load.ratePerConnection === undefined ? [] : [`--rps=${load.ratePerConnection}`]),
      ...(load.body === undefined ? [] : ["-d", bodyFile(stage, load.body)]),
      `${scheme}://127.0.0.1:${load.port}${load.path}`,
    ],
    core: load.core ?? "load",
  });
  try {
    await within(load.seconds * 1000 + 30_000, "h2load", h2load.exited);
    return readH2load(h2load.output(), h2load.errors(), readFileSync(times, "latin1"), load);
  } finally {
    await stage.stop(h2load);
  }
}

function bodyFile(stage: Stage, body: Buffer): string {
  const file = stage.path("h2load-body");
  writeFileSync(file, body);
  return file;
}

/** @param times its log: microseconds of the epoch, status, and microseconds that it took, by tabs */
export function readH2load(
  output: string,
  said: string,
  times: string,
  { seconds }: Pick<Load, "seconds">,
): Loaded {
  const took: number[] = [];
  const failed = new Map<string, number>();
  for (const line of times.split("\n")) {
    const [, status = "", micros = ""] = line.split("\t");
    if (status === "") continue;
    if (status === "200") took.push(Number(micros));
    else failed.set(status, (failed.get(status) ?? 0) + 1);
  }
  const sorted = Float64Array.from(took).sort();
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  // What runs when the time is over is given up by h2load, and in none of these.
  const figures = /^requests: .*? (\d+) failed, (\d+) errored, (\d+) timeout$/m.exec(output);
  const protocol = /^Application protocol: (\S+)$/m.exec(output)?.[1];
  const errors = [
    ...[...failed].map(([status, count]) => `status ${status}: ${count}`),
    ...(figures === null ? [`no figures: ${said.trim().slice(-200)}`] : []),
    ...(Number(figures?.[3] ?? 0) > 0 ? [`timeouts: ${figures?.[3]}`] : []),
    ...(took.length === 0 ? ["no request was answered"] : []),
    ...(protocol === "h2" || protocol === "h2c" ? [] : [`it was spoken ${protocol ?? "nothing"}`]),
  ];
  return {
    requests: took.length,
    requestsPerSecond: took.length / seconds,
    p50Micros: at(0.5),
    p99Micros: at(0.99),
    errors: errors.join(", "),
  };
}
