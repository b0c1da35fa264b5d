// Turns zod's issues into Problems. A value with a short and a long form (a union) gets the messages
// of the form it resembles: the only one whose outermost type fits.

import type * as z from "zod";
import { nearest } from "../lib/nearest.ts";
import { placeOfKey } from "./misplaced-key.ts";
import type { Path, Problem } from "./problem.ts";
import { named, splitFault } from "./scalar.ts";
import { dataAt, problemAt } from "./source.ts";
import type { Source } from "./source.ts";

type Issue = z.core.$ZodIssue;

export function problemsOf(source: Source, root: Path, issues: readonly Issue[]): Problem[] {
  return issues.flatMap((issue) => problemsOfIssue(source, root, issue));
}

function problemsOfIssue(source: Source, root: Path, issue: Issue): Problem[] {
  const path = [
    ...root,
    ...issue.path.map((part) => (typeof part === "number" ? part : String(part))),
  ];
  if (issue.code === "invalid_union") {
    const fitting = issue.errors.filter((issues) => !issues.some(isOfAnotherForm));
    const [form] = fitting;
    if (form !== undefined && fitting.length === 1) return problemsOf(source, path, form);
  }
  if (issue.code === "unrecognized_keys") {
    const known = issue.message.split(" ").filter((name) => name !== "");
    return issue.keys.map((name) => unknownKey(source, [...path, name], known));
  }
  const value = dataAt(source, path);
  if (value === undefined) {
    const name = String(path.at(-1));
    return [
      problemAt(source, path, { message: `${name} is missing`, remedy: `add ${name}`, at: "key" }),
    ];
  }
  if (value === null) {
    const remedy = splitFault(issue.message).remedy ?? "write a value, or leave out the key";
    return [problemAt(source, path, { message: "has no value", remedy, at: "key" })];
  }
  if (issue.code === "invalid_value") return [problemAt(source, path, oneOf(issue, value))];
  return [problemAt(source, path, splitFault(issue.message))];
}

function isOfAnotherForm(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_union")
    return !issue.errors.some((form) => !form.some(isOfAnotherForm));
  return issue.code === "invalid_type" || issue.code === "invalid_value";
}

function unknownKey(source: Source, path: Path, known: readonly string[]): Problem {
  const name = String(path.at(-1));
  const near = nearest(name, known);
  const remedy =
    placeOfKey(name, known) ??
    (near !== undefined
      ? `write ${near}`
      : known.length === 0
        ? "it has no settings; write true"
        : `known are ${known.join(", ")}`);
  const message = `unknown key ${JSON.stringify(name)}`;
  return problemAt(source, path, { message, remedy, at: "key" });
}

function oneOf(issue: z.core.$ZodIssueInvalidValue, value: unknown) {
  const words = issue.values.map(String);
  const near = typeof value === "string" ? nearest(value, words) : undefined;
  const remedy = near === undefined ? splitFault(issue.message).remedy : `write ${near}`;
  return { message: `must be ${words.join(" or ")}, not ${named(value)}`, remedy };
}
