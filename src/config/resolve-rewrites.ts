// What becomes of a path: as the file says it → as the Snapshot holds it. Short forms find the route's own path.

import { report } from "./context.ts";
import type { Context } from "./context.ts";
import type {
  AddPrefixUse,
  ReplacePathUse,
  ReplacePrefixUse,
  StripPrefixUse,
} from "./middlewares/uses/route.ts";
import type { ReplacePathInput, ReplacePrefixInput, StripPrefixInput } from "./path-schema.ts";
import type { Path } from "./problem.ts";

/** undefined = it was switched off, or has no prefix, which was reported. */
export function stripPrefixOf(
  context: Context,
  input: StripPrefixInput,
  path: Path,
): StripPrefixUse | undefined {
  if (input === false) return undefined;
  if (input !== true) return { kind: "stripPrefix", prefixes: input.map(withoutSlash) };
  const name = { name: "stripPrefix", remedy: "write the prefix instead of true" };
  return { kind: "stripPrefix", prefixes: [ownPrefix(context, name, path)] };
}

export function replacePrefixOf(
  context: Context,
  input: ReplacePrefixInput,
  path: Path,
): ReplacePrefixUse {
  const whole = { name: "replacePrefix", remedy: "write { from, to }" };
  const { from, to } =
    typeof input === "string" ? { from: ownPrefix(context, whole, path), to: input } : input;
  return { kind: "replacePrefix", from: withoutSlash(from), to: withoutSlash(to) };
}

export function replacePathOf({ pattern: written, replacement }: ReplacePathInput): ReplacePathUse {
  const { pattern, flags } = written;
  const whole = flags === "" ? pattern : `(?${flags}:${pattern})`;
  return { kind: "replacePath", pattern: whole, replacement };
}

export function addPrefixOf(prefix: string): AddPrefixUse {
  return { kind: "addPrefix", prefix: withoutSlash(prefix) };
}

interface Asked {
  readonly name: string;
  readonly remedy: string;
}

function ownPrefix(context: Context, { name, remedy }: Asked, path: Path): string {
  const own = context.ownPrefix;
  if (own === undefined) {
    const who = path[0] === "routes" ? "this route has" : "here is";
    const message = `${name} needs to know the prefix, and ${who} no path of its own`;
    report(context, path, { message, remedy });
  }
  return withoutSlash(own ?? "/");
}

// "/" stays: there is no shorter prefix.
function withoutSlash(prefix: string): string {
  return prefix.replace(/(?<=.)\/+$/, "");
}
