// Records of FastCGI 1.0: how they are written, as latin1 text, and how they are read however they are split.
// Hot: bench/head.ts

import { maxManagementBytes, maxRecordBytes } from "../config/gateway-limits.ts";

/** Types of records, FastCGI 1.0 section 8. */
export const Record = {
  BEGIN_REQUEST: 1,
  ABORT_REQUEST: 2,
  END_REQUEST: 3,
  PARAMS: 4,
  STDIN: 5,
  STDOUT: 6,
  STDERR: 7,
  GET_VALUES: 9,
  GET_VALUES_RESULT: 10,
  UNKNOWN_TYPE: 11,
} as const;

/** What became of a request as the program's side of the protocol sees it, section 5.5. */
export const Ending = { COMPLETE: 0, CANNOT_MULTIPLEX: 1, OVERLOADED: 2, UNKNOWN_ROLE: 3 } as const;

const responder = 1;
const keepConnection = 1;

// --- writing ---------------------------------------------------------------------------------------

function header(type: number, id: number, length: number): string {
  return String.fromCharCode(1, type, id >> 8, id & 255, length >> 8, length & 255, 0, 0);
}

/** @param isKept the program leaves the connection open after its answer */
export function beginRecord(id: number, isKept: boolean): string {
  const flags = isKept ? keepConnection : 0;
  return `${header(Record.BEGIN_REQUEST, id, 8)}${String.fromCharCode(0, responder, flags)}\0\0\0\0\0`;
}

export function abortRecord(id: number): string {
  return header(Record.ABORT_REQUEST, id, 0);
}

/** All of a request's params, however long, and their end. */
export function paramsRecords(id: number, pairs: string): string {
  const end = header(Record.PARAMS, id, 0);
  if (pairs === "") return end;
  if (pairs.length <= maxRecordBytes) return header(Record.PARAMS, id, pairs.length) + pairs + end;
  const record = (from: number, to: number) =>
    header(Record.PARAMS, id, to - from) + pairs.slice(from, to);
  let text = "";
  let begun = 0;
  for (let at = 0; at < pairs.length;) {
    const next = pairEnd(pairs, at);
    // PHP reads each record for itself: no pair is cut unless it is longer than a record.
    if (next - begun > maxRecordBytes && at > begun) {
      text += record(begun, at);
      begun = at;
    }
    for (; next - begun > maxRecordBytes; begun += maxRecordBytes) {
      text += record(begun, begun + maxRecordBytes);
    }
    at = next;
  }
  return text + record(begun, pairs.length) + end;
}

/** What comes before so many bytes of a body; 0 = its end. */
export function stdinHeader(id: number, length: number): string {
  return header(Record.STDIN, id, length);
}

/** Asks what the program can do. */
export function getValuesRecord(names: readonly string[]): string {
  const pairs = encodePairs(names.flatMap((name) => [name, ""]));
  return header(Record.GET_VALUES, 0, pairs.length) + pairs;
}

/** Name-value pairs, section 3.4: lengths up to 127 take one byte, longer ones four. */
export function encodePairs(params: readonly string[]): string {
  let text = "";
  for (let at = 0; at < params.length; at += 2) {
    const name = params[at]!;
    const value = params[at + 1]!;
    text += lengthText(name.length) + lengthText(value.length) + name + value;
  }
  return text;
}

function lengthText(length: number): string {
  if (length < 128) return String.fromCharCode(length);
  return String.fromCharCode(
    (length >>> 24) | 128,
    (length >> 16) & 255,
    (length >> 8) & 255,
    length & 255,
  );
}

/** Of a complete content; undefined = it is none. Of a name that comes twice the last counts. */
export function decodePairs(text: string): ReadonlyMap<string, string> | undefined {
  const pairs = new Map<string, string>();
  for (let at = 0; at < text.length;) {
    const end = pairEnd(text, at);
    // What is missing reads as no number, and no end is behind it.
    if (!(end <= text.length)) return undefined;
    const lengths = lengthBytes(text, at);
    const name = at + lengths + lengthBytes(text, at + lengths);
    const value = name + lengthAt(text, at);
    pairs.set(text.slice(name, value), text.slice(value, end));
    at = end;
  }
  return pairs;
}

/** Where the pair ends that begins here. */
function pairEnd(text: string, at: number): number {
  const second = at + lengthBytes(text, at);
  return second + lengthBytes(text, second) + lengthAt(text, at) + lengthAt(text, second);
}

