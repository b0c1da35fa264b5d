// Building bricks of the schema: texts with a meaning (durations, sizes, networks …), mappings and lists.
// zod gives one message per issue; ours hold two parts, fault and remedy, parted by a line feed.
// An unknown key's message is the list of known keys: `issue.ts` makes a message of it for each key.

import * as z from "zod";
import { formatDuration, parseDuration } from "../lib/duration.ts";
import { parseNetwork } from "../lib/ip.ts";
import { formatSize, parseSize } from "../lib/size.ts";

/** Reports what is wrong and what to write instead. Returns undefined, for `return refuse(…)`. */
export type Refuse = (message: string, remedy?: string) => undefined;

export function joinFault(message: string, remedy?: string): string {
  return remedy === undefined ? message : `${message}\n${remedy}`;
}

export function splitFault(text: string): { message: string; remedy: string | undefined } {
  const [message = text, remedy] = text.split("\n");
  return { message, remedy };
}

/** A value as a message names it: `the number 30`, `a list`. */
export function named(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "number" || typeof value === "bigint") return `the number ${value}`;
  if (typeof value === "string") {
    return value.length > 60 ? "a text" : `the text ${JSON.stringify(value)}`;
  }
  return value === true ? "true" : "false";
}

export interface Expectation {
  /** Completes "must be …": `a duration`. */
  readonly what: string;
  /** What to write instead: `write 300s`. */
  readonly remedy?: string;
}

export function mustBe({ what, remedy }: Expectation): (issue: { input?: unknown }) => string {
  return (issue) => joinFault(`must be ${what}, not ${named(issue.input)}`, remedy);
}

/** Named keys, all optional unless the value says otherwise, and nothing else. */
export function mapping<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? Object.keys(shape).join(" ")
        : mustBe({ what: "a mapping", remedy: `with ${Object.keys(shape).join(", ")}` })(issue),
  });
}

export function text(expected: Expectation) {
  return z.string({ error: mustBe(expected) });
}

/** A text with a meaning. `read` returns undefined after it refused. */
export function parsed<T>(expected: Expectation, read: (text: string, refuse: Refuse) => T) {
  return text(expected).transform((value, context): Exclude<T, undefined> => {
    const result = read(value, (message, remedy) => {
      context.addIssue(joinFault(message, remedy));
      return undefined;
    });
    return isGiven(result) ? result : z.NEVER;
  });
}

function isGiven<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined;
}

export function list<Item extends z.ZodType>(item: Item, expected: Expectation) {
  return z.array(item, { error: mustBe(expected) }).min(1, joinFault("must not be empty"));
}

/** One, or a list of them; always a list in the end. */
export function oneOrMore<Item extends z.ZodType>(item: Item, expected: Expectation) {
  return z
    .union([item.transform((one) => [one]), list(item, expected)], { error: mustBe(expected) })
    .meta({ title: "oneOrMore" });
}

export function flag() {
  return z.boolean({ error: mustBe({ what: "true or false" }) });
}

export function integer(least: number, most: number) {
  const error = mustBe({ what: `a whole number from ${least} to ${most}` });
  return z.int({ error }).min(least, { error }).max(most, { error });
}

/** A number that need not be whole. */
export function decimal(least: number, most: number) {
  const error = mustBe({ what: `a number from ${least} to ${most}` });
  return z.number({ error }).min(least, { error }).max(most, { error });
}

/** What can only be switched on; leaving the key out is the other way. */
export function on() {
  return z.literal(true, { error: mustBe({ what: "true", remedy: "or leave out the key" }) });
}

/** `20%`, as 20. */
export function percent() {
  const remedy = "write a percentage such as 20%, or 0";
  return z
    .union([z.string().meta({ pattern: "^\\d+(\\.\\d+)?%$" }), z.literal(0)], {
      error: ({ input }) =>
        typeof input === "number" && input > 0
          ? joinFault(`${input} has no unit`, `write ${input < 1 ? input * 100 : input}%`)
          : mustBe({ what: "a percentage", remedy })({ input }),
    })
    .meta({ title: "percentage" })
    .transform((value, context) => {
      const [, digits] =
        /^(\d{1,3}(?:\.\d{1,6})?)\s*%$/.exec(value === 0 ? "0%" : value.trim()) ?? [];
      if (digits !== undefined && Number(digits) <= 100) return Number(digits);
      context.addIssue(joinFault(`${JSON.stringify(value)} is not a percentage`, remedy));
      return z.NEVER;
    });
}

