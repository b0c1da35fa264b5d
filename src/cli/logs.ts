// `tidegate logs`: the diagnostics log of the running program. With --follow it goes on, also over an
// upgrade: the new primary has a log of its own at the same socket.

import { askControl } from "../admin/control-client.ts";
import { prettyLine } from "../lib/log-line.ts";
import { isColoured } from "./paint.ts";
import { plainJson } from "./plain.ts";
import { type CommandOptions, NoAnswer, noAnswer, placeOf, refusedCode } from "./running.ts";
import { pidOf, successorOf } from "./successor.ts";

export interface LogsOptions extends CommandOptions {
  readonly follow: boolean;
  readonly lines: number;
}

/** All that a log keeps. */
const everyLine = 100_000;

/** Returns the exit code. */
export async function logs(options: LogsOptions): Promise<number> {
  // `tidegate logs | head` closes the pipe when it has seen enough.
  process.stdout.on("error", () => process.exit(0));
  const path = placeOf(options);
  const onLine = (line: string) => {
    const text = options.json
      ? `${plainJson(line)}\n`
      : prettyLine(line, isColoured(process.stdout));
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
