// Reads the Markdown pages of this folder into cases. README.md explains the notation to people; this
// file is its only reader. An unknown word is an error: a case must never be silently half-read.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type FailureCode, failures } from "../../src/http/errors.ts";

export type ClientStep =
  | { readonly kind: "send"; readonly bytes: string }
  | {
      readonly kind: "response";
      readonly method: string;
      readonly expected: Pattern;
      closed: boolean;
      either: boolean;
    }
  | {
      readonly kind: "status";
      readonly statuses: readonly number[];
      readonly codes: readonly FailureCode[];
      closed: boolean;
    }
  | { readonly kind: "truncated"; readonly status: number; readonly instead: number | undefined }
  | { readonly kind: "raw"; readonly bytes: string; closed: boolean }
  | { readonly kind: "closed" };

export type OriginStep =
  | {
      readonly kind: "answer";
      readonly bytes: string;
      when: "message" | "head";
      ending: "keep" | "close" | "reset";
      uncut: boolean;
    }
  | { readonly kind: "raw-answer"; readonly bytes: string }
  | { readonly kind: "raw-expect"; readonly bytes: string };

/** What a message must look like; `headers` may hold placeholders such as `<any>`. */
export interface Pattern {
  readonly startLine: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly absent: readonly string[];
  readonly trailers: readonly (readonly [string, string])[];
  /** `...` was written: further fields do not matter. */
  readonly open: boolean;
  readonly body: string | undefined;
}

export interface LogLine {
  readonly codes: readonly string[];
  readonly statuses: readonly number[];
}

/** What must have come out at the origin's side. */
export type Upstream =
  | { readonly kind: "nothing" }
  | { readonly kind: "incomplete" }
  | { readonly kind: "any" }
  | { readonly kind: "requests"; readonly patterns: readonly Pattern[] };

export interface WireCase {
  readonly file: string;
  readonly title: string;
  readonly place: string;
  readonly config: string;
  readonly client: readonly ClientStep[];
  readonly origin: readonly OriginStep[];
  readonly upstream: Upstream;
  readonly log: readonly LogLine[];
}

export interface Block {
  readonly info: readonly string[];
  readonly text: string;
  readonly line: number;
}

export function readCases(folder: string): WireCase[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "README.md");
  return names.sort().flatMap((name) => readPage(name, readFileSync(join(folder, name), "utf8")));
}

export function readPage(file: string, text: string): WireCase[] {
  return readSections(file, text).map(caseOf);
}

export function readSections(file: string, text: string): Section[] {
  const sections: Section[] = [];
  let title: string | undefined;
  let titleLine = 0;
  let blocks: Block[] = [];
  let pageConfig = "";
  const finish = () => {
    if (title === undefined) {
      pageConfig = blocks.map(({ text: each }) => each).join("\n");
    } else {
      sections.push({ file, title, place: `${file}:${titleLine}`, pageConfig, blocks });
    }
    blocks = [];
  };
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const line = (lines[at] ?? "").trimEnd();
    if (line.startsWith("## ")) {
      finish();
      title = line.slice(3).trim();
      titleLine = at + 1;
    } else if (line.startsWith("```")) {
      const end = lines.findIndex((each, index) => index > at && each.trimEnd() === "```");
      if (end < 0) throw new Error(`${file}:${at + 1}: block without end`);
      const info = line.slice(3).trim().split(/\s+/);
      blocks.push({ info, text: lines.slice(at + 1, end).join("\n"), line: at + 1 });
      at = end;
    }
  }
  finish();
  return sections;
}

export interface Section {
  readonly file: string;
  readonly title: string;
  readonly place: string;
  readonly pageConfig: string;
  readonly blocks: readonly Block[];
}

function caseOf({ file, title, place, pageConfig, blocks }: Section): WireCase {
  const client: ClientStep[] = [];
  const origin: OriginStep[] = [];
  const patterns: Pattern[] = [];
  const log: LogLine[] = [];
  let config = pageConfig;
  let upstream: Upstream | undefined;
  for (const block of blocks) {
    const where = `${file}:${block.line}`;
    const [kind = "", ...flags] = block.info;
    if (kind === "request") client.push({ kind: "send", bytes: expand(block.text, where) });
    else if (kind === "response") client.push(responseStep(block.text, flags, where));
    else if (kind === "answer") origin.push(answerStep(expand(block.text, where), flags, where));
    else if (kind === "upstream" && flags[0] === "raw") {
      origin.push({ kind: "raw-expect", bytes: expand(block.text, where) });
    } else if (kind === "upstream") {
      const word = block.text.trim();
      if (word === "nothing" || word === "incomplete") upstream = { kind: word };
      else patterns.push(patternOf(expand(block.text, where)));
    } else if (kind === "log") log.push(...logLines(block.text, where));
    else if (kind === "config") config = `${config}\n${block.text}`;
    else throw new Error(`${where}: unknown block ${kind}`);
  }
  if (client.length < 2) throw new Error(`${place}: a case needs a request and a response`);
  for (const step of client) {
    if (step.kind === "status" && step.codes.length > 0) {
      log.push({ codes: step.codes, statuses: step.statuses });
    }
  }
  if (patterns.length > 0) upstream = { kind: "requests", patterns };
  upstream ??= impliedUpstream(client);
  return { file, title, place, config: config.trim(), client, origin, upstream, log };
}

