// A client of HTTP/2 in frames, for tests of faults: asks, cancels, leaves windows shut, and sees what comes.

import { once } from "node:events";
import { connect } from "node:net";
import { flagBits, frame, frameTypes as types, settingIds, uint32 } from "./h2-frames.ts";
import { valueOf } from "./h2-fields.ts";
import { type Field, section } from "./h2-hpack.ts";
import { H2Peer, type PeerOptions, type PeerStream } from "./h2-peer.ts";

export interface AskOptions {
  readonly method?: string;
  readonly fields?: readonly Field[];
  /** More comes. */
  readonly isOpen?: boolean;
}

export class H2Client implements AsyncDisposable {
  readonly peer: H2Peer;
  #next = 1;

  private constructor(peer: H2Peer) {
    this.peer = peer;
  }

  /** @param window what each stream of an answer may send at first, bytes */
  static async open(
    port: number,
    { window, ...options }: Partial<PeerOptions> & { readonly window?: number } = {},
  ): Promise<H2Client> {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "connect");
    const peer = new H2Peer(socket, { ...options, role: "client" });
    await peer.greet(window === undefined ? [] : [[settingIds.INITIAL_WINDOW_SIZE, window]]);
    return new H2Client(peer);
  }

  /** The bytes of a request on the next stream. */
  request(path: string, { method = "GET", fields = [], isOpen = false }: AskOptions = {}): Buffer {
    const flags = flagBits.END_HEADERS | (isOpen ? 0 : flagBits.END_STREAM);
    const head = section([
      [":method", method],
      [":scheme", "http"],
      [":path", path],
      [":authority", "a.test"],
      ...fields,
    ]);
    const id = this.#next;
    this.#next += 2;
    return frame(types.HEADERS, flags, id, head);
  }

  /** Sends a request. @returns its stream */
  ask(path: string, options?: AskOptions): PeerStream {
    const stream = this.peer.stream(this.#next);
    void this.peer.send(this.request(path, options));
    return stream;
  }

  send(stream: PeerStream, text: string, isEnd = false): Promise<unknown> {
    const flags = isEnd ? flagBits.END_STREAM : 0;
    return this.peer.send(frame(types.DATA, flags, stream.id, Buffer.from(text, "latin1")));
  }

  cancel(stream: PeerStream): Promise<unknown> {
    return this.peer.send(frame(types.RST_STREAM, 0, stream.id, uint32(8)));
  }

  /** Its status, once it has ended, in whatever way; 0 = it was reset without one. */
  async answered(stream: PeerStream): Promise<number> {
    await this.peer.until(`the end of stream ${stream.id}`, () =>
      stream.isEnded || stream.reset !== undefined ? true : undefined,
    );
    return Number(valueOf(stream.sections.at(-1) ?? [], ":status") ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { socket } = this.peer;
    if (socket.closed) return;
    const closed = once(socket, "close");
    socket.destroy();
    await closed;
  }
}
