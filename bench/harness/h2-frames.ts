// As much of HTTP/2 as the bench's own clients need: one small GET as bytes, and where its answer ends. No HPACK table, no
// windows, no check of anything: whoever is measured is thought to speak it well.

const frameHead = 9;

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(frameHead + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, frameHead);
  return bytes;
}

const none = Buffer.alloc(0);

/** With SETTINGS that change nothing. */
export const preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"),
  frame(4, 0, 0, none),
]);

export const settingsAck = frame(4, 1, 0, none);

function literal(name: number, value: string): Buffer {
  // Without indexing, the name by its place in the static table, the value as it is (RFC 7541 section 6.2.2).
  return Buffer.concat([Buffer.from([name, value.length]), Buffer.from(value, "latin1")]);
}

const authority = 1;
const path = 4;

/** HEADERS of `GET /small` that end the stream. */
export function requestFrames(stream: number, isSecure: boolean): Buffer {
  const method = Buffer.from([0x82]);
  const scheme = Buffer.from([isSecure ? 0x87 : 0x86]);
  const fields = [method, scheme, literal(path, "/small"), literal(authority, "bench.test")];
  return frame(1, 0x5, stream, Buffer.concat(fields));
}

/** RST_STREAM with CANCEL. */
export function resetFrame(stream: number): Buffer {
  return frame(3, 0, stream, Buffer.from([0, 0, 0, 8]));
}

/** What comes on a connection, as far as one stream of it goes. */
export class Answer {
  readonly #stream: number;
  #rest: Buffer = none;
  /** So many SETTINGS that want to be acknowledged. */
  settings = 0;
  isOver = false;
  isGood = false;
  bodyLength = 0;

  constructor(stream: number) {
    this.#stream = stream;
  }

  read(bytes: Buffer): void {
    let rest = Buffer.concat([this.#rest, bytes]);
    while (rest.length >= frameHead) {
      const end = frameHead + rest.readUIntBE(0, 3);
      if (rest.length < end) break;
      this.#take(rest[3] ?? 0, rest[4] ?? 0, rest.readUInt32BE(5), rest.subarray(frameHead, end));
      rest = rest.subarray(end);
    }
    this.#rest = rest;
  }

  #take(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === 4 && (flags & 1) === 0) this.settings++;
    if (stream !== this.#stream) return;
    if (type === 0) this.bodyLength += payload.length;
    // 200 is one byte of the static table, after changes of the size of the dynamic one.
    if (type === 1) this.isGood = payload.find((byte) => byte >> 5 !== 1) === 0x88;
    if (type === 3 || (type <= 1 && (flags & 1) === 1)) this.isOver = true;
  }
}
