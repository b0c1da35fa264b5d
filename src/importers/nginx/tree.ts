// Files of nginx as a tree of directives, includes followed. A relative include is looked for beside the main file, as
// nginx does, and one folder up, since a site alone (`sites-enabled/x`) may be imported, too.

import { existsSync, globSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { importBounds } from "../../config/limits.ts";
import { NotImported } from "../imported.ts";
import type { Outline, Place } from "../outline.ts";
import { shown } from "../outline.ts";
import { readSourceFile } from "../source-file.ts";
import type { Token } from "./tokens.ts";
import { tokensOf } from "./tokens.ts";

export interface Directive extends Place {
  readonly name: string;
  readonly args: readonly string[];
  /** undefined = it ends with a semicolon. */
  readonly block: readonly Directive[] | undefined;
  /** Folder of the main file, where relative paths begin. */
  readonly root: string;
}

export function readTree(file: string, outline: Outline): Directive[] {
  const state = { outline, folder: dirname(file), files: 0, bytes: 0, directives: 0 };
  return readFile(file, state, 0);
}

interface Reading {
  readonly outline: Outline;
  readonly folder: string;
  files: number;
  bytes: number;
  directives: number;
}

function readFile(file: string, state: Reading, depth: number, by?: string): Directive[] {
  state.files += 1;
  if (state.files > importBounds.files) {
    throw new NotImported(`${file}: more than ${importBounds.files} files are included`);
  }
  const text = readSourceFile(file, by);
  state.bytes += text.length;
  if (state.bytes > importBounds.allBytes) {
    throw new NotImported(`${file}: all that is included is too large for a configuration`);
  }
  const read = tokensOf(text);
  if (read.kind === "bad") throw new NotImported(`${file}:${read.line}: ${read.why}`);
  const cursor = { file, tokens: read.tokens, at: 0 };
  return readBlock(cursor, state, depth);
}

interface Cursor {
  readonly file: string;
  readonly tokens: readonly Token[];
  at: number;
}

/** Up to the end of the file, or the brace of the block that `opener` began. */
function readBlock(cursor: Cursor, state: Reading, depth: number, opener?: Token): Directive[] {
  const { file, tokens } = cursor;
  if (depth > importBounds.depth) {
    const line = opener?.line ?? 1;
    throw new NotImported(
      `${file}:${line}: blocks and includes are nested deeper than ${importBounds.depth} levels`,
    );
  }
  const found: Directive[] = [];
  for (;;) {
    const token = tokens[cursor.at];
    cursor.at += 1;
    if (token === undefined) {
      if (opener === undefined) return found;
      throw new NotImported(`${file}:${opener.line}: this block has no closing "}"`);
    }
    if (token.kind === "close") {
      if (opener !== undefined) return found;
      throw new NotImported(`${file}:${token.line}: this "}" closes nothing`);
    }
    if (token.kind !== "word") {
      throw new NotImported(`${file}:${token.line}: a directive is missing before "${token.text}"`);
    }
    for (const each of readDirective(cursor, state, depth, token)) found.push(each);
  }
}

function readDirective(
  cursor: Cursor,
  state: Reading,
  depth: number,
  first: Token,
): readonly Directive[] {
  const { file, tokens } = cursor;
  state.directives += 1;
  if (state.directives > importBounds.directives) {
    throw new NotImported(`${file}: there are more than ${importBounds.directives} directives`);
  }
  const args: string[] = [];
  for (;;) {
    const token = tokens[cursor.at];
    cursor.at += 1;
    if (token === undefined || token.kind === "close") {
      throw new NotImported(
        `${file}:${first.line}: the directive ${shown(first.text)} does not end; write ";" or "{" after it`,
      );
    }
    if (token.kind === "word") {
      args.push(token.text);
      continue;
    }
    const { text: name, line } = first;
    if (token.kind === "open") {
      const block = readBlock(cursor, state, depth + 1, token);
      return [{ name, args, block, file, line, root: resolve(state.folder) }];
    }
    const directive = { name, args, block: undefined, file, line, root: resolve(state.folder) };
    return name === "include" ? include(directive, state, depth) : [directive];
  }
}

function include(directive: Directive, state: Reading, depth: number): readonly Directive[] {
  const [pattern = ""] = directive.args;
  const folders = isAbsolute(pattern) ? ["/"] : [state.folder, dirname(state.folder)];
  const isGlob = /[*?[]/.test(pattern);
  for (const cwd of folders) {
    const alone = existsSync(join(cwd, pattern)) ? [pattern] : [];
    const files = isGlob ? globSync(pattern, { cwd }).sort() : alone;
    const found = files.map((file) => (isAbsolute(file) ? file : join(cwd, file)));
    if (found.length > 0)
      return found.flatMap((file) =>
        readFile(file, state, depth + 1, `${directive.file}:${directive.line}`),
      );
  }
  // nginx takes a pattern that matches nothing for what it is.
  if (!isGlob) state.outline.note(`the included file ${shown(pattern)} is not there`, directive);
  return [];
}

type Names = ReadonlyMap<string, readonly Directive[]>;

// `http { }` has thousands of servers, and each of them asks it for every directive that they may inherit.
const named = new WeakMap<readonly Directive[], Names>();

function byName(level: readonly Directive[]): Names {
  const known = named.get(level);
  if (known !== undefined) return known;
  const made = Map.groupBy(level, ({ name }) => name);
  named.set(level, made);
  return made;
}

/** The directives around a place, from the outermost level in; what a level does not say the one around it does. */
export class Scope {
  readonly #levels: readonly (readonly Directive[])[];

  constructor(levels: readonly (readonly Directive[])[]) {
    this.#levels = levels;
  }

  within(block: readonly Directive[]): Scope {
    return new Scope([...this.#levels, block]);
  }

  /** Those of the innermost level that has any. */
  all(name: string): readonly Directive[] {
    const found = this.#levels.findLast((level) => byName(level).has(name));
    return found === undefined ? [] : (byName(found).get(name) ?? []);
  }

  one(name: string): Directive | undefined {
    return this.all(name).at(-1);
  }

  /** Names of all directives of all levels that it fits. */
  names(pattern: RegExp): readonly string[] {
    const all = this.#levels.flatMap((level) => [...byName(level).keys()]);
    return [...new Set(all)].filter((name) => pattern.test(name));
  }

  /** Of the innermost level alone. */
  own(...names: readonly string[]): readonly Directive[] {
    return (this.#levels.at(-1) ?? []).filter(({ name }) => names.includes(name));
  }

  /** `allow` and `deny` in their order. */
  accessLines(): readonly Directive[] {
    return this.nearest("allow", "deny");
  }

  /** In their order; a level that has any of them hides those around it. */
  nearest(...names: readonly string[]): readonly Directive[] {
    const found = this.#levels.findLast((level) => names.some((name) => byName(level).has(name)));
    return (found ?? []).filter(({ name }) => names.includes(name));
  }

  /** Of all levels, the outermost first. */
  every(name: string): readonly Directive[] {
    return this.#levels.flatMap((level) => byName(level).get(name) ?? []);
  }
}
