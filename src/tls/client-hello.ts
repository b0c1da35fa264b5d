// Reads what a TLS client says first: the name of the server it wants (SNI) and the protocols it offers
// (ALPN), without answering anything. The message (RFC 8446 section 4.1.2) may be cut over several records
// (section 5.1), and those over any number of reads. Every byte is looked at once, and what is kept is
// bounded. Strict where two readers could take a different name out of the same bytes.

import { normaliseHost } from "../lib/host.ts";

export interface ClientHello {
  /** As `normaliseHost` writes it; "" = the client named none. */
  readonly serverName: string;
  /** In the client's order; empty = it offers none. */
  readonly protocols: readonly string[];
  /** A certificate of ECDSA can be shown to it. */
  readonly knowsEcdsa?: true;
}

export type HelloReading =
  | { readonly kind: "more" }
  | { readonly kind: "hello"; readonly hello: ClientHello }
  /** The first byte begins no TLS handshake. */
  | { readonly kind: "not-tls" }
  | { readonly kind: "bad"; readonly why: string };

/** Real ones have 200 bytes to 2 KiB, with session tickets and post-quantum keys perhaps 4. */
export const maxHelloBytes = 16 * 1024;

/** In all, with the headers of records: who cuts a hello into records of a few bytes wants to be a burden. */
export const maxHelloRecordBytes = 2 * maxHelloBytes;

/** RFC 8446 section 5.1. */
const maxRecordBytes = 2 ** 14;
const handshakeRecord = 22;
const clientHelloType = 1;
const messageHeaderBytes = 4;

const more: HelloReading = { kind: "more" };

function bad(why: string): HelloReading {
  return { kind: "bad", why };
}

/** Reads one hello. Of no use any more once it has answered something else than `more`. */
export class ClientHelloReader {
  /** Of the record that is being read: how many bytes of its header have come, and are left of its content. */
  #headerBytes = 0;
  #left = 0;
  /** Upper byte of its length. */
  #high = 0;
  #seen = 0;
  /** The message so far, its header included. */
  #message = Buffer.allocUnsafe(1024);
  #length = 0;
  /** Known once the message's header has come. */
  #wanted = -1;

