// Short ways to write the notes of a finding.

import type { Note } from "../../config/finding.ts";

/** `about` is the label, key or variable; "" = the whole. */
export function fault(about: string, message: string, remedy?: string): Note {
  return { severity: "error", about, message, remedy };
}

export function warning(about: string, message: string, remedy?: string): Note {
  return { severity: "warning", about, message, remedy };
}

export function hint(about: string, message: string, remedy?: string): Note {
  return { severity: "info", about, message, remedy };
}

/** A foreign text in a message: quoted, and not longer than one reads. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text);
}
