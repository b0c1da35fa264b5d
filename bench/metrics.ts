// Claim: counting a request costs less than a microsecond, all of it together: what its route and its
// service count, and its part of the report that a worker makes each second. And what is counted can be shown: metrics of 2,000
// routes never keep the primary for long. `node bench/metrics.ts` prints the median of seven runs; it takes some seconds.

import { measureLimits } from "../src/config/metrics-limits.ts";
import { Exchange } from "../src/http/exchange.ts";
import { exposition } from "../src/metrics/exposition.ts";
import { MeterBook } from "../src/metrics/meter.ts";
import { Sums } from "../src/metrics/sums.ts";
import { RouteMeter } from "../src/proxy/meter.ts";
import { ServiceTimes } from "../src/upstream/service-times.ts";

const runs = 7;
const requests = 500_000;
const routes = 2000;

/** What counting reads of an exchange. */
function sample(status: number): Exchange {
  const exchange: Exchange = Object.create(Exchange.prototype);
  const request = { bytes: 480 };
  return Object.assign(exchange, {
    ...{ request, status, requestBytes: 0, bodyBytes: 10_240 },
    startedAt: performance.now(),
  });
}

/** Nanoseconds for each request: a thousand a second on each of ten routes, reported each "second". */
function counting(exchange: Exchange): number {
  const book = new MeterBook();
  const sums = new Sums(measureLimits.rowsPerReport);
  const meters = Array.from({ length: 10 }, (_, at) => new RouteMeter(`r${at}.example.com`, book));
  const times = new ServiceTimes();
  const begun = process.hrtime.bigint();
  for (let at = 0; at < requests; at++) {
    const meter = meters[at % meters.length]!;
    meter.begin();
    meter.end(exchange, true);
    times.add(1.2);
    if (at % 10_000 === 0) for (const row of book.take()) sums.add(1, row);
  }
  return Number(process.hrtime.bigint() - begun) / requests;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function measure(name: string, exchange: Exchange): void {
  counting(exchange); // warms up
  const results = Array.from({ length: runs }, () => counting(exchange));
  const low = Math.min(...results);
  const high = Math.max(...results);
  const shown = [median(results), low, high].map((each) => each.toFixed(0).padStart(6));
  console.log(`${name.padEnd(28)} ${shown.join(" ")}`);
}

console.log("counting                     ns per request (median, lowest, highest)");
measure("answered", sample(200));
measure("failed", Object.assign(sample(502), { failure: "CONNECT_REFUSED" as const }));

const sums = new Sums(routes);
for (let at = 0; at < routes; at++) {
  const changes = Array.from({ length: 28 }, (_, cell) => [cell, cell * at + 1]).flat();
  sums.add(1, { kind: "route", labels: [`r${at}.example.com`], changes });
}
let longest = 0;
let last = performance.now();
const timer = setInterval(() => {
  longest = Math.max(longest, performance.now() - last);
  last = performance.now();
}, 1);
for (const round of ["first", "again", "again"]) {
  longest = 0;
  last = performance.now();
  const begun = performance.now();
  const text = await exposition(sums, []);
  const took = performance.now() - begun;
  console.log(
    `metrics of ${routes} routes, ${round}: ${took.toFixed(0)} ms, ${(text.length / 1e6).toFixed(1)} MB, at most ${longest.toFixed(0)} ms at a stretch`,
  );
}
clearInterval(timer);