/** A request refused for its own faults must leave no byte behind us; with a body it may have begun. */
function impliedUpstream(client: readonly ClientStep[]): Upstream {
  const answers = client.filter(({ kind }) => kind !== "send");
  const codes = answers.flatMap((step) => (step.kind === "status" ? step.codes : []));
  if (answers.length !== 1 || codes.length === 0) return { kind: "any" };
  if (codes.some((code) => failures[code].side !== "client")) return { kind: "any" };
  const late = codes.some((code) => code === "BAD_CHUNK" || code.startsWith("BODY_"));
  return { kind: late ? "incomplete" : "nothing" };
}

export function responseStep(text: string, flags: readonly string[], where: string): ClientStep {
  const line = text.trim();
  if (flags.includes("raw"))
    return { kind: "raw", bytes: expand(text, where), closed: flags.includes("closed") };
  if (line === "closed") return { kind: "closed" };
  const closed = flags.includes("closed") || line.endsWith(", closed");
  const status =
    /^status (\d{3}(?:\|\d{3})*)((?: (?:or )?[A-Z_]+)*)(, closed|, truncated(?: or (\d{3}))?)?$/.exec(
      line,
    );
  if (status !== null) {
    const codes = (status[2] ?? "").split(/ or | /).filter((code) => code !== "");
    if (status[3]?.startsWith(", truncated") === true) {
      const instead = status[4] === undefined ? undefined : Number(status[4]);
      return { kind: "truncated", status: Number(status[1]), instead };
    }
    const statuses = (status[1] ?? "").split("|").map(Number);
    return { kind: "status", statuses, codes: codes.map((c) => codeOf(c, where)), closed };
  }
  if (!line.startsWith("HTTP/1.")) throw new Error(`${where}: cannot read this response`);
  const method = flags[flags.indexOf("to") + 1] ?? "";
  return {
    kind: "response",
    method: flags.includes("to") ? method : "GET",
    expected: patternOf(expand(text, where)),
    closed,
    either: flags.includes("either"),
  };
}

function answerStep(bytes: string, flags: readonly string[], where: string): OriginStep {
  const rest = flags.filter(
    (flag) => !["raw", "after", "head", "close", "reset", "uncut"].includes(flag),
  );
  if (rest.length > 0) throw new Error(`${where}: unknown word ${rest.join(" ")}`);
  if (flags.includes("raw")) return { kind: "raw-answer", bytes };
  const ending = flags.includes("reset") ? "reset" : flags.includes("close") ? "close" : "keep";
  const when = flags.includes("head") ? "head" : "message";
  return { kind: "answer", bytes, when, ending, uncut: flags.includes("uncut") };
}

function logLines(text: string, where: string): LogLine[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => {
      const parts = /^(.+) (\d{3}(?:\|\d{3})*)$/.exec(line);
      if (parts === null) throw new Error(`${where}: cannot read ${line}`);
      const codes = (parts[1] ?? "").split(" or ");
      return {
        codes: codes.map((code) => (code === "-" ? "" : codeOf(code, where))),
        statuses: (parts[2] ?? "").split("|").map(Number),
      };
    });
}

function codeOf(text: string, where: string): FailureCode {
  if (!Object.hasOwn(failures, text)) throw new Error(`${where}: no failure is called ${text}`);
  return text as FailureCode;
}

export function patternOf(bytes: string): Pattern {
  const end = bytes.indexOf("\r\n\r\n");
  const [startLine = "", ...lines] = bytes.slice(0, end < 0 ? bytes.length : end).split("\r\n");
  const fields = lines.filter((line) => line !== "" && line !== "...");
  const plain = fields.filter((line) => !/^[!~]/.test(line));
  return {
    startLine,
    headers: plain.map(pairOf),
    absent: fields.filter((line) => line.startsWith("!")).map((line) => line.slice(1).trim()),
    trailers: fields.filter((line) => line.startsWith("~")).map((line) => pairOf(line.slice(1))),
    open: lines.includes("..."),
    body: end < 0 ? undefined : bytes.slice(end + 4),
  };
}

function pairOf(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}

/** The bytes a block stands for; see README.md, "How bytes are written". */
export function expand(text: string, where = ""): string {
  if (Buffer.from(text).some((byte) => byte > 126)) {
    throw new Error(`${where}: write bytes above 7E as \\xHH`);
  }
  let bytes = "";
  for (const line of text.split("\n")) {
    const continues = /(^|[^\\])(\\\\)*\\$/.test(line);
    bytes += continues ? unescape(line.slice(0, -1), where) : `${unescape(line, where)}\r\n`;
  }
  return bytes;
}

function unescape(line: string, where: string): string {
  return line.replace(
    /\\(?:x([0-9A-Fa-f]{2})|\{([^}]*)\*(\d+)\}|(.))/g,
    (_whole, hex?: string, repeated?: string, times?: string, char?: string) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (repeated !== undefined) return unescape(repeated, where).repeat(Number(times));
      const simple: Record<string, string> = { r: "\r", n: "\n", t: "\t", "0": "\0", "\\": "\\" };
      const value = simple[char ?? ""];
      if (value === undefined) throw new Error(`${where}: unknown escape \\${char ?? ""}`);
      return value;
    },
  );
}
