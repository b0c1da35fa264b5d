// Reads a block of frames into steps: what is sent, as bytes, and what must come. README.md explains the notation to
// people; an unknown word is an error, so that no case is silently half-read.

import {
  errorNames,
  flagBits,
  frame,
  frameTypes,
  preface,
  settingIds,
  settingsPayload,
  uint32,
} from "../../harness/h2-frames.ts";
import { type Field, integer, literal } from "../../harness/h2-hpack.ts";
import { expand } from "../case.ts";

export type Step =
  | { readonly kind: "send"; readonly bytes: Buffer }
  | { readonly kind: "close" }
  | { readonly kind: "reset" }
  | { readonly kind: "end" }
  | Expectation;

export type Expectation =
  | {
      readonly kind: "message";
      readonly what: "answer" | "interim" | "request";
      readonly stream: number;
      /** Statuses, or the method and path of a request. */
      readonly line: readonly string[];
      readonly pattern: MessagePattern;
    }
  | { readonly kind: "malformed"; readonly stream: number }
  | { readonly kind: "rst"; readonly stream: number; readonly codes: readonly number[] }
  /** An error of the stream, or of the whole connection. */
  | { readonly kind: "fault"; readonly stream: number; readonly codes: readonly number[] }
  | { readonly kind: "goaway"; readonly codes: readonly number[] }
  | { readonly kind: "closed" | "settings-ack" | "quiet" }
  | { readonly kind: "pong"; readonly hex: string }
  | { readonly kind: "data"; readonly stream: number; readonly bytes: number }
  | { readonly kind: "credit"; readonly stream: number }
  | { readonly kind: "setting"; readonly id: number; readonly value: number };

export interface MessagePattern {
  readonly fields: readonly Field[];
  readonly absent: readonly string[];
  readonly trailers: readonly Field[];
  /** undefined = whatever it is, and whether it has ended does not matter. */
  readonly body: string | undefined;
  /** So many bytes, whatever they are. */
  readonly bytes: number | undefined;
}

interface Line {
  readonly words: readonly string[];
  readonly details: readonly string[];
  readonly where: string;
}

export function readScript(text: string, where: string): Step[] {
  return new ScriptReader(linesOf(text, where)).steps();
}

function linesOf(text: string, where: string): (Line & { readonly mark: string })[] {
  const lines: { mark: string; words: string[]; details: string[]; where: string }[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const at = `${where}, line ${index + 1} of the block`;
    if (line.trim() === "") continue;
    const detail = /^ {2,}(.*)$/.exec(line);
    if (detail !== null) {
      const last = lines.at(-1);
      if (last === undefined) throw new Error(`${at}: a detail of nothing`);
      last.details.push(detail[1] ?? "");
      continue;
    }
    const [mark = "", ...words] = line.trim().split(/\s+/);
    if (mark !== ">" && mark !== "<") throw new Error(`${at}: begins with neither > nor <`);
    lines.push({ mark, words, details: [], where: at });
  }
  return lines;
}

class ScriptReader {
  readonly #lines: readonly (Line & { readonly mark: string })[];
  /** The newest stream: `+` is the next one, `=` the same. */
  #stream = -1;
  /** Bytes of a field section that the next frame carries. */
  #carried: Buffer = Buffer.alloc(0);

  constructor(lines: readonly (Line & { readonly mark: string })[]) {
    this.#lines = lines;
  }

  steps(): Step[] {
    const steps: Step[] = [];
    for (let at = 0; at < this.#lines.length; at += 1) {
      const line = this.#lines[at] as Line & { readonly mark: string };
      if (line.mark === "<") steps.push(expectationOf(line));
      else if (line.words[0] === "repeat") {
        const end = this.#lines.findIndex(({ words }, i) => i > at && words[0] === "until-here");
        if (end < 0) throw new Error(`${line.where}: repeat without until-here`);
        const parts: Buffer[] = [];
        for (let left = Number(line.words[1]); left > 0; left -= 1)
          for (const each of this.#lines.slice(at + 1, end)) parts.push(this.#bytes(each));
        steps.push({ kind: "send", bytes: Buffer.concat(parts) });
        at = end;
      } else steps.push(this.#action(line));
    }
    return steps;
  }

  #action(line: Line): Step {
    const [word = ""] = line.words;
    if (word === "close" || word === "reset" || word === "end") return { kind: word };
    return { kind: "send", bytes: this.#bytes(line) };
  }

  #bytes(line: Line): Buffer {
    const [name = "", ...rest] = line.words;
    if (name === "preface") return preface;
    if (name === "bytes") return Buffer.concat(line.details.map((each) => rawOf(each, line.where)));
    const [id = "", ...words] = rest;
    return this.#frame(name, this.#streamOf(id, line.where), { ...line, words });
  }

  #streamOf(word: string, where: string): number {
    if (word === "+") this.#stream += 2;
    else if (word !== "=") {
      if (!/^R?(\d+|0x[0-9a-f]+)$/.test(word)) throw new Error(`${where}: no stream: ${word}`);
      const id = Number(word.replace("R", ""));
      if (id > 0) this.#stream = id;
      return word.startsWith("R") ? id + 2 ** 31 : id;
    }
    return this.#stream;
  }

