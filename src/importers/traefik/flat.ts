// Traefik's dynamic configuration as the labels that would say the same, so that both are read by the same code. What
// labels cannot say (servers, and services of other services) is read beside it.

import type { Path } from "../../config/problem.ts";

export interface Flat {
  readonly labels: Readonly<Record<string, string>>;
  /** Label to where it stands in the file. */
  readonly paths: ReadonlyMap<string, Path>;
}

const kinds = ["routers", "services", "middlewares"];

export function flatten(value: unknown): Flat {
  const labels = new Map<string, string>();
  const paths = new Map<string, Path>();
  for (const protocol of ["http", "tcp"]) {
    for (const kind of kinds) {
      for (const [name, item] of entriesOf(entriesOf(value, protocol), kind)) {
        const start = `traefik.${protocol}.${kind}.${labelName(name)}`;
        // A service may have nothing that labels can say, and is there all the same.
        if (kind === "services") labels.set(`${start}.middlewares`, "");
        walk(item, start, [protocol, kind, name], { labels, paths });
      }
    }
  }
  // Labels have prototypes; a middleware may be called as one of theirs.
  return { labels: Object.fromEntries(labels), paths };
}

interface Out {
  readonly labels: Map<string, string>;
  readonly paths: Map<string, Path>;
}

const deepest = 12;

function walk(value: unknown, label: string, path: Path, out: Out): void {
  if (path.length > deepest) return;
  const put = (text: string) => {
    out.labels.set(label, isReference(path) ? references(text) : text);
    out.paths.set(label, path);
  };
  if (Array.isArray(value)) {
    if (value.every((each) => typeof each !== "object" || each === null)) {
      put(value.map(String).join(","));
      return;
    }
    const [, kind] = path;
    // They are read with their structure.
    if (kind === "services") return;
    for (const [index, each] of value.entries()) {
      walk(each, `${label}[${index}]`, [...path, index], out);
    }
  } else if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) put("true");
    for (const [key, each] of entries) walk(each, `${label}.${key}`, [...path, key], out);
  } else {
    const text = typeof value === "boolean" ? String(value) : textOf(value);
    if (text !== undefined) put(text);
  }
}

/** Dots part labels. */
export function labelName(name: string): string {
  return name.replaceAll(".", "-");
}

/** Only names of routers' services and of middlewares are references. */
function isReference(path: Path): boolean {
  const last = path.findLast((part) => typeof part === "string");
  return last === "middlewares" || (last === "service" && path[1] === "routers");
}

/** Those of this file need no provider. */
function references(text: string): string {
  return text
    .split(",")
    .map((each) => labelName(each.trim().replace(/@file$/, "")))
    .join(",");
}

/** Entries of a mapping, or of a mapping within it. */
export function entriesOf(value: unknown, key?: string): (readonly [string, unknown])[] {
  if (key !== undefined) {
    const entries = Array.isArray(value) ? value : entriesOf(value);
    const found = entries.find((each): each is readonly [string, unknown] => {
      return Array.isArray(each) && String(each[0]).toLowerCase() === key.toLowerCase();
    });
    return entriesOf(found?.[1]);
  }
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : [];
}

/** A value of a mapping, whatever the case of its key. */
export function valueOf(value: unknown, key: string): unknown {
  return entriesOf(value).find(([name]) => name.toLowerCase() === key.toLowerCase())?.[1];
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}
