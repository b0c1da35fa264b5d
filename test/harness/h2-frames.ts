// Frames of HTTP/2 for the peers of tests: written as a test wants them, right or wrong, and read one after another.

export const frameTypes = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
  PRIORITY_UPDATE: 16,
} as const;

export const flagBits = {
  END_STREAM: 1,
  ACK: 1,
  END_HEADERS: 4,
  PADDED: 8,
  PRIORITY: 32,
} as const;

export const settingIds = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
  NO_RFC7540_PRIORITIES: 9,
} as const;

/** By number. */
export const errorNames = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
] as const;

export const errorName = (code: number): string => errorNames[code] ?? `0x${code.toString(16)}`;

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export const has = ({ flags }: Frame, flag: number): boolean => (flags & flag) !== 0;

export function nameOf({ type }: Frame): string {
  const found = Object.entries(frameTypes).find(([, number]) => number === type);
  return found?.[0] ?? `type ${type}`;
}

/** @param length what the frame says of its payload, where that is a lie */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function settingsPayload(settings: readonly (readonly [number, number])[]): Buffer {
  return Buffer.concat(
    settings.map(([id, value]) => Buffer.concat([Buffer.from([id >> 8, id & 255]), uint32(value)])),
  );
}

export function settingsOf(payload: Buffer): (readonly [number, number])[] {
  return Array.from({ length: Math.floor(payload.length / 6) }, (_, index) => [
    payload.readUInt16BE(index * 6),
    payload.readUInt32BE(index * 6 + 2),
  ]);
}

export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** Bytes of a frame that is not complete. */
  get pending(): Buffer {
    return this.#rest;
  }

  *push(bytes: Uint8Array): Generator<Frame> {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 9) {
      const rest = this.#rest;
      const end = 9 + rest.readUIntBE(0, 3);
      if (rest.length < end) return;
      this.#rest = rest.subarray(end);
      yield {
        type: rest[3] ?? 0,
        flags: rest[4] ?? 0,
        stream: rest.readUInt32BE(5) & 0x7fffffff,
        payload: rest.subarray(9, end),
      };
    }
  }
}

/** The payload without padding and priority fields. @throws when it lies about its padding */
export function contentOf(each: Frame): Buffer {
  let { payload } = each;
  const isPadded = each.type === frameTypes.DATA || each.type === frameTypes.HEADERS;
  if (isPadded && has(each, flagBits.PADDED)) {
    const padding = payload[0] ?? 0;
    if (padding >= payload.length)
      throw new Error(`${nameOf(each)} with more padding than payload`);
    payload = payload.subarray(1, payload.length - padding);
  }
  if (each.type === frameTypes.HEADERS && has(each, flagBits.PRIORITY))
    payload = payload.subarray(5);
  return payload;
}
