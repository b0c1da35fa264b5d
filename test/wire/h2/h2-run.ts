// Runs one case once, in one lane. A run returns its problems in words; an empty list is a pass.

import { connect as openSocket } from "node:net";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "../../harness/client.ts";
import { H2Peer } from "../../harness/h2-peer.ts";
import type { Lane, LaneRun } from "../lane.ts";
import { checkStep, compareUpstream } from "../run.ts";
import type { BackendLane, BackendRun } from "./backend-lane.ts";
import type { BackendCase, ClientCase } from "./h2-case.ts";
import { assertAlive, type Cut, leftovers, type Left, playScript } from "./play.ts";

export interface Cutting {
  readonly name: string;
  readonly cut: Cut;
  /** Another stream is tried afterwards. */
  readonly isThorough: boolean;
}

export const uncut: Cutting = { name: "whole", cut: (bytes) => [bytes], isThorough: true };

/** What was asked before the fault was found may still be on its way to the origin; it is not the next run's. */
const straggleMs = 25;

export async function runClientCase(
  each: ClientCase,
  cutting: Cutting,
  lane: Lane,
  port: number,
): Promise<readonly string[]> {
  const strays = lane.strays;
  lane.strays = "";
  const script = each.answers.map((answer) => ({
    ...answer,
    kind: "answer" as const,
    uncut: true,
  }));
  const run = lane.begin(script, (bytes) => [bytes]);
  if (strays !== "") run.problems.push(`bytes after the run before: ${JSON.stringify(strays)}`);
  const socket = openSocket({ port, host: "127.0.0.1", localAddress: run.address });
  const { isWindowManual, isAckManual, isRaw } = each.script;
  const peer = new H2Peer(socket, { role: "client", isWindowManual, isAckManual });
  try {
    await once(socket, "connect");
    if (!isRaw) void peer.greet();
    const left = await playScript(each.script, peer, cutting.cut, run.problems);
    if (left === "open" && cutting.isThorough)
      run.problems.push(...(await assertAlive(peer, "/alive")));
    if (left !== "untold") run.problems.push(...leftovers(peer));
    else run.problems.push(...peer.problems);
    compareOrigin(each, run);
  } catch (error) {
    run.problems.push(error instanceof Error ? error.message : String(error), ...leftovers(peer));
  }
  socket.destroy();
  lane.end();
  const mayStraggle = each.upstream.kind === "any" || each.upstream.kind === "incomplete";
  if (mayStraggle) await pause(straggleMs);
  if (mayStraggle || run.problems.length > 0) await lane.clear();
  if (mayStraggle) lane.strays = "";
  return run.problems;
}

function compareOrigin(each: ClientCase, run: LaneRun): void {
  const isAlive = (line: string) => line === "GET /alive HTTP/1.1";
  const requests = run.requests.filter(({ startLine }) => !isAlive(startLine));
  const hadAlive = requests.length < run.requests.length;
  const isNothing = each.upstream.kind === "nothing";
  const received =
    isNothing && hadAlive ? run.received.replace(/GET \/alive [^]*?\r\n\r\n/, "") : run.received;
  run.problems.push(...compareUpstream(each.upstream, { ...run, requests, received }));
}

export async function runBackendCase(
  each: BackendCase,
  cutting: Cutting,
  lane: BackendLane,
  port: number,
): Promise<readonly string[]> {
  const run = lane.begin(each.connections, cutting.cut);
  const asked: Promise<void>[] = [];
  for (const [index, exchange] of each.exchanges.entries()) {
    if (exchange.isAfter) await Promise.all(asked);
    asked.push(ask(exchange, index, run, port));
  }
  await Promise.all(asked);
  const left = await Promise.all(run.playing);
  if (run.playing.length < each.connections.length)
    run.problems.push(`${run.playing.length} connections instead of ${each.connections.length}`);
  if (cutting.isThorough && run.problems.length === 0) await stillWorks(run, left, port);
  await lane.finish(run, left);
  return run.problems;
}

async function ask(
  { request, response }: BackendCase["exchanges"][number],
  index: number,
  run: BackendRun,
  port: number,
): Promise<void> {
  try {
    // One after another, so that it is known whose stream is which.
    const opened = () =>
      run.peers.reduce(
        (sum, { streams }) =>
          sum + [...streams.values()].filter((s) => s.sections.length > 0).length,
        0,
      );
    for (let waited = 0; opened() < index && waited < 300; waited += 1) await pause(5);
    await using client = await connect(port, { from: run.address, timeoutMs: 4000 });
    await client.send(request);
    const problems = await checkStep(response, client, run);
    run.problems.push(...problems.map((each) => `exchange ${index + 1}: ${each}`));
  } catch (error) {
    run.problems.push(
      `exchange ${index + 1}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** What became of one exchange is nothing to the others of the connection. */
async function stillWorks(run: BackendRun, left: readonly Left[], port: number): Promise<void> {
  const before = run.peers.length;
  try {
    await using client = await connect(port, { from: run.address, timeoutMs: 4000 });
    await client.send("GET /alive HTTP/1.1\r\nHost: a.test\r\n\r\n");
    const { status } = await client.readResponse();
    if (status !== 200) run.problems.push(`afterwards: ${status}`);
    else if (left.at(-1) === "open" && run.peers.length > before)
      run.problems.push("afterwards: the connection was not used again");
  } catch (error) {
    run.problems.push(`afterwards: ${error instanceof Error ? error.message : String(error)}`);
  }
}
