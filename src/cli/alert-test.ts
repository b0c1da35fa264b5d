// `tidegate alert test`: a message over every channel, and what each of them said.

import { readAlertTest } from "../admin/answers.ts";
import type { ChannelResult } from "../admin/operations.ts";
import { type Column, fittedTable } from "./fitted-table.ts";
import { tellOutcome } from "./outcome.ts";
import { paint } from "./paint.ts";
import { withProgress } from "./progress.ts";
import { ask, type CommandOptions, NoAnswer, placeOf, printJson, refusedCode } from "./running.ts";

/** Returns the exit code: 1 as well when one of several channels failed. */
export async function alertTest(options: CommandOptions): Promise<number> {
  const asked = ask(placeOf(options), { route: "/v1/alert/test", method: "POST" });
  const answer = await withProgress(asked, () => Promise.resolve("sending a test message"));
  const test = readAlertTest(answer.body);
  if (test === undefined) {
    throw new NoAnswer(`the answer (status ${answer.status}) is none of ours`, refusedCode);
  }
  const code = test.ok ? 0 : refusedCode;
  if (options.json) {
    printJson(test);
    return code;
  }
  const { lines } = fittedTable(columns, test.channels, Infinity);
  if (test.channels.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
  return tellOutcome(test, options);
}

const columns: readonly Column<ChannelResult>[] = [
  { title: "CHANNEL", cell: ({ channel }) => channel },
  {
    title: "RESULT",
    cell: ({ ok }) => (ok ? "delivered" : "failed"),
    paint: (cell, { ok }) => paint(process.stdout, ok ? "green" : "red", cell),
  },
  { title: "DETAIL", cell: ({ text }) => text },
];