  /** The bytes are only needed during the call. */
  push(buffer: Buffer, start: number, end: number): HelloReading {
    let at = start;
    while (at < end) {
      if (this.#left === 0) {
        const wrong = this.#readHeaderByte(byteAt(buffer, at));
        if (wrong !== undefined) return wrong;
        at++;
        this.#seen++;
      } else {
        const taken = Math.min(this.#left, end - at);
        const reading = this.#take(buffer, at, at + taken);
        if (reading.kind !== "more") return reading;
        at += taken;
        this.#left -= taken;
        this.#seen += taken;
      }
      if (this.#seen > maxHelloRecordBytes) return bad("it is cut into too many records");
    }
    return more;
  }

  /** Type, version (two bytes), length (two bytes). */
  #readHeaderByte(byte: number): HelloReading | undefined {
    const position = this.#headerBytes++;
    if (position === 0 && byte !== handshakeRecord) {
      return this.#seen === 0 ? { kind: "not-tls" } : bad("another kind of record interrupts it");
    }
    if (position === 1 && byte !== 3) return bad("the record's version is unknown");
    if (position < 3) return undefined;
    if (position === 3) {
      this.#high = byte;
      return undefined;
    }
    this.#headerBytes = 0;
    this.#left = (this.#high << 8) | byte;
    if (this.#left === 0) return bad("a record is empty");
    return this.#left > maxRecordBytes ? bad("a record is too long") : undefined;
  }

  #take(buffer: Buffer, start: number, end: number): HelloReading {
    this.#keep(buffer, start, end);
    if (this.#wanted < 0) {
      if (byteAt(this.#message, 0) !== clientHelloType) return bad("it is no ClientHello");
      if (this.#length < messageHeaderBytes) return more;
      this.#wanted = messageHeaderBytes + this.#message.readUIntBE(1, 3);
      if (this.#wanted > maxHelloBytes) return bad("the ClientHello is too long");
    }
    if (this.#length < this.#wanted) return more;
    return readMessage(this.#message.subarray(messageHeaderBytes, this.#wanted));
  }

  #keep(buffer: Buffer, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#message.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#message.length));
      this.#message.copy(larger, 0, 0, this.#length);
      this.#message = larger;
    }
    buffer.copy(this.#message, this.#length, start, end);
    this.#length = length;
  }
}

// --- the message -----------------------------------------------------------------------------------
//
//   version (2) | random (32) | session id <1> | cipher suites <2> | compression <1> | extensions <2>
//
// <n>: n bytes of length, then so many bytes. An extension: type (2), content <2>.

/** Never leaves this file: `readMessage` turns it into an outcome. */
class Fault extends Error {}

/** Takes a message apart from front to back. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new Fault("a field is longer than what it stands in");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  number(size: 1 | 2): number {
    return this.take(size).readUIntBE(0, size);
  }

  /** A field behind its length. */
  field(size: 1 | 2): Buffer {
    return this.take(this.number(size));
  }
}

const serverNameType = 0;
const signaturesType = 13;
const protocolsType = 16;
const hostNameType = 0;

function readMessage(bytes: Buffer): HelloReading {
  try {
    return { kind: "hello", hello: helloOf(new Cursor(bytes)) };
  } catch (error) {
    if (error instanceof Fault) return bad(error.message);
    throw error;
  }
}

function helloOf(message: Cursor): ClientHello {
  if (message.number(2) >> 8 !== 3) throw new Fault("the version is unknown");
  message.take(32);
  if (message.field(1).length > 32) throw new Fault("the session id is too long");
  const suites = message.field(2);
  if (suites.length < 2 || suites.length % 2 !== 0)
    throw new Fault("the list of cipher suites is malformed");
  if (message.field(1).length === 0) throw new Fault("the list of compressions is empty");
  // TLS 1.2 and older may have no extensions at all.
  const extensions = new Cursor(message.isAtEnd ? Buffer.alloc(0) : message.field(2));
  if (!message.isAtEnd) throw new Fault("something follows the extensions");
  let serverName: string | undefined;
  let protocols: readonly string[] | undefined;
  let knowsEcdsa = false;
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const content = extensions.field(2);
    if (type === serverNameType) {
      if (serverName !== undefined) throw new Fault("the server name is given twice");
      serverName = serverNameOf(new Cursor(content));
    } else if (type === protocolsType) {
      if (protocols !== undefined) throw new Fault("the protocols are given twice");
      protocols = protocolsOf(new Cursor(content));
    } else if (type === signaturesType) {
      knowsEcdsa ||= hasEcdsa(content);
    }
  }
  return {
    ...{ serverName: serverName ?? "", protocols: protocols ?? [] },
    ...(knowsEcdsa && hasEcdsaSuite(suites) ? { knowsEcdsa } : {}),
  };
}

/** RFC 6066 section 3: a list that may have one name of each type; there is only one type. */
function serverNameOf(content: Cursor): string {
  const list = new Cursor(content.field(2));
  const type = list.number(1);
  const written = list.field(2).latin1Slice();
  if (!content.isAtEnd || !list.isAtEnd || type !== hostNameType) {
    throw new Fault("the list of server names is malformed");
  }
  // Neither a port nor brackets belong there.
  const name = /[:[]/.test(written) ? undefined : normaliseHost(written);
  if (name === undefined) throw new Fault("the server name is no host name");
  return name;
}

/** RFC 8446 section 4.2.3: pairs of bytes behind their length. Whether it is well-formed OpenSSL says. */
function hasEcdsa(content: Buffer): boolean {
  for (let at = 2; at + 1 < content.length; at += 2) {
    const scheme = content.readUInt16BE(at);
    if (scheme === 0x0403 || scheme === 0x0503 || scheme === 0x0603) return true;
  }
  return false;
}

/** Suites of TLS 1.3 (RFC 8446 section B.4) say nothing of certificates; those of ECDSA: RFC 8422, 5289 and 7905. */
function hasEcdsaSuite(suites: Buffer): boolean {
  for (let at = 0; at + 1 < suites.length; at += 2) {
    const suite = suites.readUInt16BE(at);
    if (suite >> 8 === 0x13 || ecdsaSuites.has(suite)) return true;
  }
  return false;
}

const ecdsaSuites = new Set([0xc009, 0xc00a, 0xc023, 0xc024, 0xc02b, 0xc02c, 0xcca9]);

/** RFC 7301 section 3.1. */
function protocolsOf(content: Cursor): readonly string[] {
  const list = new Cursor(content.field(2));
  const protocols: string[] = [];
  while (!list.isAtEnd) protocols.push(list.field(1).latin1Slice());
  if (!content.isAtEnd || protocols.length === 0 || protocols.includes("")) {
    throw new Fault("the list of protocols is malformed");
  }
  return protocols;
}

/** Only for places that are known to be there. */
function byteAt(bytes: Buffer, at: number): number {
  return bytes[at] ?? 0;
}
