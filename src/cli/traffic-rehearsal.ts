// `tidegate set --rehearse`: what a change would do to the latest requests, before it is made.

import type { Rehearsed, Rerouted, Way } from "../traffic/rehearsed.ts";
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
  for (const { from, to, count, example } of changed) {
    const colour = to.route === "" ? "red" : "yellow";
    const text = `${counted(count, "request")}: ${wayText(from)} → ${wayText(to)}`;
    out.write(`${paint(out, colour, plain(text))}\n    ${plain(example)}\n`);
  }
  for (const each of notes) process.stderr.write(`note: ${plainLines(each)}\n`);
  const moved = changed.reduce((sum, { count }) => sum + count, 0);
  out.write(`of the ${counted(requests, "latest request")} ${moved} would go elsewhere`);
  out.write(lost === 0 ? "" : `, ${lost} of them nowhere`);
  out.write("; nothing was changed\n");
  return 0;
}

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
  const { from, to, count, example } = Object.fromEntries(Object.entries(value));
  return isWay(from) && isWay(to) && typeof count === "number" && typeof example === "string";
}

function isWay(value: unknown): value is Way {
  if (typeof value !== "object" || value === null) return false;
  const { route, service } = Object.fromEntries(Object.entries(value));
  return typeof route === "string" && typeof service === "string";
}
