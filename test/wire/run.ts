// Runs one case once, in one lane: plays the client's part, then compares what both sides saw. A run
// returns its problems in words; an empty list is a pass.

import { type Client, connect } from "../harness/client.ts";
import { type HeaderList, type Message, readMessage, valuesOf } from "../harness/message.ts";
import type { ClientStep, Pattern, Upstream, WireCase } from "./case.ts";
import type { Lane, LaneRun } from "./lane.ts";

/** How the bytes of one run are cut into segments. */
export interface Cutting {
  readonly name: string;
  /** Segments of the n-th `request` block. */
  readonly request: (bytes: string, index: number) => readonly string[];
  readonly answer: (bytes: string) => readonly string[];
}

export interface RunResult {
  readonly address: string;
  readonly problems: readonly string[];
}

/** Whose run it is. */
type Who = Pick<LaneRun, "address" | "lane">;

const timeoutMs = 4000;
const whole = (bytes: string): readonly string[] => [bytes];

export const uncut: Cutting = { name: "whole", request: whole, answer: whole };

export async function runCase(
  wireCase: WireCase,
  cutting: Cutting,
  lane: Lane,
  port: number,
): Promise<RunResult> {
  const stray = lane.strays;
  lane.strays = "";
  const run = lane.begin(wireCase.origin, cutting.answer);
  if (stray !== "") run.problems.push(`bytes after the run before: ${JSON.stringify(stray)}`);
  try {
    await using client = await connect(port, { from: run.address, timeoutMs });
    await playClient(wireCase.client, cutting, client, run);
    await finish(wireCase.client.at(-1), client);
    run.problems.push(...compareUpstream(wireCase.upstream, run));
  } catch (error) {
    run.problems.push(error instanceof Error ? error.message : String(error));
  }
  lane.end();
  if (run.problems.length > 0) await lane.clear();
  return { address: run.address, problems: run.problems };
}

async function playClient(
  steps: readonly ClientStep[],
  cutting: Cutting,
  client: Client,
  run: LaneRun,
): Promise<void> {
  let sent = 0;
  for (const step of steps) {
    if (step.kind === "send") {
      const bytes = step.bytes.replaceAll("<lane>", String(run.lane));
      await client.sendParts(cutting.request(bytes, sent));
      sent += 1;
    } else {
      run.problems.push(...(await checkStep(step, client, run)));
    }
  }
}

export async function checkStep(
  step: Exclude<ClientStep, { kind: "send" }>,
  client: Client,
  run: Who,
): Promise<string[]> {
  switch (step.kind) {
    case "closed":
      return sameText("bytes before the close", await client.readToEnd(), "");
    case "raw":
      return sameText("bytes", await client.readBytes(step.bytes.length), step.bytes);
    case "truncated":
      return checkTruncated(step, client);
    case "response": {
      const response = await client.readResponse({ method: step.method });
      return compareMessage(step.expected, response, run, "response");
    }
    case "status": {
      const response = await client.readResponse();
      return checkStatus(step, response);
    }
  }
}

function checkStatus(step: Extract<ClientStep, { kind: "status" }>, response: Message): string[] {
  const status = Number(response.startLine.split(" ")[1]);
  const problems: string[] = [];
  if (!step.statuses.includes(status)) {
    problems.push(`expected status ${step.statuses.join(" or ")}, got ${response.startLine}`);
  }
  if (!step.closed) return problems;
  const [connection] = valuesOf(response.headers, "connection");
  if (connection !== "close")
    problems.push(`expected Connection: close, got ${connection ?? "none"}`);
  return problems;
}

async function checkTruncated(
  step: Extract<ClientStep, { kind: "truncated" }>,
  client: Client,
): Promise<string[]> {
  await client.waitHeadOrClose();
  if (step.instead !== undefined && client.pending.startsWith(`HTTP/1.1 ${step.instead} `)) {
    await client.readResponse();
    client.end();
    return sameText("bytes after the answer", await client.readToEnd(), "");
  }
  const text = await client.readToEnd();
  if (!text.startsWith(`HTTP/1.1 ${step.status} `) || !text.includes("\r\n\r\n")) {
    return [`expected the head of a ${step.status} answer, got ${JSON.stringify(text)}`];
  }
  const { kind } = readMessage(text, { kind: "response" });
  return kind === "message" ? ["the answer looks complete"] : [];
}

