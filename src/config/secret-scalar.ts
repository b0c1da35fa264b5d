// Texts that are secret, or hold one, and mappings where people put secrets into the wrong place: unlike
// elsewhere, no message here repeats what was written.

import * as z from "zod";
import { joinFault } from "./scalar.ts";
import type { Refuse } from "./scalar.ts";

/** A mapping that never says what stands in its place. */
export function secretMapping<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? names.join(" ")
        : joinFault("must be a mapping", `with ${names.join(", ")}`),
  });
}

/** `read` returns undefined after it refused, and must not repeat what it read. */
export function secretText<T>(what: string, read: (text: string, refuse: Refuse) => T) {
  const error = joinFault(`must be ${what}`, "put it in quotes");
  return z.string({ error }).transform((value, context): Exclude<T, undefined> => {
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
