// Messages of the DNS (RFC 1035 section 4), as far as changes need them: the question whose zone a name is in, the change
// (RFC 2136), and what comes back. A message from outside is read within its bounds, whatever it says.

import { dnsChangeLimits as limits } from "../../config/acme-limits.ts";

export const recordTypes = { soa: 6, txt: 16, tsig: 250 } as const;
export const recordClasses = { in: 1, none: 254, any: 255 } as const;

const headerBytes = 12;
const operations = { query: 0, update: 5 } as const;

export interface Change {
  readonly zone: string;
  readonly name: string;
  readonly value: string;
  readonly isRemoval: boolean;
}

export function zoneQuestion(id: number, name: string): Buffer {
  const question = fields(encodedName(name), recordTypes.soa, recordClasses.in);
  return Buffer.concat([header(id, operations.query, [1, 0, 0, 0]), question]);
}

/** RFC 2136 sections 2.5.1 and 2.5.4: one record of many is added, or goes. What is there already is no fault. */
export function updateMessage(id: number, { zone, name, value, isRemoval }: Change): Buffer {
  const data = textData(value);
  const ttl = Buffer.alloc(4);
  ttl.writeUInt32BE(isRemoval ? 0 : limits.ttl);
  const kind = isRemoval ? recordClasses.none : recordClasses.in;
  const length = Buffer.alloc(2);
  length.writeUInt16BE(data.length);
  return Buffer.concat([
    header(id, operations.update, [1, 0, 1, 0]),
    fields(encodedName(zone), recordTypes.soa, recordClasses.in),
    fields(encodedName(name), recordTypes.txt, kind),
    ...[ttl, length, data],
  ]);
}

function header(id: number, operation: number, counts: readonly number[]): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(operation << 11, 2);
  for (const [at, count] of counts.entries()) bytes.writeUInt16BE(count, 4 + at * 2);
  return bytes;
}

function fields(name: Buffer, type: number, kind: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(kind, 2);
  return Buffer.concat([name, bytes]);
}

/** Lower-case, as signatures want it (RFC 8945 section 4.3.3). Throws at what is no name. */
export function encodedName(name: string): Buffer {
  const labels = name.toLowerCase().replace(/\.$/, "").split(".");
  const parts = labels.filter((each) => each !== "").map((each) => Buffer.from(each, "latin1"));
  const bytes = Buffer.concat(parts.flatMap((each) => [Buffer.of(each.length), each]));
  const isFine = parts.every((each) => each.length < 64) && bytes.length < 255;
  if (!isFine) throw new Error(`${name.slice(0, 300)} is too long for the DNS`);
  return Buffer.concat([bytes, Buffer.of(0)]);
}

/** Strings of at most 255 bytes. */
function textData(value: string): Buffer {
  const bytes = Buffer.from(value);
  const parts: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += 255) {
    const part = bytes.subarray(at, at + 255);
    parts.push(Buffer.of(part.length), part);
  }
  return Buffer.concat(parts);
}

export interface DnsRecordBytes {
  readonly name: string;
  readonly type: number;
  /** Where it begins, where its data does, and where both end. */
  readonly start: number;
  readonly data: number;
  readonly end: number;
}

export interface DnsAnswer {
  readonly bytes: Buffer;
  readonly id: number;
  /** RCODE: 0 = done. */
  readonly code: number;
  /** Whoever answers has the zone. */
  readonly isAuthoritative: boolean;
  /** Of all sections. */
  readonly records: readonly DnsRecordBytes[];
}

/** undefined = it is no answer. */
export function readAnswer(bytes: Buffer): DnsAnswer | undefined {
  try {
    const flags = bytes.readUInt16BE(2);
    const counts = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
    const [questions = 0, ...others] = counts;
    const total = others.reduce((sum, each) => sum + each, 0);
    if ((flags & 0x8000) === 0 || questions > 1 || total > limits.records) return undefined;
    let at = headerBytes;
    for (let left = questions; left > 0; left -= 1) at = readName(bytes, at).end + 4;
    const records: DnsRecordBytes[] = [];
    for (let left = total; left > 0; left -= 1) {
      const record = readRecord(bytes, at);
      records.push(record);
      at = record.end;
    }
    if (at !== bytes.length) return undefined;
    const isAuthoritative = (flags & 0x0400) !== 0;
    return { bytes, id: bytes.readUInt16BE(0), code: flags & 0xf, isAuthoritative, records };
  } catch {
    return undefined; // it ends too early, or leads in circles
  }
}

function readRecord(bytes: Buffer, start: number): DnsRecordBytes {
  const { name, end } = readName(bytes, start);
  const data = end + 10;
  const record = { name, type: bytes.readUInt16BE(end), start, data };
  const last = data + bytes.readUInt16BE(end + 8);
  if (last > bytes.length) throw new RangeError("it ends too early");
  return { ...record, end: last };
}

/** Lower-case, without the dot at its end. Throws at what is none. */
export function readName(bytes: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  let end: number | undefined;
  let size = 0;
  for (;;) {
    const length = bytes.readUInt8(at);
    if (length === 0) return { name: labels.join(".").toLowerCase(), end: end ?? at + 1 };
    if (length >= 0xc0) {
      const to = bytes.readUInt16BE(at) & 0x3fff;
      end ??= at + 2;
      // Only backwards, so that it comes to an end (RFC 1035 section 4.1.4).
      if (to >= at) throw new RangeError("it leads in circles");
      at = to;
    } else {
      size += length + 1;
      const next = at + 1 + length;
      if (length > 63 || size > 255 || next > bytes.length) throw new RangeError("no name");
      labels.push(bytes.toString("latin1", at + 1, next));
      at = next;
    }
  }
}