/** Either the proxy closes, as the case says, or it is at rest and closes because we do. */
async function finish(last: ClientStep | undefined, client: Client): Promise<void> {
  if (last === undefined || last.kind === "send")
    throw new Error("a case must end with a response");
  const closes = "closed" in last ? last.closed : true;
  if (!closes) {
    const mayClose = last.kind === "raw" || (last.kind === "response" && last.either);
    if (client.hasEnded && !mayClose) throw new Error("the connection was not kept open");
    client.end();
  }
  const rest = await client.readToEnd();
  if (rest !== "") throw new Error(`unexpected bytes at the end: ${JSON.stringify(rest)}`);
}

export function compareUpstream(expected: Upstream, run: LaneRun): string[] {
  const received = JSON.stringify(run.received);
  switch (expected.kind) {
    case "any":
      return [];
    case "nothing":
      return run.received === "" ? [] : [`the origin should get nothing, but got ${received}`];
    case "incomplete":
      return run.requests.length === 0 ? [] : [`the origin got a whole request: ${received}`];
    case "requests": {
      const { patterns } = expected;
      if (patterns.length !== run.requests.length) {
        return [`the origin should get ${patterns.length} requests, but got ${received}`];
      }
      return patterns.flatMap((pattern, index) => {
        const request = run.requests[index];
        return request === undefined ? [] : compareMessage(pattern, request, run, "upstream");
      });
    }
  }
}

/** Fields a proxy adds; a case that cares names them. */
const added = new Set([
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-server",
  "x-forwarded-protocol",
  "x-real-ip",
]);

function compareMessage(
  expected: Pattern,
  actual: Message,
  run: Who,
  side: "upstream" | "response",
): string[] {
  const problems: string[] = [];
  const line = actual.startLine;
  const isShort = /^HTTP\/1\.\d \d{3}$/.test(expected.startLine);
  if (line !== expected.startLine && !(isShort && line.startsWith(`${expected.startLine} `))) {
    problems.push(`${side}: expected ${expected.startLine}, got ${line}`);
  }
  problems.push(...compareFields(expected.headers, actual.headers, run, side));
  problems.push(...compareFields(expected.trailers, actual.trailers, run, `${side} trailers`));
  for (const name of expected.absent) {
    const values = [...valuesOf(actual.headers, name), ...valuesOf(actual.trailers, name)];
    if (values.length > 0)
      problems.push(`${side}: ${name} should be absent, got ${values.join(", ")}`);
  }
  if (side === "upstream" && !expected.open) problems.push(...unexpected(expected, actual));
  const body = expected.body ?? (side === "upstream" && !expected.open ? "" : undefined);
  if (body !== undefined) problems.push(...sameText(`${side} body`, actual.body, body));
  return problems;
}

function unexpected(expected: Pattern, actual: Message): string[] {
  const known = new Set(
    [...expected.headers, ...expected.trailers].map(([name]) => name.toLowerCase()),
  );
  return [...actual.headers, ...actual.trailers]
    .filter(([name]) => !known.has(name.toLowerCase()) && !added.has(name.toLowerCase()))
    .filter(([name, value]) => `${name}: ${value}`.toLowerCase() !== "connection: keep-alive")
    .map(([name, value]) => `upstream: unexpected field ${name}: ${value}`);
}

function compareFields(expected: HeaderList, actual: HeaderList, run: Who, what: string): string[] {
  const names = new Set(expected.map(([name]) => name.toLowerCase()));
  return [...names].flatMap((name) => {
    const wanted = valuesOf(expected, name);
    const found = valuesOf(actual, name);
    const same =
      wanted.length === found.length &&
      wanted.every((value, index) => matches(value, found[index] ?? "", run));
    const got = found.length === 0 ? "none" : found.join(" | ");
    return same ? [] : [`${what}: expected ${name}: ${wanted.join(" | ")}, got ${got}`];
  });
}

function matches(wanted: string, actual: string, run: Who): boolean {
  const parts = wanted
    .replaceAll("<client>", run.address)
    .replaceAll("<lane>", String(run.lane))
    .split("<any>");
  if (parts.length === 1) return actual === parts[0];
  const [first = "", last = ""] = [parts[0], parts.at(-1)];
  return (
    actual.length > first.length + last.length && actual.startsWith(first) && actual.endsWith(last)
  );
}

function sameText(what: string, actual: string, expected: string): string[] {
  if (actual === expected) return [];
  return [`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`];
}
