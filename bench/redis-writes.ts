// Claims, with 10,000 of Hipache's lists in a real Redis and two workers: a list that is pushed is served by both workers within
// 100 ms, 99 times in 100, pushed one by one; and a thousand writes a second make the 99th percentile of other requests no more than 1.2 times what it is
// without. Requests come one after the other on connections that are kept, far from full load: what a
// user waits for, not how fast a queue moves. Quiet rounds and rounds with writes take turns.

import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "@redis/client";
import { requestText } from "../test/harness/ask.ts";
import { type Client, connect } from "../test/harness/client.ts";
import { hipacheStand } from "../test/harness/hipache.ts";
import { usageOf } from "./harness/usage.ts";

const lists = 10_000;
const pushes = 60;
const rounds = 4;
const roundMs = 10_000;
const writesPerSecond = 1000;
const asking = 4;
const limitMs = 300_000;

const timer = setTimeout(() => {
  process.stderr.write(`not done within ${limitMs} ms\n`);
  process.exit(1);
}, limitMs);

await using stand = await hipacheStand();
const origin = await stand.origin(201);
const script = `for i = 1, tonumber(ARGV[1]) do redis.call('RPUSH', 'frontend:bulk' .. i .. '.test', 'bulk', ARGV[2]) end return 1`;
await stand.redis.cli("EVAL", script, "0", String(lists), origin.url);
const redis = createClient({ url: stand.redis.url });
await redis.connect();
await using stack = new AsyncDisposableStack();
const clients: Client[] = [];
// So many that each worker has some.
for (let n = 0; n < asking; n++) {
  clients.push(stack.use(await connect(stand.program.port(), { timeoutMs: 20_000 })));
}
await Promise.all(clients.map((each) => served(each, `bulk${lists}.test`)));
await pushed();
await disturbed();
redis.destroy();
clearTimeout(timer);

async function served(client: Client, name: string): Promise<void> {
  while ((await ask(client, name)) !== 201) await pause(2);
}

async function ask(client: Client, name: string): Promise<number> {
  await client.send(requestText({ name }));
  return (await client.readResponse()).status;
}

/** From the first byte of an RPUSH until every connection was answered by it. */
async function pushed(): Promise<void> {
  const times: number[] = [];
  const cpu = usageOf(stand.program.pid).cpuMicros;
  for (let n = 0; n < pushes; n++) {
    const name = `new${n}.test`;
    const begun = performance.now();
    await redis.rPush(`frontend:${name}`, ["new", origin.url]);
    await Promise.all(clients.map((each) => served(each, name)));
    times.push(performance.now() - begun);
    // One by one: a flood is taken together.
    await pause(200);
  }
  const cpuMs = (usageOf(stand.program.pid).cpuMicros - cpu) / 1000 / pushes;
  say("RPUSH until both workers serve it, p50", ms(quantile(times, 0.5)));
  say("RPUSH until both workers serve it, p99", ms(quantile(times, 0.99)));
  say("processor time, all processes, asking included", ms(cpuMs));
}

async function disturbed(): Promise<void> {
  const quiet: number[] = [];
  const busy: number[] = [];
  for (let round = 0; round < rounds; round++) {
    quiet.push(quantile(await waits(), 0.99));
    const writing = new AbortController();
    const written = write(writing.signal);
    await pause(4000); // the first ones are served at once; what is measured is a flood that goes on
    busy.push(quantile(await waits(), 0.99));
    writing.abort();
    say(`round ${round + 1}: writes/s`, String(Math.round(await written)));
    await pause(1000); // what was written last is served
  }
  const ratios = busy.map((each, n) => each / (quiet[n] ?? each));
  say("p99 of a request without writes, median", ms(quantile(quiet, 0.5)));
  say(`p99 with ${writesPerSecond} writes/s, median`, ms(quantile(busy, 0.5)));
  say("ratio, median of the rounds", quantile(ratios, 0.5).toFixed(2));
}

async function waits(): Promise<number[]> {
  const end = performance.now() + roundMs;
  const times: number[] = [];
  const one = async (client: Client, offset: number) => {
    for (let n = offset; performance.now() < end; n += asking) {
      const begun = performance.now();
      await ask(client, `bulk${1 + (n % lists)}.test`);
      times.push(performance.now() - begun);
      await pause(5);
    }
  };
  await Promise.all(clients.map(one));
  return times;
}

/** Lists that grow and go: each write changes what is served. @returns how many in a second */
async function write(signal: AbortSignal): Promise<number> {
  const begun = performance.now();
  let written = 0;
  while (!signal.aborted) {
    const due = ((performance.now() - begun) / 1000) * writesPerSecond;
    for (; written < due; written++) {
      const key = `frontend:w${written % 500}.test`;
      void (written % 1000 < 500 ? redis.rPush(key, ["w", origin.url]) : redis.del(key));
    }
    await pause(5);
  }
  return (written / (performance.now() - begun)) * 1000;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function say(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(48)} ${value.padStart(12)}\n`);
}
