// A configuration of ours while an importer writes it: names that are taken get a number, and notes that say the
// same of several places become one.

import { importBounds } from "../config/limits.ts";
import type { Imported } from "./imported.ts";

export type Settings = Readonly<Record<string, unknown>>;

/** Where something stood in what is imported. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

const sections = ["listeners", "routes", "services", "tcpRoutes"] as const;
export type Section = (typeof sections)[number];

export class Outline {
  readonly #items = new Map<Section, Map<string, unknown>>();
  readonly #counts = new Map<string, number>();
  readonly #others = new Map<string, unknown>();
  /** Text to its places. */
  readonly #notes = new Map<string, Set<string>>();
  readonly #later: string[] = [];

  /** Returns the name it got. */
  add(section: Section, wanted: string, value: unknown): string {
    const items = this.#items.get(section) ?? new Map<string, unknown>();
    this.#items.set(section, items);
    const base = nameOf(wanted);
    // Thousands may want one name: the count goes on where it was.
    const counted = JSON.stringify([section, base]);
    let count = this.#counts.get(counted) ?? 1;
    let name = count === 1 ? base : `${base}-${count}`;
    for (; items.has(name); name = `${base}-${count}`) count += 1;
    this.#counts.set(counted, count);
    items.set(name, value);
    return name;
  }

  get(section: Section, name: string): unknown {
    return this.#items.get(section)?.get(name);
  }

  replace(section: Section, name: string, value: unknown): void {
    this.#items.get(section)?.set(name, value);
  }

  size(section: Section): number {
    return this.#items.get(section)?.size ?? 0;
  }

  /** A key beside the sections. */
  set(key: string, value: unknown): void {
    this.#others.set(key, value);
  }

  note(text: string, place?: Place): void {
    const places = this.#notes.get(text) ?? new Set<string>();
    this.#notes.set(text, places);
    if (place !== undefined) places.add(`${place.file}:${place.line}`);
  }

  /** Lines of YAML that become comments. */
  later(...lines: readonly string[]): void {
    this.#later.push(...lines);
  }

  finish(): Imported {
    const listed = sections.flatMap((section) => {
      const items = this.#items.get(section);
      return items === undefined ? [] : [[section, Object.fromEntries(items)] as const];
    });
    const all = [...this.#notes].map(([text, places]) => placed(text, [...places]));
    const notes = all.slice(0, importBounds.notes);
    if (all.length > notes.length) {
      notes.push(`and ${all.length - notes.length} more things that were not carried over`);
    }
    const config = Object.fromEntries([...this.#others, ...listed]);
    return { config, notes, later: this.#later };
  }
}

const shownPlaces = 4;

function placed(text: string, places: readonly string[]): string {
  if (places.length === 0) return text;
  const more = places.length - shownPlaces;
  const shown = places.slice(0, shownPlaces).join(", ");
  return `${shown}${more > 0 ? ` and ${more} more` : ""}: ${text}`;
}

/** What it is called may come from anywhere, and stands in a file that people edit. */
function nameOf(wanted: string): string {
  const name = wanted.replaceAll(/[^A-Za-z0-9_.*/-]+/g, "-").slice(0, 100);
  return /[A-Za-z0-9*]/.test(name) && name !== "__proto__" ? name : `item${name}`;
}

/** A foreign text in a note: quoted, and not longer than one reads. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text);
}