  #frame(name: string, stream: number, { words, details, where }: Line): Buffer {
    const type = Object.hasOwn(frameTypes, name)
      ? frameTypes[name as keyof typeof frameTypes]
      : Number(name);
    if (!Number.isInteger(type)) throw new Error(`${where}: no frame is called ${name}`);
    const keys = new Map<string, string>();
    const plain: string[] = [];
    let flags = 0;
    for (const word of words) {
      const pair = /^([a-z]+)=(.+)$/.exec(word);
      if (pair !== null) keys.set(pair[1] ?? "", pair[2] ?? "");
      else if (Object.hasOwn(flagBits, word)) flags |= flagBits[word as keyof typeof flagBits];
      else plain.push(word);
    }
    const take = (key: string) => {
      const value = keys.get(key);
      keys.delete(key);
      return value;
    };
    const claimed = take("length");
    flags |= Number(take("flags") ?? 0);
    const padding = take("pad");
    const isRaw = details.some((each) => each === "empty" || each.startsWith("hex! "));
    // What is written as bytes needs no fields of its own.
    if (isRaw) keys.clear();
    let payload = details.includes("empty")
      ? Buffer.alloc(0)
      : isRaw
        ? rawOf(details.join(" ").replaceAll("hex! ", "hex "), where)
        : this.#payload(type, { words: plain, details, where }, take);
    if (padding !== undefined) {
      const [claims = "0", real = claims] = padding.split(":");
      payload = Buffer.concat([Buffer.from([Number(claims)]), payload, Buffer.alloc(Number(real))]);
    }
    if (keys.size > 0) throw new Error(`${where}: unknown ${[...keys.keys()].join()}`);
    return frame(type, flags, stream, payload, claimed === undefined ? undefined : Number(claimed));
  }

  #payload(type: number, line: Line, take: (key: string) => string | undefined): Buffer {
    const { words, details, where } = line;
    const [word = ""] = words;
    const raw = () => Buffer.concat(details.map((each) => rawOf(each, where)));
    const number = (key: string) => Number(take(key) ?? 0);
    switch (type) {
      case frameTypes.HEADERS:
      case frameTypes.CONTINUATION:
      case frameTypes.PUSH_PROMISE: {
        const before = [take("dep"), take("weight")];
        const head =
          before[0] === undefined
            ? Buffer.alloc(0)
            : Buffer.concat([
                uint32(Number(before[0])),
                Buffer.from([Number(before[1] ?? 16) - 1]),
              ]);
        const promised = take("promised");
        const first = promised === undefined ? head : uint32(Number(promised));
        return Buffer.concat([first, this.#section(details, where, take("take"))]);
      }
      case frameTypes.PRIORITY:
        return Buffer.concat([uint32(number("dep")), Buffer.from([number("weight") - 1])]);
      case frameTypes.RST_STREAM:
        return uint32(codeOf(word, where));
      case frameTypes.SETTINGS:
        return settingsPayload(details.map((each) => settingOf(each, where)));
      case frameTypes.PING:
        return Buffer.from(word);
      case frameTypes.GOAWAY:
        return Buffer.concat([uint32(number("last")), uint32(codeOf(word, where)), raw()]);
      case frameTypes.WINDOW_UPDATE:
        if (!/^\+\d+$/.test(word)) throw new Error(`${where}: how much?`);
        return uint32(Number(word));
      case frameTypes.PRIORITY_UPDATE:
        return Buffer.concat([uint32(number("for")), raw()]);
      default:
        return raw();
    }
  }

  #section(details: readonly string[], where: string, take: string | undefined): Buffer {
    const block = Buffer.concat([this.#carried, ...details.map((each) => fieldOf(each, where))]);
    const size = take === undefined ? block.length : Number(take);
    this.#carried = block.subarray(size);
    return block.subarray(0, size);
  }
}

function rawOf(detail: string, where: string): Buffer {
  const hex = /^hex ([0-9a-f ]+)$/i.exec(detail);
  if (hex !== null)
    return Buffer.from((hex[1] ?? "").replaceAll(" ", "").replaceAll("hex", ""), "hex");
  return Buffer.from(textOf(detail, where), "latin1");
}

/** `"text"` or `"text"*9`. */
function textOf(detail: string, where: string): string {
  const text = /^"(.*)"(?:\*(\d+))?$/.exec(detail);
  if (text === null) throw new Error(`${where}: cannot read ${detail}`);
  return expand(`${text[1]}\\`, where).repeat(Number(text[2] ?? 1));
}

/** One line of a field section, in the representation it asks for. */
function fieldOf(detail: string, where: string): Buffer {
  const request = /^([A-Z]+) (\S+)$/.exec(detail);
  if (request !== null) {
    const [, method = "", path = ""] = request;
    const fields: Field[] = [
      [":method", method],
      [":scheme", "http"],
      [":path", path],
      [":authority", "a.test"],
    ];
    return Buffer.concat(fields.map((field) => literal(field)));
  }
  const index = /^#(\d+)$/.exec(detail);
  if (index !== null) return integer(Number(index[1]), 7, 128);
  const size = /^size (\d+)$/.exec(detail);
  if (size !== null) return integer(Number(size[1]), 5, 32);
  if (detail.startsWith("hex ")) return rawOf(detail, where);
  const representation = /^([+?~]) /.exec(detail)?.[1] ?? "";
  const as = ({ "+": "indexed", "?": "never", "~": "huffman" } as const)[representation] ?? "plain";
  return literal(pairOf(detail.slice(representation === "" ? 0 : 2), where), as);
}

/** The name ends with the first colon that is followed by a blank, or by nothing. */
function pairOf(text: string, where: string): Field {
  const colon = text.search(/:( |$)/);
  if (colon < 0) throw new Error(`${where}: cannot read the field ${text}`);
  return [expand(`${text.slice(0, colon)}\\`, where), expand(`${text.slice(colon + 2)}\\`, where)];
}

function settingOf(detail: string, where: string): readonly [number, number] {
  const [, name = "", value = ""] = /^(\w+) = (\d+)$/.exec(detail) ?? [];
  const id = Object.hasOwn(settingIds, name)
    ? settingIds[name as keyof typeof settingIds]
    : Number(name);
  if (value === "" || Number.isNaN(id)) throw new Error(`${where}: no setting: ${detail}`);
  return [id, Number(value)];
}

function codeOf(word: string, where: string): number {
  const known = errorNames.indexOf(word as "CANCEL");
  const code = known >= 0 ? known : Number(word);
  if (word === "" || Number.isNaN(code)) throw new Error(`${where}: no error is called ${word}`);
  return code;
}

function expectationOf({ words, details, where }: Line): Expectation {
  const [word = "", first = "", ...rest] = words;
  const stream = Number(first);
  const codes = (text: string) => text.split("|").map((each) => codeOf(each, where));
  switch (word) {
    case "answer":
    case "interim":
    case "request": {
      const line = word === "request" ? rest : (rest[0] ?? "").split("|");
      return { kind: "message", what: word, stream, line, pattern: patternOf(details, where) };
    }
    case "malformed":
    case "credit":
      return { kind: word, stream };
    case "RST_STREAM":
      return { kind: "rst", stream, codes: codes(rest[0] ?? "") };
    case "fault":
      return { kind: "fault", stream, codes: codes(rest[0] ?? "") };
    case "GOAWAY":
      return { kind: "goaway", codes: codes(first) };
    case "closed":
    case "settings-ack":
    case "quiet":
      return { kind: word };
    case "pong":
      return { kind: "pong", hex: Buffer.from(first).toString("hex") };
    case "data":
      return { kind: "data", stream, bytes: Number(rest[0]) };
    case "setting": {
      const [id, value] = settingOf(`${first} = ${rest[0]}`, where);
      return { kind: "setting", id, value };
    }
    default:
      throw new Error(`${where}: cannot expect ${word}`);
  }
}

function patternOf(details: readonly string[], where: string): MessagePattern {
  const fields: Field[] = [];
  const trailers: Field[] = [];
  const absent: string[] = [];
  let body: string | undefined;
  let bytes: number | undefined;
  for (const each of details) {
    const count = /^(\d+) bytes$/.exec(each);
    if (count !== null) bytes = Number(count[1]);
    else if (each.startsWith('"')) body = textOf(each, where);
    else if (each.startsWith("!")) absent.push(each.slice(1));
    else if (each.startsWith("~ ")) trailers.push(pairOf(each.slice(2), where));
    else fields.push(pairOf(each, where));
  }
  return { fields, trailers, absent, body, bytes };
}
