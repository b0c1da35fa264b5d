// A YAML (or JSON) text as plain data, together with where each part of it was written. A path that
// leads to nothing has the place of the nearest thing above it.

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { Alias, Document, ParsedNode, YAMLMap } from "yaml";
import { maxAliases, maxConfigBytes, maxLeftOpen } from "./limits.ts";
import { formatPath } from "./problem.ts";
import type { Path, Problem } from "./problem.ts";

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Source {
  readonly file: string;
  /** Plain data; undefined when the text cannot be read at all. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  keyAt(path: Path): Place;
  /** With an offset: that many characters into the text, when it is written without escapes. */
  valueAt(path: Path, offset?: number): Place;
}

export function parseSource(text: string, file: string): Source {
  const counter = new LineCounter();
  const isLarge = Buffer.byteLength(text) > maxConfigBytes;
  if (isLarge || leftOpen(text) > maxLeftOpen) {
    const message = isLarge
      ? `is larger than ${maxConfigBytes / 1024 / 1024} MiB`
      : `not valid YAML: more than ${maxLeftOpen} brackets are never closed`;
    const problem = { file, line: 1, column: 1, path: "", message, severity: "error" } as const;
    const start = () => ({ line: 1, column: 1 });
    return { file, value: undefined, problems: [problem], keyAt: start, valueAt: start };
  }
  // yaml's own check for unique keys compares each with each; `faultsOf` needs one pass.
  // Its warnings on stderr would be in nobody's format; what matters of them is checked here.
  const options = {
    lineCounter: counter,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: "error",
  } as const;
  const document = parseDocument(text, options);
  const locate = locator(document);
  const placeOf = (offset: number): Place => {
    const { line, col } = counter.linePos(Math.min(offset, text.length));
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const faults = faultsOf(document);
  const broken = faults.some((fault) => fault.fatal);
  const { value, why } = broken ? { value: undefined, why: undefined } : plainOf(document);
  if (why !== undefined) faults.push({ at: 0, message: why, fatal: true });
  return {
    file,
    value,
    problems: faults.map(({ at, message, remedy, path }) => ({
      file,
      ...placeOf(at),
      path: path ?? "",
      message,
      ...(remedy === undefined ? {} : { remedy }),
      severity: "error",
    })),
    keyAt: (path) => placeOf(locate(path).key),
    valueAt: (path, offset = 0) => {
      const { value: start, node } = locate(path);
      return placeOf(start + (offset === 0 ? 0 : offsetInside(text, node, offset)));
    },
  };
}

/** How many more brackets it opens than it closes. The parser takes half a kilobyte for each before it says so. */
function leftOpen(text: string): number {
  let open = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at) | 0x20;
    // [ and {, ] and } differ in this bit.
    if (code === 0x7b) open += 1;
    else if (code === 0x7d) open -= 1;
  }
  return open;
}

interface Fault {
  readonly at: number;
  readonly message: string;
  readonly remedy?: string;
  readonly path?: string;
  /** The rest of the text cannot be trusted to mean what it seems to. */
  readonly fatal: boolean;
}

// Of syntax errors only the first counts: what follows is mostly its echo. Duplicate keys leave the
// rest readable, so all of them are told, and the rest is checked too.
function faultsOf(document: Document.Parsed): Fault[] {
  const faults: Fault[] = [];
  const anchors = new Set<string>();
  visit(document, {
    // Visited in the order of the text, and an anchor must come before its aliases.
    Value(_, value) {
      if (value.anchor !== undefined) anchors.add(value.anchor);
    },
    Alias(_, alias) {
      if (anchors.has(alias.source)) return;
      // "*.example.com: x" reads as an alias whose name ends in the colon.
      const name = alias.source.replace(/:$/, "");
      const message = `*${name} refers to a YAML anchor that does not exist`;
      const remedy = `put the text in quotes: "*${name}"`;
      faults.push({ at: alias.range?.[0] ?? 0, message, remedy, fatal: true });
    },
    Map(_, map) {
      if (map.anchor !== undefined) anchors.add(map.anchor);
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const name = nameOf(key);
        if (seen.has(name) && isParsed(key)) {
          const message = `the key ${JSON.stringify(name)} is there already`;
          faults.push({ at: startOf(key), message, remedy: "remove one", fatal: false });
        }
        seen.add(name);
      }
    },
  });
  const [first] = document.errors;
  if (first !== undefined && !faults.some(({ fatal }) => fatal)) {
    faults.push({ at: first.pos[0], message: syntaxMessage(first.message), fatal: true });
  }
  return faults;
}

