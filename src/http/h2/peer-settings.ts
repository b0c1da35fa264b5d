// What the peer has said in its SETTINGS (RFC 9113 section 6.5).

import { ErrorCode, type ErrorNumber, Setting } from "./codes.ts";

const maxWindow = 0x7fff_ffff;
const leastFrameBytes = 16_384;
const mostFrameBytes = 0xff_ffff;

/** What a peer grants that has not said anything yet: RFC 9113 section 6.5.2 asks everybody for as much. */
const unsaidStreams = 100;

export class PeerSettings {
  /** Streams of ours at once. */
  maxStreams = unsaidStreams;
  /** It takes extended CONNECT (RFC 8441). */
  isConnectAllowed = false;
  /** Changed by the last frame; -1 = not. */
  tableBytes = -1;
  /** The least it was within that frame: what the table had to shed (RFC 7541 section 4.2). */
  leastTableBytes = -1;
  window = -1;
  #hasSpoken = false;
  readonly #isServer: boolean;

  /** @param isServer we are */
  constructor(isServer: boolean) {
    this.#isServer = isServer;
  }

  /** Reads one frame. @returns the error it is, 0 = none */
  read(buffer: Buffer, start: number, end: number): ErrorNumber {
    this.tableBytes = -1;
    this.window = -1;
    // No limit at all, until it names one.
    if (!this.#hasSpoken) this.maxStreams = maxWindow;
    this.#hasSpoken = true;
    for (let at = start; at + 6 <= end; at += 6) {
      const wrong = this.#take(buffer.readUInt16BE(at), buffer.readUInt32BE(at + 2));
      if (wrong !== ErrorCode.NO_ERROR) return wrong;
    }
    return ErrorCode.NO_ERROR;
  }

  #take(setting: number, value: number): ErrorNumber {
    switch (setting) {
      case Setting.HEADER_TABLE_SIZE:
        this.leastTableBytes = this.tableBytes < 0 ? value : Math.min(value, this.leastTableBytes);
        this.tableBytes = value;
        break;
      case Setting.ENABLE_PUSH:
        // A server may not ask for pushes from us.
        if (value > 1 || (value === 1 && !this.#isServer)) return ErrorCode.PROTOCOL_ERROR;
        break;
      case Setting.MAX_CONCURRENT_STREAMS:
        this.maxStreams = Math.min(value, maxWindow);
        break;
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > maxWindow) return ErrorCode.FLOW_CONTROL_ERROR;
        this.window = value;
        break;
      case Setting.MAX_FRAME_SIZE:
        // We send none that is larger than the least.
        if (value < leastFrameBytes || value > mostFrameBytes) return ErrorCode.PROTOCOL_ERROR;
        break;
      case Setting.ENABLE_CONNECT_PROTOCOL:
        // RFC 8441 section 3: what has been allowed stays allowed.
        if (value > 1 || (value === 0 && this.isConnectAllowed)) return ErrorCode.PROTOCOL_ERROR;
        this.isConnectAllowed = value === 1;
        break;
      case Setting.NO_RFC7540_PRIORITIES:
        if (value > 1) return ErrorCode.PROTOCOL_ERROR;
        break;
      default:
        break;
    }
    return ErrorCode.NO_ERROR;
  }
}
