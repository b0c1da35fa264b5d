// The connection of a client whose exchange is recorded: all goes on as it is, and what is answered is copied.

import type { ClientSide, TunnelEnd } from "../http/exchange.ts";
import { PassingClient } from "../http/passing-client.ts";
import type { FieldLine } from "../traffic/recorded.ts";
import type { Copy } from "./recorder-copy.ts";

export class RecordedClient extends PassingClient {
  readonly body: Copy;
  fields: readonly FieldLine[] = [];
  #isTunnel = false;

  constructor(inner: ClientSide, body: Copy) {
    super(inner);
    this.body = body;
  }

  override writeHead(status: number, head: string, bodyLength: number): void {
    this.fields = linesOf(head);
    this.inner.writeHead(status, head, bodyLength);
  }

  override writeData(buffer: Buffer, start: number, end: number): void {
    if (!this.#isTunnel) this.body.add(buffer, start, end);
    this.inner.writeData(buffer, start, end);
  }

  override writeText(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    if (!this.#isTunnel) this.body.add(bytes, 0, bytes.length);
    this.inner.writeText(text);
  }

  /** What is said through it is no answer any more. */
  override startTunnel(tunnel: TunnelEnd): void {
    this.#isTunnel = true;
    this.inner.startTunnel(tunnel);
  }
}

/** The first one is the status line. */
function linesOf(head: string): readonly FieldLine[] {
  return head
    .split("\r\n")
    .slice(1)
    .flatMap((line): FieldLine[] => {
      const colon = line.indexOf(":");
      return colon === -1 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()]];
    });
}