function syntaxMessage(message: string): string {
  return message.startsWith("Source contains multiple documents")
    ? "only one YAML document is read"
    : `not valid YAML: ${message}`;
}

function plainOf(document: Document.Parsed): { value: unknown; why: string | undefined } {
  try {
    return { value: document.toJS({ maxAliasCount: maxAliases }), why: undefined };
  } catch (error) {
    // The one thing that is left to go wrong is a flood of aliases.
    return { value: undefined, why: error instanceof Error ? error.message : String(error) };
  }
}

interface Found {
  readonly key: number;
  readonly value: number;
  readonly node: ParsedNode | null;
}

// Keys are looked up by an index that is made once: routes are many, and each is asked for its place.
function locator(document: Document.Parsed): (path: Path) => Found {
  const indexes = new WeakMap<YAMLMap.Parsed, Map<string, YAMLMap.Parsed["items"][number]>>();
  const pairOf = (map: YAMLMap.Parsed, name: string) => {
    const index = indexes.get(map) ?? new Map(map.items.map((pair) => [nameOf(pair.key), pair]));
    indexes.set(map, index);
    return index.get(name);
  };
  return (path) => {
    let node: ParsedNode | null = document.contents;
    let found: Found = { key: startOf(node), value: startOf(node), node };
    for (const part of path) {
      if (isAlias(node)) node = targetOf(document, node);
      if (isMap(node)) {
        const pair = pairOf(node, String(part));
        if (pair === undefined) return found;
        const key = startOf(pair.key);
        node = pair.value;
        found = { key, value: node === null ? key : startOf(node), node };
      } else if (isSeq(node)) {
        const item: ParsedNode | undefined = node.items[Number(part)];
        if (item === undefined) return found;
        node = item;
        found = { key: startOf(node), value: startOf(node), node };
      } else {
        return found;
      }
    }
    return found;
  };
}

function targetOf(document: Document.Parsed, alias: Alias.Parsed): ParsedNode | null {
  const target = alias.resolve(document);
  return isParsed(target) ? target : null;
}

function isParsed(node: unknown): node is ParsedNode {
  return (isMap(node) || isSeq(node) || isScalar(node)) && Array.isArray(node.range);
}

function startOf(node: ParsedNode | null): number {
  return node?.range[0] ?? 0;
}

// As `toJS` makes texts of keys.
function nameOf(key: unknown): string {
  return isScalar<string | number | boolean | null>(key) ? String(key.value ?? "") : "";
}

function offsetInside(text: string, node: ParsedNode | null, offset: number): number {
  if (!isScalar(node) || typeof node.value !== "string") return 0;
  const start = node.range[0];
  const quoted = node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE" ? 1 : 0;
  const written = text.slice(start + quoted, start + quoted + node.value.length);
  return written === node.value ? quoted + offset : 0;
}

/** What was written there; undefined = nothing. */
export function dataAt(source: Source, path: Path): unknown {
  let current = source.value;
  for (const part of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, part))
      return undefined;
    current = Reflect.get(current, part);
  }
  return current;
}

/** A problem at a key (`at: "key"`) or at a value of a source. */
export function problemAt(
  source: Source,
  path: Path,
  fault: {
    message: string;
    remedy?: string | undefined;
    at?: "key" | "value";
    offset?: number;
    severity?: Problem["severity"];
  },
): Problem {
  const place = fault.at === "key" ? source.keyAt(path) : source.valueAt(path, fault.offset);
  return {
    file: source.file,
    ...place,
    path: formatPath(path),
    message: fault.message,
    ...(fault.remedy === undefined ? {} : { remedy: fault.remedy }),
    severity: fault.severity ?? "error",
  };
}
