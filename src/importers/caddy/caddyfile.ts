// A Caddyfile as directives, like those that labels of Caddy become. Snippets and imports are put in, `{$NAME}` stays for
// whoever reads notes unless it has a usual value.

import { existsSync, globSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { importBounds } from "../../config/limits.ts";
import type { Directive } from "../../providers/labels/caddy-tree.ts";
import { NotImported } from "../imported.ts";
import type { Outline } from "../outline.ts";
import { shown } from "../outline.ts";
import { readSourceFile } from "../source-file.ts";

/** Each block on top: a site, with its addresses as arguments; the global options have none. */
export function readCaddyfile(file: string, outline: Outline): Directive[] {
  const reading = { outline, snippets: new Map(), files: 0, bytes: 0, directives: 0 };
  const tokens = tokensOf(file, reading);
  const sites: Directive[] = [];
  const cursor = { file, tokens, at: 0, args: [] };
  const hasSites = tokens.some(isOpen) || tokens[0]?.text === "import";
  if (!hasSites) {
    // A single site needs no braces: its addresses are the first line.
    const first = tokens[0]?.line;
    const args = takeLine(cursor).map(({ text }) => text);
    const below = readLines(cursor, reading, 0);
    return args.length === 0 ? [] : [{ name: "caddy", args, below, label: `${file}:${first}` }];
  }
  while (cursor.at < tokens.length) readSite(cursor, reading, sites);
  return sites;
}

interface Token {
  readonly text: string;
  readonly line: number;
  /** It begins a line. */
  readonly isFirst: boolean;
  readonly isQuoted: boolean;
}

interface Reading {
  readonly outline: Outline;
  readonly snippets: Map<string, Snippet>;
  files: number;
  bytes: number;
  directives: number;
}

interface Snippet {
  readonly file: string;
  readonly tokens: readonly Token[];
}

interface Cursor {
  readonly file: string;
  readonly tokens: readonly Token[];
  at: number;
  /** What stands for `{args[0]}` in a snippet. */
  readonly args: readonly string[];
}

function tokensOf(file: string, reading: Reading, by?: string): Token[] {
  reading.files += 1;
  if (reading.files > importBounds.files) {
    throw new NotImported(`${file}: more than ${importBounds.files} files are imported`);
  }
  const read = readSourceFile(file, by);
  reading.bytes += read.length;
  if (reading.bytes > importBounds.allBytes) {
    throw new NotImported(`${file}: all that is imported is too large for a configuration`);
  }
  const text = read.replaceAll(
    /\{\$(\w+)(?::([^{}\n]*))?\}/g,
    (whole, name: string, usual: string | undefined, at: number) => {
      const value = process.env[name] ?? usual;
      if (value !== undefined) return value;
      const text = `{$${name}} of the environment is not set, and stays as it is written`;
      reading.outline.note(text, { file, line: read.slice(0, at).split("\n").length });
      return whole;
    },
  );
  const tokens: Token[] = [];
  let line = 1;
  let isFirst = true;
  const form = /(\n)|[^\S\n]+|\\\n|#[^\n]*|"((?:[^"\\]|\\[^])*)"|`([^`]*)`|(["`])|(\S+)/gy;
  for (const [whole, end, quoted, raw, open, bare] of text.matchAll(form)) {
    if (open !== undefined)
      throw new NotImported(`${file}:${line}: this text in quotes has no end`);
    if (bare !== undefined && /^<<[\w-]+$/.test(bare)) {
      throw new NotImported(`${file}:${line}: ${bare} is not read; put the text in backticks`);
    }
    const plain = quoted?.replaceAll(/\\(["\\])/g, "$1") ?? raw ?? bare;
    if (tokens.length > importBounds.words) {
      throw new NotImported(`${file}:${line}: there are more than ${importBounds.words} words`);
    }
    if (plain !== undefined) {
      tokens.push({ text: plain, line, isFirst, isQuoted: bare === undefined });
      isFirst = false;
    }
    if (end !== undefined) isFirst = true;
    line += whole.split("\n").length - 1;
  }
  return tokens;
}

function isOpen(token: Token | undefined): boolean {
  return token?.text === "{" && !token.isQuoted;
}

function isClose(token: Token | undefined): boolean {
  return token?.text === "}" && !token.isQuoted;
}

function readSite(cursor: Cursor, reading: Reading, sites: Directive[]): void {
  const { file, tokens } = cursor;
  const first = tokens[cursor.at];
  const args: string[] = [];
  while (cursor.at < tokens.length && !isOpen(tokens[cursor.at])) {
    const token = tokens[cursor.at];
    // Addresses may stand in several lines when commas part them.
    if (token?.isFirst === true && args.length > 0 && !args.at(-1)?.endsWith(",")) break;
    if (isClose(token)) throw new NotImported(`${file}:${token?.line}: this "}" closes nothing`);
    args.push(token?.text ?? "");
    cursor.at += 1;
  }
  if (args[0] === "import" && !isOpen(tokens[cursor.at])) {
    for (const each of filesOf(args[1] ?? "", cursor, reading)) {
      const inner = {
        file: each,
        tokens: tokensOf(each, reading, `${file}:${first?.line}`),
        at: 0,
        args: args.slice(2),
      };
      while (inner.at < inner.tokens.length) readSite(inner, reading, sites);
    }
    return;
  }
  if (!isOpen(tokens[cursor.at])) {
    throw new NotImported(`${file}:${first?.line}: ${shown(args.join(" "))} has no block { … }`);
  }
  cursor.at += 1;
  const [name = ""] = args;
  if (/^\(.+\)$/.test(name)) {
    reading.snippets.set(name.slice(1, -1), { file, tokens: takeBlock(cursor, first?.line ?? 1) });
    return;
  }
  const below = readBlock(cursor, reading, 0, first?.line ?? 1);
  sites.push({ name: "caddy", args, below, label: `${file}:${first?.line}` });
}

/** Its tokens, without the closing brace. */
function takeBlock(cursor: Cursor, line: number): Token[] {
  const start = cursor.at;
  for (let depth = 0; cursor.at < cursor.tokens.length; cursor.at += 1) {
    const token = cursor.tokens[cursor.at];
    if (isOpen(token)) depth += 1;
    if (!isClose(token)) continue;
    if (depth === 0) {
      cursor.at += 1;
      return cursor.tokens.slice(start, cursor.at - 1);
    }
    depth -= 1;
  }
  throw new NotImported(`${cursor.file}:${line}: this block has no closing "}"`);
}

function readBlock(cursor: Cursor, reading: Reading, depth: number, line: number): Directive[] {
  const { file, args } = cursor;
  if (depth > importBounds.depth) {
    const most = `nested deeper than ${importBounds.depth} levels`;
    throw new NotImported(`${file}:${line}: blocks and imports are ${most}`);
  }
  return readLines({ file, tokens: takeBlock(cursor, line), at: 0, args }, reading, depth);
}

function takeLine(cursor: Cursor): Token[] {
  const start = cursor.at;
  const isEnd = () => {
    const token = cursor.tokens[cursor.at];
    return token === undefined || (cursor.at > start && token.isFirst) || isOpen(token);
  };
  while (!isEnd()) cursor.at += 1;
  return cursor.tokens.slice(start, cursor.at);
}

function readLines(cursor: Cursor, reading: Reading, depth: number): Directive[] {
  const found: Directive[] = [];
  const { file, tokens } = cursor;
  while (cursor.at < tokens.length) {
    reading.directives += 1;
    if (reading.directives > importBounds.directives) {
      throw new NotImported(`${file}: there are more than ${importBounds.directives} directives`);
    }
    const [first, ...rest] = takeLine(cursor);
    if (first === undefined || isClose(first)) {
      const line = tokens[cursor.at]?.line ?? 1;
      throw new NotImported(`${file}:${line}: a directive is missing before "{"`);
    }
    const args = rest.map(({ text }) => filled(text, cursor.args));
    const hasBlock = isOpen(tokens[cursor.at]);
    if (hasBlock) cursor.at += 1;
    const below = hasBlock ? readBlock(cursor, reading, depth + 1, first.line) : [];
    const directive = {
      name: filled(first.text, cursor.args),
      args,
      below,
      label: `${file}:${first.line}`,
    };
    if (directive.name === "import") {
      for (const each of imported(directive, cursor, reading, depth)) found.push(each);
    } else found.push(directive);
  }
  return found;
}

/** Of a snippet: `{args[0]}`, and the older `{args.0}`. */
function filled(text: string, args: readonly string[]): string {
  return text.replaceAll(/\{args[.[](\d{1,3})\]?\}/g, (whole, digits: string) => {
    return args[Number(digits)] ?? whole;
  });
}

function imported(
  { args, label }: Directive,
  cursor: Cursor,
  reading: Reading,
  depth: number,
): readonly Directive[] {
  const [name = "", ...given] = args;
  if (depth >= importBounds.depth) {
    throw new NotImported(`${label}: imports are nested deeper than ${importBounds.depth} levels`);
  }
  const snippet = reading.snippets.get(name);
  if (snippet !== undefined) {
    return readLines({ ...snippet, at: 0, args: given }, reading, depth + 1);
  }
  return filesOf(name, cursor, reading, label).flatMap((file) =>
    readLines(
      { file, tokens: tokensOf(file, reading, label), at: 0, args: given },
      reading,
      depth + 1,
    ),
  );
}

function filesOf(pattern: string, cursor: Cursor, { outline }: Reading, label?: string): string[] {
  const folder = dirname(cursor.file);
  const path = isAbsolute(pattern) ? pattern : join(folder, pattern);
  const isGlob = /[*?[]/.test(pattern);
  const files = isGlob ? globSync(pattern, { cwd: folder }).sort() : existsSync(path) ? [path] : [];
  if (files.length === 0 && !isGlob) {
    const where = label ?? cursor.file;
    outline.note(`${where}: import ${shown(pattern)}: there is no such snippet or file`);
  }
  return files.map((file) => (isAbsolute(file) ? file : join(folder, file)));
}
