// Labels with dots as the mapping they stand for: `timeouts.response=5s` is `{ timeouts: { response: 5s } }`.
// Keeps which label each key came from, for messages.

import type { Note } from "../../config/finding.ts";
import { fault } from "./note.ts";

// Without a prototype: a label may be called `constructor`.
type Level = Map<string, Level | string>;

export class SettingTree {
  readonly #root: Level = new Map();
  /** By its path in lower case. */
  readonly #labels = new Map<string, string>();

  /** A note when it cannot stand beside what was said before. */
  put(path: readonly string[], value: string, label: string): Note | undefined {
    let level = this.#root;
    for (const step of path.slice(0, -1)) {
      const found = childOf(level, step);
      let below = found?.value;
      if (typeof below === "string") {
        // `sticky=true` beside `sticky.name=x` says nothing more.
        if (below !== "true") return this.#twice(path, label);
        below = undefined;
      }
      if (below === undefined) {
        below = new Map();
        level.set(found?.name ?? step, below);
      }
      level = below;
    }
    const last = path.at(-1) ?? "";
    const found = childOf(level, last);
    const isMapping = found !== undefined && typeof found.value !== "string";
    if (isMapping && value.trim() === "true") return undefined;
    if (found !== undefined) return this.#twice(path, label);
    level.set(last, value);
    this.#labels.set(path.join(".").toLowerCase(), label);
    return undefined;
  }

  get isEmpty(): boolean {
    return this.#root.size === 0;
  }

  has(name: string): boolean {
    return childOf(this.#root, name) !== undefined;
  }

  /** Takes a key out and gives what was there. */
  take(name: string): unknown {
    const found = childOf(this.#root, name);
    if (found === undefined) return undefined;
    this.#root.delete(found.name);
    return plain(found.value);
  }

  value(): Record<string, unknown> {
    return plainLevel(this.#root);
  }

  /** Which label a path comes from. */
  entries(): IterableIterator<[path: string, label: string]> {
    return this.#labels.entries();
  }

  label(path: string): string | undefined {
    return this.#labels.get(path.toLowerCase());
  }

  #twice(path: readonly string[], label: string): Note {
    const name = path.join(".");
    const message = `${name} is said twice, in ways that do not go together`;
    return fault(label, message, "leave out one of them");
  }
}

function childOf(level: Level, name: string) {
  const exact = level.get(name);
  if (exact !== undefined) return { name, value: exact };
  const wanted = name.toLowerCase();
  for (const [each, value] of level) {
    if (each.toLowerCase() === wanted) return { name: each, value };
  }
  return undefined;
}

function plain(value: Level | string): unknown {
  return typeof value === "string" ? value : plainLevel(value);
}

function plainLevel(level: Level): Record<string, unknown> {
  return Object.fromEntries([...level].map(([name, value]) => [name, plain(value)]));
}
