// `header Strict-Transport-Security …` of a Caddyfile, which may stand among other fields, as our `hsts`.

import type { Note } from "../../config/finding.ts";
import type { Directive } from "./caddy-tree.ts";
import { readHsts } from "./nginx-hsts.ts";

const field = /^[?>+]?strict-transport-security$/i;

function valueOf({ name, args, below }: Directive): string | undefined {
  if (name !== "header") return undefined;
  const lines = [args, ...below.map((each) => [each.name, ...each.args])];
  return lines.find(([first = ""]) => field.test(first))?.[1];
}

/** Does it say nothing else? */
export function isHstsAlone(directive: Directive): boolean {
  return valueOf(directive) !== undefined && directive.below.every(({ name }) => field.test(name));
}

export interface CaddyHsts {
  /** As a route's `hsts`. */
  readonly hsts: unknown;
  readonly label: string;
}

/** Of the block that these stand in; undefined = it says none. */
export function caddyHstsOf(
  directives: readonly Directive[],
  notes: Note[],
): CaddyHsts | undefined {
  const found = directives.findLast((each) => valueOf(each) !== undefined);
  if (found === undefined) return undefined;
  const hsts = readHsts(valueOf(found) ?? "", notes, found.label);
  return hsts === undefined ? undefined : { hsts, label: found.label };
}
