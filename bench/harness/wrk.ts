// Runs the load generator once and reads its figures. A small script makes wrk print them as one line
// of integers, so nothing here parses the text meant for people.

import { writeFileSync } from "node:fs";
import { within } from "./deadline.ts";
import type { Core } from "./machine.ts";
import type { Stage } from "./stage.ts";

export interface Load {
  readonly port: number;
  readonly path: string;
  readonly seconds: number;
  /** One request after the other goes to the next of these hosts. */
  readonly hosts: readonly string[];
  /** At once; 64 by default. */
  readonly connections?: number;
  /** Further fields, `Name: value`. */
  readonly headers?: readonly string[];
  /** Ask for the connection to be closed after each answer. */
  readonly closes?: boolean;
  /** Over TLS. With `closes` sessions are resumed. */
  readonly isSecure?: boolean;
  /** Every connection begins with a full handshake. */
  readonly isFresh?: boolean;
  /** Over HTTP/2 by h2load, with so many streams at once on each connection; without it over HTTP/1.1. */
  readonly streams?: number;
  /** Of HTTP/2: as many requests a second and no more; without it as many as are answered. */
  readonly ratePerConnection?: number;
  /** Of HTTP/2: what is posted; without it GET. */
  readonly body?: Buffer;
  /** Where wrk runs; without it on the core of the load. */
  readonly core?: Core;
}

export interface Loaded {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** Connect, read, write and status errors and timeouts; a run with any of them is no measurement. */
  readonly errors: string;
}

const defaultConnections = 64;

const report = `
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("bench %d %d %d %d connect=%d read=%d write=%d status=%d timeout=%d\\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.status, e.timeout))
end
`;

let runs = 0;

export async function runWrk(stage: Stage, load: Load): Promise<Loaded> {
  const name = `wrk-${++runs}`;
  const script = stage.path(`${name}.lua`);
  writeFileSync(script, report + rotation(load));
  const [host = ""] = load.hosts;
  const headers = [
    "-H",
    `Host: ${host}`,
    ...(load.closes === true ? ["-H", "Connection: close"] : []),
    ...(load.headers ?? []).flatMap((each) => ["-H", each]),
  ];
  const wrk = stage.launch({
    name,
    command: "wrk",
    args: [
      "-t1",
      `-c${load.connections ?? defaultConnections}`,
      `-d${load.seconds}s`,
      "--timeout",
      "10s",
      "-s",
      script,
      ...headers,
      `${load.isSecure === true ? "https" : "http"}://127.0.0.1:${load.port}${load.path}`,
    ],
    core: load.core ?? "load",
  });
  try {
    await within(load.seconds * 1000 + 30_000, "wrk", wrk.exited);
    return read(wrk.output(), wrk.errors());
  } finally {
    await stage.stop(wrk);
  }
}

// Requests are made before the run, and only if there is more than one: otherwise wrk sends the same
// bytes again without calling a script.
function rotation({ hosts, path }: Load): string {
  if (hosts.length < 2) return "";
  return `
local hosts = { ${hosts.map((host) => `"${host}"`).join(", ")} }
local requests, index = {}, 0
init = function()
  for n, host in ipairs(hosts) do requests[n] = wrk.format("GET", "${path}", { Host = host }) end
end
request = function()
  index = index % #requests + 1
  return requests[index]
end
`;
}

function read(output: string, errors: string): Loaded {
  const line = /^bench (\d+) (\d+) (\d+) (\d+) (.*)$/m.exec(output);
  if (line === null) throw new Error(`wrk gave no figures: ${output}${errors}`);
  const [requests = 0, micros = 0, p50Micros = 0, p99Micros = 0] = line.slice(1, 5).map(Number);
  const failed = (line[5] ?? "").split(" ").filter((each) => !each.endsWith("=0"));
  if (requests === 0) failed.push("no request was answered");
  return {
    requests,
    requestsPerSecond: (requests / micros) * 1e6,
    p50Micros,
    p99Micros,
    errors: failed.join(" "),
  };
}
