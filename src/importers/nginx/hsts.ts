// `add_header Strict-Transport-Security` of nginx. A level that adds any field hides those of the levels around it.

import { hstsSettings } from "../hsts.ts";
import type { Outline, Settings } from "../outline.ts";
import type { Directive, Scope } from "./tree.ts";

export function isHsts({ name, args }: Directive): boolean {
  return name === "add_header" && /^strict-transport-security$/i.test(args[0] ?? "");
}

/** Keys of a route. */
export function hstsOf(scope: Scope, outline: Outline): Settings {
  const found = scope.all("add_header").findLast(isHsts);
  if (found === undefined) return {};
  return hstsSettings(found.args[1] ?? "", (text) => outline.note(`add_header ${text}`, found));
}
