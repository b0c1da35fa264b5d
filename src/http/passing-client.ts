// A client's side that hands on everything to the one behind it. Whatever stands in between extends it by what it does itself.

import type { ClientSide, TunnelEnd } from "./exchange.ts";

export class PassingClient implements ClientSide {
  /** The connection, or what else stands before it. */
  protected readonly inner: ClientSide;

  constructor(inner: ClientSide) {
    this.inner = inner;
  }

  writeInterim(text: string): void {
    this.inner.writeInterim(text);
  }

  writeHead(status: number, head: string, bodyLength: number): void {
    this.inner.writeHead(status, head, bodyLength);
  }

  writeData(buffer: Buffer, start: number, end: number): void {
    this.inner.writeData(buffer, start, end);
  }

  writeText(text: string): void {
    this.inner.writeText(text);
  }

  endAnswer(trailers: string): void {
    this.inner.endAnswer(trailers);
  }

  flush(): boolean {
    return this.inner.flush();
  }

  pauseRequest(): void {
    this.inner.pauseRequest();
  }

  resumeRequest(): void {
    this.inner.resumeRequest();
  }

  hold(isHeld: boolean): void {
    this.inner.hold(isHeld);
  }

  abort(): void {
    this.inner.abort();
  }

  closeAfterAnswer(): void {
    this.inner.closeAfterAnswer();
  }

  endTunnel(): void {
    this.inner.endTunnel();
  }

  finishTunnel(): void {
    this.inner.finishTunnel();
  }

  startTunnel(tunnel: TunnelEnd): void {
    this.inner.startTunnel(tunnel);
  }
}
