// `header Strict-Transport-Security …` of a Caddyfile.

import type { Note } from "../../config/finding.ts";
import { caddyHstsOf } from "../../providers/labels/caddy-hsts.ts";
import type { Directive } from "../../providers/labels/caddy-tree.ts";
import { hstsSaid } from "../hsts.ts";
import type { Outline, Settings } from "../outline.ts";

/** Keys of a route. */
export function hstsOf(directives: readonly Directive[], outline: Outline): Settings {
  const notes: Note[] = [];
  const found = caddyHstsOf(directives, notes);
  for (const { about, message, remedy } of notes) {
    outline.note(`${about}: ${message}${remedy === undefined ? "" : `; ${remedy}`}`);
  }
  return hstsSaid(found?.hsts);
}