function lengthBytes(text: string, at: number): number {
  return text.charCodeAt(at) < 128 ? 1 : 4;
}

function lengthAt(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first < 128) return first;
  return (
    (first - 128) * 16_777_216 +
    text.charCodeAt(at + 1) * 65_536 +
    text.charCodeAt(at + 2) * 256 +
    text.charCodeAt(at + 3)
  );
}

// --- reading ---------------------------------------------------------------------------------------

export const Event = {
  /** There is no more here; go on with what comes. */
  MORE: 0,
  /** Bytes of a stream's record (STDOUT, STDERR) stand at dataStart..dataEnd. */
  DATA: 1,
  /** A record without content: its stream has ended. */
  STREAM_END: 2,
  /** A whole other record; its content is `content`. */
  RECORD: 3,
  BAD: 4,
} as const;

export type Event = (typeof Event)[keyof typeof Event];

const headerBytes = 8;

export class RecordReader {
  /** Where `next` goes on reading. */
  position = 0;
  type = 0;
  id = 0;
  dataStart = 0;
  dataEnd = 0;
  /** Of a record that is no stream's, latin1. */
  content = "";
  /** What is wrong, after BAD: a sentence. */
  fault = "";
  readonly #header = [0, 0, 0, 0, 0, 0, 0, 0];
  #headerLength = 0;
  #contentLeft = 0;
  #paddingLeft = 0;

  /** Nothing of a record is there yet. */
  get isBetween(): boolean {
    return this.#headerLength === 0;
  }

  /** Reads on from `position` up to the next event. Call again until it says MORE or BAD. */
  next(buffer: Uint8Array, end: number): Event {
    while (this.position < end) {
      if (this.#headerLength < headerBytes) {
        this.#header[this.#headerLength++] = buffer[this.position++]!;
        if (this.#headerLength < headerBytes) continue;
        const event = this.#begin();
        if (event !== Event.MORE) return event;
      } else if (this.#contentLeft > 0) {
        const event = this.#read(buffer, end);
        if (event !== Event.MORE) return event;
      } else {
        this.#skip(end);
      }
    }
    return Event.MORE;
  }

  #begin(): Event {
    const header = this.#header;
    this.type = header[1]!;
    this.id = (header[2]! << 8) | header[3]!;
    this.#contentLeft = (header[4]! << 8) | header[5]!;
    this.#paddingLeft = header[6]!;
    this.content = "";
    const isStream = this.type === Record.STDOUT || this.type === Record.STDERR;
    const isEmpty = this.#contentLeft === 0;
    if (header[0] !== 1) return this.#bad(`a record is of version ${header[0]}, not 1`);
    if (!isStream && !isKnown(this.type)) return this.#bad(`a record has the type ${this.type}`);
    if (!isStream && this.#contentLeft > maxManagementBytes) {
      return this.#bad(`a record of type ${this.type} has ${this.#contentLeft} bytes`);
    }
    if (isEmpty && this.#paddingLeft === 0) this.#headerLength = 0;
    if (!isEmpty) return Event.MORE;
    return isStream ? Event.STREAM_END : Event.RECORD;
  }

  #read(buffer: Uint8Array, end: number): Event {
    const size = Math.min(this.#contentLeft, end - this.position);
    this.dataStart = this.position;
    this.dataEnd = this.position = this.position + size;
    this.#contentLeft -= size;
    if (this.#contentLeft === 0 && this.#paddingLeft === 0) this.#headerLength = 0;
    if (this.type === Record.STDOUT || this.type === Record.STDERR) return Event.DATA;
    this.content += String.fromCharCode(...buffer.subarray(this.dataStart, this.dataEnd));
    return this.#contentLeft === 0 ? Event.RECORD : Event.MORE;
  }

  #skip(end: number): void {
    const size = Math.min(this.#paddingLeft, end - this.position);
    this.position += size;
    this.#paddingLeft -= size;
    if (this.#paddingLeft === 0) this.#headerLength = 0;
  }

  #bad(fault: string): Event {
    this.fault = fault;
    return Event.BAD;
  }
}

/** It is about the connection, and of no request. */
export function isManagement(type: number): boolean {
  return type === Record.GET_VALUES_RESULT || type === Record.UNKNOWN_TYPE;
}

/** What a program may send besides its two streams. */
function isKnown(type: number): boolean {
  return type === Record.END_REQUEST || isManagement(type);
}
