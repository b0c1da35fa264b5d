// `tidegate set --rehearse`: what a change would do to the latest requests, before it is made.

import type { Difference, Rehearsed, Rerouted, Way } from "../traffic/rehearsed.ts";
import { paint } from "./paint.ts";
import { plain, plainLines } from "./plain.ts";
import {
  ask,
  type CommandOptions,
  placeOf,
  printJson,
  refusedCode,
  understood,
} from "./running.ts";
import { noAnswerTo, problemOf } from "./traffic-answer.ts";
import { counted } from "./units.ts";

/** Returns the exit code. */
export async function rehearse(
  changes: readonly unknown[],
  options: CommandOptions,
): Promise<number> {
  const question = { route: "/api/v1/rehearsal", method: "POST", body: { changes } } as const;
  const answer = await ask(placeOf(options), question);
  if (options.json) {
    printJson(answer.body);
    return answer.status === 200 ? 0 : refusedCode;
  }
  if (answer.status !== 200) throw noAnswerTo(problemOf(answer));
  const { requests, changed, lost, notes } = understood(answer, readRehearsed);
  const out = process.stdout;
  for (const { from, to, differs, count, example } of changed) {
    const colour = to.route === "" ? "red" : "yellow";
    const where =
      differs.length === 0
        ? `${wayText(from)} → ${wayText(to)}`
        : `${wayText(to)}, which has ${differs.map((each) => words[each]).join(" and ")}`;
    const text = `${counted(count, "request")}: ${where}`;
    out.write(`${paint(out, colour, plain(text))}\n    ${plain(example)}\n`);
  }
  for (const each of notes) process.stderr.write(`note: ${plainLines(each)}\n`);
  const sumOf = (some: readonly Rerouted[]) => some.reduce((sum, { count }) => sum + count, 0);
  const moved = sumOf(changed.filter(({ differs }) => differs.length === 0));
  const others = sumOf(changed) - moved;
  out.write(`of the ${counted(requests, "latest request")} ${moved} would go elsewhere`);
  out.write(lost === 0 ? "" : `, ${lost} of them nowhere`);
  out.write(others === 0 ? "" : `; ${others} would meet something else on the same way`);
  out.write("; nothing was changed\n");
  return 0;
}

const words: Readonly<Record<Difference, string>> = {
  middlewares: "other middlewares",
  service: "another service by that name",
};

function wayText({ route, service }: Way): string {
  if (route === "") return "no route";
  return service === "" ? route : `${route} (${service})`;
}

function readRehearsed(
  body: unknown,
): (Rehearsed & { readonly notes: readonly string[] }) | undefined {
  return isRehearsed(body) ? body : undefined;
}

function isRehearsed(value: unknown): value is Rehearsed & { readonly notes: readonly string[] } {
  if (typeof value !== "object" || value === null) return false;
  const { requests, lost, changed, notes } = Object.fromEntries(Object.entries(value));
  return (
    typeof requests === "number" &&
    typeof lost === "number" &&
    Array.isArray(changed) &&
    changed.every(isRerouted) &&
    Array.isArray(notes) &&
    notes.every((each) => typeof each === "string")
  );
}

function isRerouted(value: unknown): value is Rerouted {
  if (typeof value !== "object" || value === null) return false;
  const { from, to, differs, count, example } = Object.fromEntries(Object.entries(value));
  return (
    isWay(from) &&
    isWay(to) &&
    Array.isArray(differs) &&
    differs.every((each) => typeof each === "string" && each in words) &&
    typeof count === "number" &&
    typeof example === "string"
  );
}

function isWay(value: unknown): value is Way {
  if (typeof value !== "object" || value === null) return false;
  const { route, service } = Object.fromEntries(Object.entries(value));
  return typeof route === "string" && typeof service === "string";
}
