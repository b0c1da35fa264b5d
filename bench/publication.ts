// Claim: a snapshot of 10,000 routes is live in four workers within 300 ms, and when one route changes only that
// is sent and compiled; and a route with its service takes less than 4 kB of each worker, or it exits with 1.
// Prints what each step costs. Workers are real processes; "at once" is the time from the snapshot to the last
// worker's "live", with all four sharing the machine's cores. Every round begins with new processes, whose code
// nothing has warmed up. On a busy machine look at the processor time: divided by the cores it is what an idle
// one would take.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readConfig } from "../src/config/read.ts";
import type { Snapshot } from "../src/config/snapshot.ts";
import { Tally } from "../src/lib/tally.ts";
import { Wheel } from "../src/lib/wheel.ts";
import { assemble } from "../src/process/assembly.ts";
import { Publisher } from "../src/process/publication.ts";
import type { Publication } from "../src/process/sent.ts";
import { Destinations } from "../src/proxy/destinations.ts";
import { Live } from "../src/proxy/live.ts";
import { Caps } from "../src/upstream/caps.ts";

const routeCount = 10_000;
const workerCount = 4;
const rounds = 3;
const changes = 5;
const limitMs = 90_000;
const mostPerRoute = 4096;

interface Done {
  readonly version: number;
  readonly assembleMs: number;
  readonly compileMs: number;
  /** All since the last one, receiving included. */
  readonly cpuMs: number;
}

function text(change: number): string {
  const lines = Array.from({ length: routeCount }, (_, n) => {
    const port = n === routeCount / 2 ? 8080 + change : 8080;
    return `  site-${n}.example.com/app: http://10.0.${n >> 8}.${n & 255}:${port}`;
  });
  // A line more at the top: all other routes are written somewhere else then.
  return `${"\n".repeat(change)}routes:\n${lines.join("\n")}\n`;
}

function snapshots(): readonly Snapshot[] {
  return Array.from({ length: changes + 1 }, (_, change) => {
    const { snapshot, problems } = readConfig(text(change), { file: "b.yaml", baseFolder: "/" });
    if (snapshot === undefined) throw new Error(problems[0]?.message);
    return { ...snapshot, version: change + 1 };
  });
}

/** What a worker process does with a publication, without listeners. */
function work(): void {
  const nothing = (): undefined => undefined;
  const wheel = new Wheel(50);
  const destinations = new Destinations({
    wheel,
    caps: new Caps(new Tally()),
    onMark: nothing,
    onSession: nothing,
    onWanted: nothing,
  });
  const options = { destinations, wheel, onProblem: nothing };
  let live: Live | undefined;
  const empty = heapUsed();
  let cpu = process.cpuUsage();
  process.on("disconnect", () => process.exit());
  process.on("message", (publication: Publication) => {
    const begun = performance.now();
    const snapshot = assemble(live?.snapshot, publication);
    const assembled = performance.now();
    live = new Live(snapshot, live, options);
    const compiled = performance.now();
    const { user, system } = process.cpuUsage(cpu);
    const done: Done = {
      version: snapshot.version,
      assembleMs: assembled - begun,
      compileMs: compiled - assembled,
      cpuMs: (user + system) / 1000,
    };
    process.send?.(done);
    cpu = process.cpuUsage();
  });
  process.on("SIGUSR2", () => process.send?.(heapUsed() - empty));
}

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

async function answerOf<T>(worker: ChildProcess): Promise<T> {
  const [answer]: T[] = await once(worker, "message");
  if (answer === undefined) throw new Error("a worker said nothing");
  return answer;
}

interface Figures {
  readonly lastLiveMs: number;
  /** Of all processes. */
  readonly cpuMs: number;
  readonly dones: readonly Done[];
}

async function publish(
  publisher: Publisher,
  snapshot: Snapshot,
  base: number | undefined,
  workers: readonly ChildProcess[],
): Promise<Figures> {
  const answers = Promise.all(workers.map(answerOf<Done>));
  const cpu = process.cpuUsage();
  const begun = performance.now();
  publisher.take(snapshot);
  for (const worker of workers) worker.send(publisher.publicationFor(base));
  const dones = await answers;
  const lastLiveMs = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  const cpuMs = dones.reduce((sum, each) => sum + each.cpuMs, (user + system) / 1000);
  return { lastLiveMs, cpuMs, dones };
}

async function startWorkers(): Promise<readonly ChildProcess[]> {
  const workers = Array.from({ length: workerCount }, () => {
    return fork(import.meta.filename, ["worker"], {
      serialization: "advanced",
      execArgv: ["--expose-gc"],
    });
  });
  // It answers when its code is loaded.
  await Promise.all(workers.map((each) => once(each, "message")));
  return workers;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function say(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(64)} ${value.padStart(12)}\n`);
}

const ms = (values: readonly number[]): string => `${median(values).toFixed(1)} ms`;

function tell(what: string, figures: readonly Figures[]): void {
  const dones = figures.flatMap((each) => each.dones);
  say(
    `${what}: to the last "live", ${workerCount} workers at once`,
    ms(figures.map((each) => each.lastLiveMs)),
  );
  say(`${what}: parsing in a worker`, ms(dones.map((each) => each.assembleMs)));
  say(`${what}: compiling in a worker`, ms(dones.map((each) => each.compileMs)));
  say(
    `${what}: processor time of a worker, receiving included`,
    ms(dones.map((each) => each.cpuMs)),
  );
  say(`${what}: processor time of all five processes`, ms(figures.map((each) => each.cpuMs)));
}

function tellPrimary(all: readonly Snapshot[]): void {
  const publisher = new Publisher();
  const take: number[] = [];
  for (const each of all) {
    const begun = performance.now();
    publisher.take(each);
    publisher.publicationFor(each.version - 1);
    take.push(performance.now() - begun);
  }
  say("building a publication, primary", ms(take));
  const complete = publisher.publicationFor(undefined).text.length;
  say("sent to each worker, complete", `${(complete / 1e6).toFixed(2)} MB`);
  const changed = publisher.publicationFor(all.length - 1).text.length;
  say("sent to each worker, one route changed", `${changed} bytes`);
}

async function main(): Promise<void> {
  const timer = setTimeout(() => {
    process.stderr.write(`not done within ${limitMs} ms\n`);
    process.exit(1);
  }, limitMs);
  const all = snapshots();
  tellPrimary(all);
  const complete: Figures[] = [];
  const differences: Figures[] = [];
  const heap: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const workers = await startWorkers();
    const publisher = new Publisher();
    for (const [index, snapshot] of all.entries()) {
      const base = index === 0 ? undefined : index;
      const figures = await publish(publisher, snapshot, base, workers);
      (index === 0 ? complete : differences).push(figures);
    }
    for (const worker of workers) {
      const answer = answerOf<number>(worker);
      worker.kill("SIGUSR2");
      heap.push((await answer) / routeCount);
    }
    const ends = workers.map((each) => once(each, "exit"));
    for (const worker of workers) worker.disconnect();
    await Promise.all(ends);
  }
  tell("complete", complete);
  tell("one route changed", differences);
  const perRoute = median(heap);
  say("a worker's heap for one route with its service", `${perRoute.toFixed(0)} bytes`);
  if (perRoute >= mostPerRoute) process.exitCode = 1;
  clearTimeout(timer);
}

if (process.argv[2] === "worker") {
  work();
  process.send?.("ready");
} else await main();
