// Colour, for terminals whose users have not asked for none (no-color.org).

import { formatProblem, type Problem } from "../config/problem.ts";
import { plain } from "./plain.ts";

export type Colour = "bold" | "red" | "green" | "yellow" | "grey";

const codes: Readonly<Record<Colour, number>> = {
  bold: 1,
  red: 31,
  green: 32,
  yellow: 33,
  grey: 90,
};

export function isColoured(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
}

export function paint(stream: { readonly isTTY?: boolean }, colour: Colour, text: string): string {
  return isColoured(stream) ? `\u001B[${codes[colour]}m${text}\u001B[0m` : text;
}

/** A line on stderr, in the colour of its severity. */
export function tellProblem(problem: Problem): void {
  const colour = problem.severity === "error" ? "red" : "yellow";
  process.stderr.write(`${paint(process.stderr, colour, plain(formatProblem(problem)))}\n`);
}
