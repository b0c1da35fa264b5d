// `tidegate logs`: the diagnostics log of the running program. With --follow it goes on, also over an
// upgrade: the new primary has a log of its own at the same socket.

import { setTimeout as pause } from "node:timers/promises";
import { readStatus } from "../admin/answers.ts";
import { askControl } from "../admin/control-client.ts";
import { prettyLine } from "../lib/log-line.ts";
import { isColoured } from "./paint.ts";
import { type CommandOptions, NoAnswer, noAnswer, placeOf, refusedCode } from "./running.ts";

export interface LogsOptions extends CommandOptions {
  readonly follow: boolean;
  readonly lines: number;
}

/** All that a log keeps. */
const everyLine = 100_000;
/** For a successor to answer at the socket; that of a primary which was killed has to start first. */
const successorWaitMs = 5000;
const intervalMs = 100;

/** Returns the exit code. */
export async function logs(options: LogsOptions): Promise<number> {
  // `tidegate logs | head` closes the pipe when it has seen enough.
  process.stdout.on("error", () => process.exit(0));
  const path = placeOf(options);
  const onLine = (line: string) => {
    const text = options.json ? `${line}\n` : prettyLine(line, isColoured(process.stdout));
    process.stdout.write(text);
  };
  let lines = options.lines;
  for (;;) {
    const pid = await pidOf(path);
    const route = `/v1/log?lines=${lines}&follow=${options.follow}`;
    const answer = await askControl(path, { route, onLine });
    const isCut = answer.kind === "lost" && options.follow;
    if (answer.kind !== "answer" && !isCut) throw noAnswer(path, answer);
    if (answer.kind === "answer" && answer.status !== 200) {
      throw new NoAnswer(`the log was refused (status ${answer.status})`, refusedCode);
    }
    if (!options.follow) return 0;
    const now = await successorOf(path, pid);
    if (now === undefined) {
      process.stderr.write("the program has ended\n");
      return 0;
    }
    if (now === pid && answer.kind !== "answer") throw noAnswer(path, answer);
    // All of them are newer than what was shown.
    lines = everyLine;
  }
}

async function pidOf(path: string): Promise<number | undefined> {
  const answer = await askControl(path, { route: "/v1/status", timeoutMs: 2000 });
  return answer.kind === "answer" ? readStatus(answer.body)?.pid : undefined;
}

/** Who answers now; the same as before when nobody else came; undefined when nobody does. */
async function successorOf(path: string, pid: number | undefined): Promise<number | undefined> {
  const deadline = Date.now() + successorWaitMs;
  let now: number | undefined;
  do {
    now = await pidOf(path);
    if (now !== undefined && now !== pid) return now;
    await pause(intervalMs);
  } while (Date.now() < deadline);
  return now;
}
