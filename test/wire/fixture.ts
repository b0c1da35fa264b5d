// Plays all cases against the real program: one process per configuration, many lanes at once. Each case
// runs whole, then cut in two at every byte, then byte by byte; what it left in the access log is
// compared when the process has ended.

import { parse } from "yaml";
import { startTidegate } from "../harness/tidegate.ts";
import type { WireCase } from "./case.ts";
import { type Lane, openLane } from "./lane.ts";
import { type Cutting, runCase, type RunResult, uncut } from "./run.ts";

export type Problems = ReadonlyMap<WireCase, readonly string[]>;

interface CaseState {
  readonly wireCase: WireCase;
  readonly problems: string[];
  readonly addresses: string[];
}

interface Job {
  readonly state: CaseState;
  readonly cutting: Cutting;
}

const laneCount = 16;
/** A case that failed so often has told enough. */
const enough = 3;

export async function playCases(cases: readonly WireCase[]): Promise<Problems> {
  await using stack = new AsyncDisposableStack();
  const lanes: Lane[] = [];
  for (let number = 1; number <= laneCount; number += 1) {
    lanes.push(stack.use(await openLane(number)));
  }
  const problems = new Map<WireCase, readonly string[]>();
  for (const [config, members] of Map.groupBy(cases, (each) => each.config)) {
    const states = members.map((wireCase) => ({ wireCase, problems: [], addresses: [] }));
    await playGroup(config, states, lanes);
    for (const { wireCase, problems: found } of states) problems.set(wireCase, found);
  }
  return problems;
}

async function playGroup(
  config: string,
  states: readonly CaseState[],
  lanes: readonly Lane[],
): Promise<void> {
  await using program = await startTidegate({ config: configOf(config, lanes) });
  const port = program.port();
  await playJobs(
    states.map((state) => ({ state, cutting: uncut })),
    lanes,
    port,
  );
  const cut = states
    .filter(({ problems }) => problems.length === 0)
    .flatMap((state) => cuttingsOf(state.wireCase).map((cutting) => ({ state, cutting })));
  await playJobs(cut, lanes, port);
  const { code } = await program.stop();
  if (code !== 0) throw new Error(`the program ended with ${code}: ${program.stderr()}`);
  const log = Map.groupBy((await program.accessLog()).map(readLogLine), (line) => line.address);
  for (const state of states) checkLog(state, log);
}

async function playJobs(jobs: readonly Job[], lanes: readonly Lane[], port: number): Promise<void> {
  const queue = jobs.values();
  await Promise.all(
    lanes.map(async (lane) => {
      for (const { state, cutting } of queue) {
        if (state.problems.length >= enough) continue;
        report(state, cutting, await runCase(state.wireCase, cutting, lane, port));
      }
    }),
  );
}

function report(state: CaseState, cutting: Cutting, { address, problems }: RunResult): void {
  if (problems.length === 0) state.addresses.push(address);
  else state.problems.push(`${cutting.name}: ${problems.join("; ")}`);
}

/** The configuration of all lanes, with the case's own settings put over it. */
export function configOf(text: string, lanes: readonly Lane[]): Record<string, unknown> {
  const { route, ...settings } = (parse(text) ?? {}) as Record<string, unknown>;
  const { rule, ...routeSettings } = (route ?? {}) as { rule?: string };
  const routes = lanes.map(({ number, network, origin }) => {
    // The second address is for cases in which a trusted proxy names the client.
    const match = `(ClientIP(\`${network}\`) || ClientIP(\`192.0.2.${number}/32\`))`;
    return [
      `lane${number}`,
      {
        rule: rule === undefined ? match : `${match} && (${rule})`,
        service: origin.url,
        ...routeSettings,
      },
    ];
  });
  return { listeners: { web: "127.0.0.1:0" }, routes: Object.fromEntries(routes), ...settings };
}

/** Every way a case's bytes are cut, besides not at all. */
function cuttingsOf({ client, origin }: WireCase): Cutting[] {
  const requests = client.flatMap((step) => (step.kind === "send" ? [step.bytes] : []));
  const inRequest = requests.flatMap((bytes, which) =>
    positions(bytes.length).map((at) => ({
      name: `request ${which + 1} cut at ${at}`,
      request: (each: string, index: number) => (index === which ? cutAt(each, at) : [each]),
      answer: (each: string) => [each],
    })),
  );
  const slow: Cutting = {
    name: "byte by byte",
    request: byteByByte,
    answer: byteByByte,
  };
  const answers = origin.flatMap((step) =>
    step.kind === "answer" && !step.uncut ? [step.bytes] : [],
  );
  const inAnswer = answers.flatMap((bytes) =>
    positions(bytes.length).map((at) => ({
      name: `answer cut at ${at}`,
      request: (each: string) => [each],
      answer: (each: string) => (each === bytes ? cutAt(each, at) : [each]),
    })),
  );
  return [slow, ...inRequest, ...inAnswer];
}

const cutAt = (bytes: string, at: number) => [bytes.slice(0, at), bytes.slice(at)];

/** Single bytes; of long messages, small pieces. */
function byteByByte(bytes: string): string[] {
  const size = Math.ceil(bytes.length / 400);
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, index) => bytes.slice(index * size, (index + 1) * size));
}

/** Every position inside a message; of long ones both ends in full and some of the middle. */
function positions(length: number): number[] {
  const all = Array.from({ length: Math.max(length - 1, 0) }, (_, index) => index + 1);
  const edge = 80;
  if (length <= 3 * edge) return all;
  const step = Math.ceil(length / edge);
  return all.filter((at) => at < edge || at > length - edge || at % step === 0);
}

interface LoggedLine {
  readonly address: string;
  readonly status: number;
  readonly failure: string;
  readonly text: string;
}

function readLogLine(text: string): LoggedLine {
  const line = JSON.parse(text) as Record<string, unknown>;
  return {
    address: String(line["remoteAddress"]),
    status: Number(line["status"]),
    failure: typeof line["failure"] === "string" ? line["failure"] : "",
    text,
  };
}

function checkLog(state: CaseState, log: ReadonlyMap<string, readonly LoggedLine[]>): void {
  for (const address of state.addresses) {
    const lines = [...(log.get(address) ?? [])];
    for (const { codes, statuses } of state.wireCase.log) {
      const at = lines.findIndex(
        (each) => statuses.includes(each.status) && codes.includes(each.failure),
      );
      if (at >= 0) lines.splice(at, 1);
      else {
        const seen = lines.map(({ text }) => text).join(" | ");
        state.problems.push(
          `log: expected ${codes.join(" or ")} ${statuses.join("|")}, found ${seen || "no line"}`,
        );
      }
    }
    if (state.problems.length >= enough) return;
  }
}
