// Claim: with 10,000 routes, a change of one is on the disk and live in both workers within 100 ms, 99 times in
// 100. Changes the store of a real program over its control socket, which answers when both workers have said
// that they serve by it; once with the routes in the store, and once with them in the file. The time is the whole
// question: connection, reading, merging, fsync, publishing, compiling, answer. On a busy machine look at the
// processor time: with both workers at work at once, an idle one takes somewhat less than that.

import { usageOf } from "./harness/usage.ts";
import { change, post, storeConfig, storeStand } from "../test/harness/store-stand.ts";
import type { Tidegate } from "../test/harness/tidegate.ts";

const routeCount = 10_000;
const changes = 200;
const limitMs = 180_000;

const url = (n: number) => `http://10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:8080`;
const names = Array.from({ length: routeCount }, (_, n) => `site-${n}.example.com/app`);

async function inStore(): Promise<void> {
  await using stand = await storeStand({ workers: 2 });
  const items = names.map((name, n) => ({ section: "routes", name, value: url(n) }));
  const all = { format: "tidegate-items-1", items };
  const begun = performance.now();
  const { status } = await post(stand.program, "import", { all, by: "bench" });
  if (status !== 200) throw new Error(`the import was answered ${status}`);
  say("10,000 routes imported at once", `${(performance.now() - begun).toFixed(0)} ms`);
  await measure("routes in the store", stand.program, (n) => names[(n * 7919) % routeCount] ?? "");
}

async function inFile(): Promise<void> {
  const routes = Object.fromEntries(names.map((name, n) => [name, url(n)]));
  await using stand = await storeStand({ workers: 2, config: storeConfig(routes) });
  await measure("routes in the file", stand.program, (n) => `more-${n % 10}.example.com`);
}

async function measure(
  what: string,
  program: Tidegate,
  nameOf: (n: number) => string,
): Promise<void> {
  const times: number[] = [];
  const cpu = usageOf(program.pid).cpuMicros;
  for (let n = 0; n < changes; n++) {
    const begun = performance.now();
    const value = `http://127.0.0.1:${1 + n}`;
    const { status, body } = await change(program, [{ section: "routes", name: nameOf(n), value }]);
    times.push(performance.now() - begun);
    if (status !== 200) throw new Error(JSON.stringify(body));
  }
  const cpuMs = (usageOf(program.pid).cpuMicros - cpu) / 1000 / changes;
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => `${sorted[Math.floor((changes - 1) * share)]?.toFixed(1)} ms`;
  say(`${what}: a change, p50`, at(0.5));
  say(`${what}: a change, p99`, at(0.99));
  say(`${what}: the slowest`, at(1));
  say(`${what}: processor time, all processes`, `${cpuMs.toFixed(1)} ms`);
}

function say(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(48)} ${value.padStart(12)}\n`);
}

const timer = setTimeout(() => {
  process.stderr.write(`not done within ${limitMs} ms\n`);
  process.exit(1);
}, limitMs);
await inStore();
await inFile();
clearTimeout(timer);
