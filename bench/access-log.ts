// Claim: a line of the combined access log costs the main thread less than a microsecond, escaping
// included, so the log may be on by default. `node bench/access-log.ts` prints the median of seven
// runs per format, written to a real file; it takes about five seconds.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAccessLog, type LogEntry } from "../src/proxy/access-log.ts";

const linesPerRun = 50_000;
const runs = 7;

// Fields of a real request are slices of its head, which cost more to read than strings of their own.
const head = Buffer.from(
  "GET /static/img/logo.png?v=12 HTTP/1.1\r\n" +
    "https://www.example.com/articles/2026/11/tides\r\n" +
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n",
).toString("latin1");
const [first = 0, second = 0] = Array.from(head.matchAll(/\r\n/g), ({ index }) => index);

const entry: LogEntry = {
  remoteAddress: "192.0.2.7",
  authorization: undefined,
  timeMs: Date.now(),
  requestLine: head.slice(0, first),
  method: "GET",
  target: head.slice(4, first - 9),
  version: "HTTP/1.1",
  host: "www.example.com",
  referer: head.slice(first + 2, second),
  userAgent: head.slice(second + 2, -2),
  requestBytes: 480,
  status: 200,
  bodyBytes: 10_240,
  durationMs: 1.234,
  backendMs: 0.987,
  attempts: 1,
  routeName: "www.example.com",
  site: "",
  serviceName: "web",
  backendUrl: "http://127.0.0.1:3000",
  failure: "",
};

const cases: readonly [name: string, format: string, entry: LogEntry][] = [
  ["combined", "combined", entry],
  ["combined, escaped", "combined", { ...entry, userAgent: `${entry.userAgent}"` }],
  ["json", "json", entry],
  ["template", "$remote_addr $status $request_time $request $route", entry],
];

const folder = mkdtempSync(join(tmpdir(), "tidegate-bench-log-"));
try {
  console.log("format               ns per line (median, lowest, highest)");
  for (const [name, format, sample] of cases) {
    const results: number[] = [];
    for (let run = -1; run < runs; run++) {
      const result = await measure(format, sample);
      if (run >= 0) results.push(result); // the first one only warms up
    }
    results.sort((a, b) => a - b);
    const shown = [results[runs >> 1], results[0], results.at(-1)].map((each) =>
      (each ?? Number.NaN).toFixed(0).padStart(6),
    );
    console.log(`${name.padEnd(20)} ${shown.join(" ")}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** Nanoseconds of the main thread per line; the writing itself happens in another thread. */
async function measure(format: string, sample: LogEntry): Promise<number> {
  const settings = { enabled: true, format, path: join(folder, "access.log") };
  const log = createAccessLog(settings, (message) => console.error(message), {
    queueBytes: 64 * 1024 * 1024, // nothing is to be dropped while this loop never yields
  });
  const begin = process.hrtime.bigint();
  for (let count = 0; count < linesPerRun; count++) log.write(sample);
  const spent = Number(process.hrtime.bigint() - begin);
  await log.close();
  return spent / linesPerRun;
}
