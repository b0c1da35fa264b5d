// The process of a steady load: origin, kept connections and a stream of new ones. It is told what to do by
// messages, answers each with one, and ends with its parent. Started by steady-load.ts.

import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "./client.ts";
import type { LoadOptions, LoadReport } from "./steady-load.ts";
import {
  ask,
  Failed,
  type Failure,
  type LaneKind,
  open,
  type Question,
  slowQuestion,
  smallQuestion,
} from "./steady-lanes.ts";
import { steadyOrigin } from "./steady-origin.ts";

export type Order =
  | { readonly kind: "begin"; readonly port: number; readonly options: Required<LoadOptions> }
  | { readonly kind: "lap" | "report" }
  | { readonly kind: "stop" };

type Target = Extract<Order, { kind: "begin" }>;

/** New connections that wait for an answer; more than any test leaves unanswered. */
const mostWaiting = 1000;
const mostFailuresKept = 200;
const newPerLap = 10;

const origin = await steadyOrigin();
const failures: Failure[] = [];
const running = new Set<Promise<void>>();
/** Uploads that were answered. */
const uploaded = new Set<number>();
const counts = { answered: 0, opened: 0, failed: 0, slowestMs: 0 };
const stopping = new AbortController();
let begun: Target | undefined;

/** Answers to requests begun since: of each kept lane one, and some on new connections. */
interface Lap {
  readonly lanes: Set<number>;
  missing: number;
  readonly done: () => void;
}
let lap: Lap | undefined;

process.on("message", (order: Order) => void obey(order));
process.on("disconnect", () => process.exit());
process.send?.({ port: origin.port });

async function obey(order: Order): Promise<void> {
  if (order.kind === "begin") {
    begun = order;
    for (let lane = 0; lane < order.options.kept; lane += 1) launch(keptLane(order, lane));
    for (let lane = 0; lane < order.options.slow; lane += 1) launch(slowLane(order));
    launch(newConnections(order));
    await nextLap();
  } else if (order.kind === "lap") {
    await nextLap();
  } else if (order.kind === "stop") {
    stopping.abort();
    while (running.size > 0) await Promise.all(running);
    for (const failure of strangeUploads()) record(failure);
  }
  const report: LoadReport = { ...counts, failures };
  process.send?.({ done: order.kind, report });
}

function launch(work: Promise<void>): void {
  running.add(work);
  void work.finally(() => running.delete(work));
}

function nextLap(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const lanes = new Set(Array.from({ length: begun?.options.kept ?? 0 }, (_, lane) => lane));
  lap = { lanes, missing: begun?.options.newPerSecond === 0 ? 0 : newPerLap, done: resolve };
  return promise;
}

/** @param lane number of a kept lane; undefined = a new connection */
function passed(current: Lap | undefined, lane: number | undefined): void {
  if (current === undefined) return;
  if (lane === undefined) current.missing -= 1;
  else current.lanes.delete(lane);
  if (current.missing <= 0 && current.lanes.size === 0) current.done();
}

async function keptLane(target: Target, lane: number): Promise<void> {
  let client: Client | undefined;
  while (!stopping.signal.aborted) {
    const current = lap;
    try {
      // Ended while nothing was asked, which a server may do at any time.
      if (client?.hasEnded === true) client = await dispose(client);
      client ??= await opened(target, "kept");
      const isKept = await timed(client, smallQuestion(false), "kept");
      passed(current, lane);
      if (!isKept) client = await dispose(client);
      await pause(Math.random() * 2 * target.options.pauseMs);
    } catch (error) {
      client = await dispose(client);
      await failed(error);
    }
  }
  await dispose(client);
}

async function slowLane(target: Target): Promise<void> {
  while (!stopping.signal.aborted) {
    await once(target, slowQuestion(target.options.slowMs), "slow");
  }
}

async function newConnections(target: Target): Promise<void> {
  const begin = performance.now();
  let made = 0;
  while (!stopping.signal.aborted) {
    // Whatever happens to those before: people do not wait for each other either.
    const due = ((performance.now() - begin) / 1000) * target.options.newPerSecond;
    for (; made < due; made += 1) {
      if (running.size < mostWaiting) launch(once(target, smallQuestion(true), "new"));
      else
        record({ kind: "timeout", lane: "new", what: `${mostWaiting} connections wait already` });
    }
    await pause(5);
  }
}

/** One request on a connection of its own. */
async function once(target: Target, asked: Question, lane: LaneKind): Promise<void> {
  const current = lap;
  let client: Client | undefined;
  try {
    client = await opened(target, lane);
    await timed(client, asked, lane);
    await client.waitClose();
    if (lane === "new") passed(current, undefined);
  } catch (error) {
    await failed(error);
  } finally {
    await dispose(client);
  }
}

async function opened({ port, options }: Target, lane: LaneKind): Promise<Client> {
  const client = await open(port, lane, options.timeoutMs);
  counts.opened += 1;
  return client;
}

async function timed(client: Client, asked: Question, lane: LaneKind): Promise<boolean> {
  const begin = performance.now();
  const isKept = await ask(client, asked, lane);
  counts.answered += 1;
  if (asked.body.length > 0) uploaded.add(asked.id);
  if (lane !== "slow") counts.slowestMs = Math.max(counts.slowestMs, performance.now() - begin);
  return isKept;
}

async function failed(error: unknown): Promise<void> {
  if (error instanceof Failed) record({ kind: error.kind, lane: error.lane, what: error.what });
  else record({ kind: "closed", lane: "new", what: String(error) });
  await pause(20); // a program that is gone refuses quickly
}

function record(failure: Failure): void {
  counts.failed += 1;
  if (failures.length < mostFailuresKept) failures.push(failure);
}

async function dispose(client: Client | undefined): Promise<undefined> {
  await client?.[Symbol.asyncDispose]();
  return undefined;
}

/** An upload is never sent twice, and none is answered that did not arrive. */
function strangeUploads(): Failure[] {
  const twice = [...origin.arrived].filter(([, times]) => times > 1).map(([id]) => id);
  const never = [...uploaded].filter((id) => !origin.arrived.has(id));
  return [
    ...twice.map((id) => `upload ${id} arrived more than once`),
    ...never.map((id) => `upload ${id} was answered and never arrived`),
  ].map((what) => ({ kind: "wrong", lane: "new", what }));
}
