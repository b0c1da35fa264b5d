// The document that an HTTP source answers with: JSON or YAML with routes, services, tcpRoutes, overlays
// and certificates, each a mapping of names. A document that is none of ours (a page for humans, an error that says 200) is
// refused as a whole, so that it takes no route away; one bad entry is told of, and the others count.

import type { Note } from "../../config/finding.ts";
import { type ItemSection, itemSections } from "../../config/item.ts";
import { httpSource as limits, sources } from "../../config/provider-limits.ts";
import { parseSource } from "../../config/source.ts";
import type { Stored } from "../items.ts";
import { isRecord, type JsonRecord, jsonTrouble } from "../../lib/json.ts";

export interface Document {
  readonly items: readonly Stored[];
  readonly notes: readonly Note[];
}

/** Throws a sentence that begins with what is wrong: `is not JSON …`. @param contentType "" = not said */
export function documentIn(body: Buffer, contentType: string): Document {
  const value = valueIn(body, contentType);
  const remedy = `write a mapping with ${itemSections.join(", ")}`;
  if (!isRecord(value)) throw new Error(`is no document of routes; ${remedy}`);
  const sections = itemSections.filter((each) => Object.hasOwn(value, each));
  if (sections.length === 0) throw new Error(`has none of ${itemSections.join(", ")}; ${remedy}`);
  const items: Stored[] = [];
  let left = 0;
  for (const section of sections) {
    const entries = Object.entries(sectionOf(value, section));
    const taken = entries.slice(0, sources.items - items.length);
    left += entries.length - taken.length;
    for (const [name, each] of taken) items.push(itemOf(section, name, each));
  }
  return { items, notes: [...strangersIn(value), ...(left === 0 ? [] : [tooMany(left)])] };
}

/** Before anything else is done with them: it may be millions. */
function tooMany(left: number): Note {
  const message = `there are ${left} more entries than ${sources.items}; they are left alone`;
  return { severity: "error", about: "", message, remedy: undefined };
}

function sectionOf(document: JsonRecord, section: ItemSection): JsonRecord {
  // As in YAML, where nothing stands behind the last key.
  const value = document[section] ?? {};
  if (isRecord(value)) return value;
  throw new Error(`has something else than a mapping of names under ${section}`);
}

function itemOf(section: ItemSection, name: string, value: unknown): Stored {
  // What is deeper than allowed is told of by whoever reads it; cut there, it can be written as text.
  const text = JSON.stringify(cut(value, sources.depth + 1));
  return { section, name, text, place: `${section} ${JSON.stringify(name.slice(0, 300))}` };
}

function cut(value: unknown, levels: number): unknown {
  if (typeof value !== "object" || value === null) return value ?? null;
  if (levels === 0) return null;
  if (Array.isArray(value)) return value.map((each: unknown) => cut(each, levels - 1));
  // A key may be called __proto__.
  const all = Object.entries(value).map(([key, each]) => [key, cut(each, levels - 1)] as const);
  return Object.fromEntries(all);
}

function strangersIn(document: JsonRecord): readonly Note[] {
  const known: readonly string[] = itemSections;
  const strangers = Object.keys(document).filter((each) => !known.includes(each));
  const message = `is none of ${itemSections.join(", ")}, and is left alone`;
  return strangers.slice(0, limits.notes).map((each) => {
    const about = each.slice(0, 300);
    return { severity: "warning", about, message, remedy: "leave it out" };
  });
}

// --- JSON or YAML --------------------------------------------------------------------------------------

function valueIn(body: Buffer, contentType: string): unknown {
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const text = body.toString().replace(/^\uFEFF/, "");
  if (text.trim() === "") throw new Error("is empty");
  try {
    return JSON.parse(text);
  } catch (error) {
    if (/^application\/(.*\+)?json$/.test(type)) {
      throw new Error(`is not JSON: ${jsonTrouble(error)}`, { cause: error });
    }
  }
  // JSON was tried in any case: much of it is served as text/plain.
  if (type === "text/html") throw new Error("is a page for humans (text/html), and no document");
  return yamlIn(body, text);
}

function yamlIn(body: Buffer, text: string): unknown {
  if (body.length > limits.yamlBytes) {
    const most = limits.yamlBytes / 1024 ** 2;
    throw new Error(`is more than ${most} MiB of YAML; send it as JSON`);
  }
  const { value, problems } = readYaml(text);
  const [problem] = problems;
  if (problem === undefined) return value;
  const { line, column, message } = problem;
  // What is quoted may be a line of somebody's key.
  const why = message.replace(/: ".*$/s, "");
  throw new Error(`is neither JSON nor YAML: line ${line}, column ${column}: ${why}`);
}

function readYaml(text: string): ReturnType<typeof parseSource> {
  try {
    return parseSource(text, "");
  } catch {
    // The parser calls itself for each level.
    throw new Error("is nested too deeply");
  }
}
