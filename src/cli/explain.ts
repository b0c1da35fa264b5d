// `tidegate explain [METHOD] URL`: what becomes of a request and why, step by step: of the running program, or of a
// configuration that need not run.

import type { Explanation, Question } from "../explain/explanation.ts";
import { readExplanation } from "../admin/api/explain-schema.ts";
import { readConfigFile } from "../config/read.ts";
import { explanationLines } from "./explain-lines.ts";
import { tellProblem } from "./paint.ts";
import { plain } from "./plain.ts";
import {
  ask,
  type Answered,
  type CommandOptions,
  NoAnswer,
  placeOf,
  printJson,
  refusedCode,
  understood,
} from "./running.ts";

interface ExplainOptions extends CommandOptions {
  /** undefined = the running program is asked. */
  readonly config: string | undefined;
  /** `Name: value` each. */
  readonly headers: readonly string[];
  readonly from: string | undefined;
  readonly listener: string | undefined;
}

/** @param asked method and URL, or the URL alone @returns the exit code: 0 when a route takes it, 1 when none does */
export async function explain(asked: readonly string[], options: ExplainOptions): Promise<number> {
  const question = questionOf(asked, options);
  const explanation =
    options.config === undefined
      ? await running(question, options)
      : await ofFile(question, options.config);
  if (explanation === undefined) return 1;
  if (options.json) printJson(explanation);
  else process.stdout.write(`${explanationLines(explanation).join("\n")}\n`);
  return explanation.route === null ? 1 : 0;
}

function questionOf(asked: readonly string[], options: ExplainOptions): Question {
  const [first = "", second] = asked;
  const method = second === undefined ? "GET" : first.toUpperCase();
  const headers = options.headers.map((line): [string, string] => {
    const colon = line.indexOf(":");
    if (colon <= 0) {
      throw new NoAnswer(
        `${JSON.stringify(line)} is no header; write -H "Name: value"`,
        refusedCode,
      );
    }
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  const { from = null, listener = null } = options;
  return { method, url: second ?? first, headers, from, listener };
}

async function running(question: Question, options: CommandOptions): Promise<Explanation> {
  const path = placeOf(options);
  const route = "/api/v1/explain";
  const answer = await ask(path, { route, method: "POST", body: question, timeoutMs: 30_000 });
  if (answer.status !== 200) throw new NoAnswer(detailOf(answer), refusedCode);
  return understood(answer, readExplanation);
}

function detailOf({ status, body }: Answered): string {
  const isProblem = typeof body === "object" && body !== null && "detail" in body;
  return isProblem ? plain(String(body.detail)) : `the program answered with ${status}`;
}

async function ofFile(question: Question, file: string): Promise<Explanation | undefined> {
  const { snapshot, problems } = await readConfigFile(file);
  for (const problem of problems) tellProblem(problem);
  if (snapshot === undefined) return undefined;
  const { Explainer } = await import("../explain/explainer.ts");
  return new Explainer().explain(snapshot, question);
}
