// Plays all cases against the real program: one process per configuration, many lanes at once. Each case runs whole, then
// cut in two at every byte of what the peer sends, then byte by byte.

import { parse } from "yaml";
import { startTidegate } from "../../harness/tidegate.ts";
import { type Lane, openLane } from "../lane.ts";
import { BackendLane } from "./backend-lane.ts";
import type { H2Case, Script } from "./h2-case.ts";
import { type Cutting, runBackendCase, runClientCase, uncut } from "./h2-run.ts";
import { groupsOf } from "./play.ts";

interface CaseState {
  readonly wireCase: H2Case;
  readonly problems: string[];
}

interface Job {
  readonly state: CaseState;
  readonly cutting: Cutting;
}

type Play = (job: Job) => Promise<readonly string[]>;

const laneCount = 16;
/** A case that failed so often has told enough. */
const enough = 2;
/** Long messages are cut at both ends in full, and here and there in the middle. */
const edge = 40;

export interface Played {
  readonly problems: ReadonlyMap<H2Case, readonly string[]>;
  readonly runs: number;
}

export async function playH2Cases(cases: readonly H2Case[], isCut: boolean): Promise<Played> {
  await using stack = new AsyncDisposableStack();
  const lanes: Lane[] = [];
  const backends: BackendLane[] = [];
  for (let number = 1; number <= laneCount; number += 1) {
    lanes.push(stack.use(await openLane(number)));
    backends.push(stack.use(await BackendLane.open(number)));
  }
  const problems = new Map<H2Case, readonly string[]>();
  let runs = 0;
  const groups = Map.groupBy(cases, ({ side, config }) => `${side}\n${config}`);
  for (const members of groups.values()) {
    const states = members.map((wireCase) => ({ wireCase, problems: [] }));
    const [first] = members;
    if (first === undefined) continue;
    const urls =
      first.side === "client"
        ? lanes.map(({ origin }) => origin.url)
        : backends.map(({ url }) => url);
    await using program = await startTidegate({ config: h2Config(first.config, urls) });
    const port = program.port();
    const plays = lanes.map((lane, index): Play => {
      const backend = backends[index] as BackendLane;
      return ({ state: { wireCase }, cutting }) =>
        wireCase.side === "client"
          ? runClientCase(wireCase, cutting, lane, port)
          : runBackendCase(wireCase, cutting, backend, port);
    });
    runs += await playJobs(
      states.map((state) => ({ state, cutting: uncut })),
      plays,
    );
    const cut = states
      .filter((state) => isCut && state.problems.length === 0)
      .flatMap((state) => cuttingsOf(state.wireCase).map((cutting) => ({ state, cutting })));
    runs += await playJobs(cut, plays);
    const { code } = await program.stop();
    if (code !== 0) throw new Error(`the program ended with ${code}: ${program.stderr()}`);
    for (const state of states) problems.set(state.wireCase, state.problems);
  }
  return { problems, runs };
}

async function playJobs(jobs: readonly Job[], plays: readonly Play[]): Promise<number> {
  const queue = jobs.values();
  let runs = 0;
  await Promise.all(
    plays.map(async (play) => {
      for (const job of queue) {
        if (job.state.problems.length >= enough) continue;
        runs += 1;
        const found = await play(job);
        if (found.length > 0) job.state.problems.push(`${job.cutting.name}: ${found.join("; ")}`);
      }
    }),
  );
  return runs;
}

/** @param urls backends of the lanes, the first of them for 127.1.0.0/16 */
export function h2Config(text: string, urls: readonly string[]): Record<string, unknown> {
  const { service, ...settings } = (parse(text) ?? {}) as Record<string, unknown>;
  const routes = urls.map((url, index) => [
    `lane${index + 1}`,
    {
      rule: `ClientIP(\`127.${index + 1}.0.0/16\`)`,
      service: service === undefined ? url : { backends: [url], ...(service as object) },
    },
  ]);
  return {
    listeners: { web: { bind: "127.0.0.1:0", h2c: true } },
    routes: Object.fromEntries(routes),
    ...settings,
  };
}

function cuttingsOf(wireCase: H2Case): Cutting[] {
  const scripts: readonly Script[] =
    wireCase.side === "client" ? [wireCase.script] : wireCase.connections;
  const groups = scripts.flatMap(({ steps }) => groupsOf(steps));
  const slow: Cutting = { name: "byte by byte", cut: byteByByte, isThorough: true };
  const distinct = [...new Map(groups.map((each) => [each.toString("latin1"), each])).values()];
  return [
    slow,
    ...distinct.flatMap((group, index) =>
      positions(group.length).map((at) => ({
        name: `group ${index + 1} cut at ${at}`,
        cut: (bytes: Buffer) =>
          bytes.equals(group) ? [bytes.subarray(0, at), bytes.subarray(at)] : [bytes],
        isThorough: false,
      })),
    ),
  ];
}

/** Single bytes; of long groups, small pieces. */
function byteByByte(bytes: Buffer): Buffer[] {
  const size = Math.ceil(bytes.length / 400);
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
}

function positions(length: number): number[] {
  const all = Array.from({ length: Math.max(length - 1, 0) }, (_, index) => index + 1);
  if (length <= 6 * edge) return all;
  // Of a flood it is the number that matters.
  if (length > 30_000) return [1, 100, Math.floor(length / 2), length - 1];
  const step = Math.ceil(length / edge);
  return all.filter((at) => at < edge || at > length - edge || at % step === 0);
}
