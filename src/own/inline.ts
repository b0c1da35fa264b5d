// Middlewares that a program which embeds this one wrote in its own code: named in its configuration, found here.

import type { Definition } from "./contract.ts";

const known = new Map<string, Definition<unknown>>();
let count = 0;

/** Returns what it is found by, which nobody can write in a file. */
export function addInline(definition: Definition<unknown>): string {
  const id = `inline:${++count}`;
  known.set(id, definition);
  return id;
}

export function removeInline(id: string): void {
  known.delete(id);
}

export function inlineOf(id: string): Definition<unknown> | undefined {
  return known.get(id);
}
