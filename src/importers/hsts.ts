// A value of Strict-Transport-Security that another program is told to send, as a route says it.

import type { Note } from "../config/finding.ts";
import { readHsts } from "../providers/labels/nginx-hsts.ts";
import type { Settings } from "./outline.ts";

/** Keys of a route. */
export function hstsSettings(value: string, note: (text: string) => void): Settings {
  const notes: Note[] = [];
  const hsts = readHsts(value, notes, "Strict-Transport-Security");
  for (const { about, message, remedy } of notes) {
    note(`${about}: ${message}${remedy === undefined ? "" : `; ${remedy}`}`);
  }
  return hstsSaid(hsts);
}

/** Without what is so anyway; undefined = nothing is sent. */
export function hstsSaid(hsts: unknown): Settings {
  if (typeof hsts !== "object" || hsts === null) return {};
  const said = Object.entries(hsts).filter(([, each]) => each !== false);
  return { hsts: Object.fromEntries(said) };
}
