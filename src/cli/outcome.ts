// What an action in the running program came to, asked for and told.

import { readOutcome } from "../admin/answers.ts";
import type { Question } from "../admin/control-client.ts";
import type { Outcome } from "../admin/operations.ts";
import { tellProblem } from "./paint.ts";
import { plainLines } from "./plain.ts";
import { type Answered, ask, NoAnswer, printJson, refusedCode } from "./running.ts";

/** Throws NoAnswer. */
export async function outcomeOf(path: string, question: Question): Promise<Outcome> {
  const answer = await ask(path, question);
  const outcome = readOutcome(answer.body);
  if (outcome !== undefined) return outcome;
  throw new NoAnswer(`the answer (status ${answer.status}) is none of ours`, refusedCode);
}

/** undefined = it was not refused. */
export function refusalOf({ status, body }: Answered): Outcome | undefined {
  return status < 400 ? undefined : readOutcome(body);
}

/** Returns the exit code. */
export function tellOutcome(outcome: Outcome, options: { readonly json: boolean }): number {
  const code = outcome.ok ? 0 : refusedCode;
  if (options.json) {
    printJson(outcome);
    return code;
  }
  for (const each of outcome.problems ?? []) tellProblem(each);
  if (outcome.ok) process.stdout.write(`${plainLines(outcome.message)}\n`);
  else process.stderr.write(`tidegate: ${plainLines(outcome.message)}\n`);
  return code;
}
