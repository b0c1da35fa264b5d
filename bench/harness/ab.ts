// Full handshakes, one for every request: wrk resumes its sessions, ab (of Debian's apache2-utils) never does.

import { within } from "./deadline.ts";
import type { Stage } from "./stage.ts";
import type { Load, Loaded } from "./wrk.ts";

const connections = 64;
/** With a time it would end after 50,000. */
const mostRequests = 10_000_000;

let runs = 0;

/** @param load its host is the address; ab tells times in whole milliseconds */
export async function runAb(stage: Stage, { port, path, seconds }: Load): Promise<Loaded> {
  const bounds = ["-t", String(seconds), "-n", String(mostRequests), "-c", String(connections)];
  const url = `https://127.0.0.1:${port}${path}`;
  const command = { command: "ab", args: ["-q", "-r", ...bounds, url] };
  const ab = stage.launch({ name: `ab-${++runs}`, ...command, core: "load" });
  try {
    await within(seconds * 1000 + 30_000, "ab", ab.exited);
    return read(ab.output(), ab.errors());
  } finally {
    await stage.stop(ab);
  }
}

function read(output: string, said: string): Loaded {
  const figure = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? 0);
  const requests = figure(/^Complete requests: +(\d+)/m);
  const failed = figure(/^Failed requests: +(\d+)/m) + figure(/^Non-2xx responses: +(\d+)/m);
  const isDone = requests > 0 && failed === 0;
  return {
    requests,
    requestsPerSecond: requests / figure(/^Time taken for tests: +([\d.]+)/m),
    p50Micros: figure(/^ +50% +(\d+)/m) * 1000,
    p99Micros: figure(/^ +99% +(\d+)/m) * 1000,
    errors: isDone ? "" : `${failed} failed; ${said.trim() || "no request was answered"}`,
  };
}
