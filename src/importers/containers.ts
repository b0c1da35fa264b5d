// The containers that an imported configuration speaks of, and the providers that have to be there for it.

import type { Imported } from "./imported.ts";
import type { Outline } from "./outline.ts";

/** Whoever names containers has to say which of them are looked at. */
export function withProviders(outline: Outline): Imported {
  const names = new Set<string>();
  gatherContainers(outline.finish().config, names);
  if (names.size === 0) return outline.finish();
  const kinds = [...new Set([...names].map((name) => name.replace(/\/.*$/s, "")))];
  outline.set(
    "providers",
    Object.fromEntries(kinds.map((kind) => [kind, { hosts: ["*.invalid"] }])),
  );
  outline.note(
    `providers: ${kinds.join(" and ")} must be looked at to find ${[...names].slice(0, 5).join(", ")}; hosts says what names containers may ask for by themselves: none that there is`,
  );
  return outline.finish();
}

function gatherContainers(value: unknown, names: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    const isName = typeof each === "string" && each.includes("/");
    if (key === "container" && isName) names.add(each);
    else gatherContainers(each, names);
  }
}
