// Claim: of the ways in which two workers can share a port, a SO_REUSEPORT socket for each, held open by their
// parent, is the one that costs nothing per connection, deals fairly, and loses nothing when a worker leaves.
// Prints, for each way, the CPU time of all its processes per short connection, the busiest worker's share of
// short connections and of bursts of 64 long ones (0.50 is fair), and what happened to connections that
// streamed in while workers were replaced, were killed, or were busy for 200 ms: how many were lost (of a
// killed worker's, those it had accepted are), the longest anybody waited, how many were served meanwhile.
// About a minute. docs/decisions/0005-listening.md

import { fork, type ChildProcess } from "node:child_process";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { within } from "./harness/deadline.ts";
import { show, spreadOf } from "./harness/spread.ts";
import { messageOf, ways, type Way } from "./listening-group.ts";

const rounds = 7;
const shortCount = 1500;
const shortAtOnce = 16;
const burst = 64;
const meanwhileAtOnce = 64;
const busyMs = 200;
/** Whoever gets no answer in this time counts as lost. */
const patienceMs = 2000;

interface Group {
  readonly way: Way;
  readonly parent: ChildProcess;
  readonly port: number;
  readonly figures: Figures;
}

class Figures {
  readonly cpuMicros: number[] = [];
  readonly shortShare: number[] = [];
  readonly burstShare: number[] = [];
  readonly replace = new Meanwhile();
  readonly crash = new Meanwhile();
  readonly busy = new Meanwhile();
}

/** What happened to connections while something else did. */
class Meanwhile {
  readonly lost: number[] = [];
  readonly served: number[] = [];
  readonly longestMs: number[] = [];
}

const groups: Group[] = [];
try {
  await within(180_000, "the comparison", main());
} finally {
  // The children end when nobody is there to tell them anything.
  for (const { parent } of groups) parent.disconnect();
}

async function main(): Promise<void> {
  for (const way of ways) groups.push(await start(way));
  for (const group of groups) await stream(group.port, shortCount, shortAtOnce); // warm up
  for (let round = 0; round < rounds; round++) {
    for (const group of groups) {
      await measureShort(group);
      await measureBurst(group);
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const group of groups) {
      await measureMeanwhile(group, "replace", round % 2);
      await measureMeanwhile(group, "crash", round % 2);
      await measureMeanwhile(group, "busy", busyMs);
    }
  }
  for (const group of groups) print(group);
}

async function start(way: Way): Promise<Group> {
  const parent = fork(join(import.meta.dirname, "listening-group.ts"), [way]);
  const port = await messageOf(parent, "port");
  return { way, parent, port, figures: new Figures() };
}

/** Tells the parent, and waits for its answer. */
async function tell(parent: ChildProcess, kind: string, value: number): Promise<number> {
  const answered = messageOf(parent, "done");
  parent.send({ kind, value });
  return answered;
}

// --- clients -----------------------------------------------------------------------------------

interface Asked {
  /** Process id of the worker that answered; 0 = the connection was lost. */
  readonly worker: number;
  readonly ms: number;
  readonly socket: Socket;
}

/** Connects and asks once. The connection stays open. */
function ask(port: number): Promise<Asked> {
  return new Promise((resolve) => {
    const started = performance.now();
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => socket.write("?"));
    const answer = (worker: number): void =>
      resolve({ worker, ms: performance.now() - started, socket });
    socket.on("data", (bytes) => answer(Number(bytes.toString("latin1"))));
    socket.on("error", () => answer(0));
    socket.on("close", () => answer(0));
    socket.setTimeout(patienceMs, () => socket.destroy());
  });
}

/** Short connections, so many at once, until `isEnough`. */
async function stream(port: number, most: number, atOnce: number, isEnough = () => false) {
  const all: Pick<Asked, "worker" | "ms">[] = [];
  let left = most;
  const client = async (): Promise<void> => {
    while (left-- > 0 && !isEnough()) {
      const { socket, worker, ms } = await ask(port);
      socket.destroy();
      all.push({ worker, ms });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  return all;
}

/** The busiest worker's part of all. */
function shareOf(all: readonly { readonly worker: number }[]): number {
  const counts = new Map<number, number>();
  for (const { worker } of all) counts.set(worker, (counts.get(worker) ?? 0) + 1);
  return Math.max(...counts.values()) / all.length;
}

// --- measurements ------------------------------------------------------------------------------

async function measureShort({ parent, port, figures }: Group): Promise<void> {
  const before = await tell(parent, "cpu", 0);
  const all = await stream(port, shortCount, shortAtOnce);
  const used = (await tell(parent, "cpu", 0)) - before;
  figures.cpuMicros.push(used / all.length);
  figures.shortShare.push(shareOf(all));
}

async function measureBurst({ port, figures }: Group): Promise<void> {
  const all = await Promise.all(Array.from({ length: burst }, () => ask(port)));
  for (const { socket } of all) socket.destroy();
  figures.burstShare.push(shareOf(all));
}

/** Something happens while connections stream in. */
async function measureMeanwhile(
  { parent, port, figures }: Group,
  kind: "replace" | "crash" | "busy",
  value: number,
): Promise<void> {
  let isOver = false;
  const streaming = stream(port, Infinity, meanwhileAtOnce, () => isOver);
  try {
    await tell(parent, kind, value);
  } finally {
    isOver = true;
  }
  const all = await streaming;
  const lost = all.filter(({ worker }) => worker === 0).length;
  figures[kind].lost.push(lost);
  figures[kind].served.push(all.length - lost);
  figures[kind].longestMs.push(Math.max(...all.map(({ ms }) => ms)));
}

function print({ way, figures }: Group): void {
  const { cpuMicros, shortShare, burstShare, replace, crash, busy } = figures;
  const lost = (of: Meanwhile): string => `${of.lost.reduce((sum, each) => sum + each, 0)} in all`;
  const lines = [
    way,
    `  CPU us per connection        ${show(spreadOf(cpuMicros), 1)}`,
    `  share, short connections     ${show(spreadOf(shortShare), 2)}`,
    `  share, burst of ${burst}           ${show(spreadOf(burstShare), 2)}`,
    `  lost in ${rounds} replacements       ${lost(replace)}`,
    `  longest wait meanwhile, ms   ${show(spreadOf(replace.longestMs), 0)}`,
    `  lost in ${rounds} crashes            ${lost(crash)}`,
    `  longest wait meanwhile, ms   ${show(spreadOf(crash.longestMs), 0)}`,
    `  served while one is busy     ${show(spreadOf(busy.served), 0)}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