/** `20%`, as 0.2. */
export function share() {
  return percent().transform((value) => value / 100);
}

/**
 * Milliseconds. `least` is the shortest that works at all; with it 0 is not "no limit" but too short. `longest`: where no timer
 * waits for it.
 */
export function duration(least = 0, longest?: number) {
  const pattern = "^(0|(\\d+(\\.\\d+)?(ms|s|m|h|d))+)$";
  const remedy = "write a number with ms, s, m or h, such as 300s, or 0 for no limit";
  return z
    .union([z.string().meta({ pattern }), z.literal(0)], {
      error: ({ input }) =>
        typeof input === "number"
          ? joinFault(`${input} has no unit`, input > 0 ? `write ${input}s` : remedy)
          : mustBe({ what: "a duration", remedy })({ input }),
    })
    .meta({ title: "duration" })
    .transform((value, context) => {
      const result = parseDuration(String(value), longest);
      if (result.kind === "ms") {
        if (result.ms >= least) return result.ms;
        context.addIssue(joinFault(`must be at least ${formatDuration(least)}`));
        return z.NEVER;
      }
      const bare = /^\d+(\.\d+)?$/.test(String(value).trim());
      context.addIssue(joinFault(result.why, bare ? `write ${String(value).trim()}s` : remedy));
      return z.NEVER;
    });
}

/** Bytes. `least` is the smallest that works at all. */
export function size(least = 0) {
  const expected = {
    what: "a size",
    remedy: "write a number of bytes, or one with KiB, MiB, GiB, KB, MB, GB",
  };
  const error = mustBe(expected);
  return z
    .union(
      [
        z.string().meta({ pattern: "^\\d+(\\.\\d+)?\\s*[A-Za-z]*$" }),
        z.int({ error }).nonnegative({ error }),
      ],
      { error },
    )
    .meta({ title: "size" })
    .transform((value, context) => {
      const result = parseSize(String(value));
      if (result.kind === "bad") {
        context.addIssue(joinFault(result.why, expected.remedy));
        return z.NEVER;
      }
      if (result.bytes < least) {
        context.addIssue(joinFault(`must be at least ${formatSize(least)}`));
        return z.NEVER;
      }
      return result.bytes;
    });
}

export function network() {
  const remedy = "write an address such as 10.0.0.1, or a network such as 10.0.0.0/8";
  return parsed({ what: "a network", remedy }, (value, refuse) =>
    parseNetwork(value) === undefined
      ? refuse(`${JSON.stringify(value)} is not a network`, remedy)
      : value,
  ).meta({ title: "network" });
}

export function networks() {
  return z.array(network(), {
    error: mustBe({ what: "a list of networks", remedy: "write [10.0.0.0/8]" }),
  });
}

/** A path of the file system; taken from the folder of the configuration file when relative. */
export function filePath() {
  return parsed({ what: "a path" }, (value, refuse) => {
    if (value === "") return refuse("the path is empty");
    return value.includes("\0") ? refuse("a path cannot contain NUL") : value;
  }).meta({ title: "path" });
}

/** Adds what a key means and its default, as the reference page and editors show them. */
export function key<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  fallback?: string | number | boolean | readonly string[],
) {
  return schema
    .optional()
    .meta({ description, ...(fallback === undefined ? {} : { default: fallback }) });
}

export function durationKey(description: string, fallbackMs: number, leastMs = 0) {
  return key(duration(leastMs), description, formatDuration(fallbackMs));
}

export function shareKey(description: string, fallback: number) {
  return key(share(), description, fallback === 0 ? 0 : `${fallback * 100}%`);
}

export function sizeKey(description: string, fallback: number, least = 0) {
  return key(size(least), description, formatSize(fallback));
}
