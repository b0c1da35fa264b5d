// Raw bytes against a session of ours, on a real socket: what it answers, frame by frame.

import type { Socket } from "node:net";
import { Wheel } from "../../src/lib/wheel.ts";
import type { SessionSettings } from "../../src/http/h2/session.ts";
import { errorName, flagBits, type Frame, frame, FrameReader, nameOf } from "./h2-frames.ts";
import { frameTypes, preface, uint32 } from "./h2-frames.ts";
import { section } from "./h2-hpack.ts";
import { type End, sessionOn, socketPair, until } from "./session-pair.ts";

const { SETTINGS, HEADERS } = frameTypes;
const { ACK, END_HEADERS, END_STREAM } = flagBits;

/** What opens a connection: our side of it, as a client or as a server. */
export const opening = (role: "client" | "server"): Buffer =>
  Buffer.concat([
    ...(role === "client" ? [preface] : []),
    frame(SETTINGS, 0, 0),
    frame(SETTINGS, ACK, 0),
  ]);

export const askFields = section([
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "example.com"],
  [":path", "/"],
]);

/** A request; without an end, one whose body follows. */
export const ask = (stream: number, isEnd = true): Buffer =>
  frame(HEADERS, END_HEADERS | (isEnd ? END_STREAM : 0), stream, askFields);

export class RawEnd {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  isEnded = false;

  /** @param skipped bytes before the first frame: the preface of a client */
  constructor(socket: Socket, skipped: number) {
    this.socket = socket;
    const reader = new FrameReader();
    let left = skipped;
    socket.on("data", (bytes: Buffer) => {
      this.frames.push(...reader.push(bytes.subarray(left)));
      left = Math.max(0, left - bytes.length);
    });
    socket.on("end", () => (this.isEnded = true));
  }

  send(...bytes: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** "RST_STREAM 1 PROTOCOL_ERROR", "GOAWAY FLOW_CONTROL_ERROR": how streams and the connection were ended. */
  get ends(): string[] {
    return this.frames.flatMap((each) => {
      if (each.type === frameTypes.RST_STREAM)
        return [`RST_STREAM ${each.stream} ${errorName(each.payload.readUInt32BE(0))}`];
      if (each.type === frameTypes.GOAWAY)
        return [`GOAWAY ${errorName(each.payload.readUInt32BE(4))}`];
      return [];
    });
  }

  count(name: string): number {
    return this.frames.filter((each) => nameOf(each) === name).length;
  }
}

export interface RawPair {
  readonly raw: RawEnd;
  readonly own: End;
  readonly wheel: Wheel;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param role of our session */
export async function rawPair(
  role: "client" | "server",
  settings: Partial<SessionSettings> = {},
): Promise<RawPair> {
  const [near, far] = await socketPair();
  const wheel = new Wheel(10);
  const own = sessionOn(far, role, wheel, settings);
  const raw = new RawEnd(near, role === "client" ? preface.length : 0);
  const close = async () => {
    near.destroy();
    await until(() => far.destroyed);
  };
  return { raw, own, wheel, [Symbol.asyncDispose]: close };
}

/** The bytes of a PING, by whose answer a test knows that all before it was read. */
export const pingBytes = Buffer.concat([uint32(7), uint32(9)]);
