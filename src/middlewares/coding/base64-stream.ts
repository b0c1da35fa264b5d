// Base64 of gRPC-Web's text form, as it comes and as it goes: made of pieces that may each end with padding, which a peer
// writes wherever it flushes.

import type { BodyFilter, FilterOutput } from "../../http/answer-review.ts";

const noBytes = Buffer.alloc(0);
/** Whole groups of four characters, the last of which may be padded. */
const group = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Bytes out of base64. */
export class Base64Reader implements BodyFilter {
  readonly #out: FilterOutput;
  /** Up to three characters that make no byte yet. */
  #rest = "";
  #isBroken = false;

  constructor(out: FilterOutput) {
    this.#out = out;
  }

  write(buffer: Buffer, start: number, end: number): void {
    if (this.#isBroken) return;
    const text = this.#rest + buffer.latin1Slice(start, end);
    const whole = text.length - (text.length % 4);
    this.#rest = text.slice(whole);
    // A piece ends where its padding does.
    for (const piece of text.slice(0, whole).match(/[^=]+=*|=+/g) ?? []) {
      if (!group.test(piece)) {
        this.#break();
        return;
      }
      const bytes = Buffer.from(piece, "base64");
      this.#out.write(bytes, 0, bytes.length);
    }
  }

  #break(): void {
    this.#isBroken = true;
    this.#out.fail("BAD_GRPC_WEB");
  }

  flush(): boolean {
    return this.#out.flush();
  }

  end(): void {
    if (this.#isBroken) return;
    if (this.#rest === "") this.#out.end("");
    else this.#break();
  }

  onDrain(): void {
    this.#out.resume();
  }

  close(): void {
    this.#isBroken = true;
  }
}

/** Bytes as base64, each flush a piece of its own, so that nobody waits for the bytes of the next message. */
export class Base64Writer implements FilterOutput {
  readonly #out: FilterOutput;
  /** Up to two bytes that do not fill a group. */
  #rest: Buffer = noBytes;

  constructor(out: FilterOutput) {
    this.#out = out;
  }

  write(buffer: Buffer, start: number, end: number): void {
    const piece = buffer.subarray(start, end);
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const whole = bytes.length - (bytes.length % 3);
    // What it was cut from is only good during the call.
    this.#rest = whole === bytes.length ? noBytes : Buffer.from(bytes.subarray(whole));
    this.#give(bytes.toString("base64", 0, whole));
  }

  #give(text: string): void {
    if (text !== "") this.#out.write(Buffer.from(text, "latin1"), 0, text.length);
  }

  #giveRest(): void {
    const rest = this.#rest;
    this.#rest = noBytes;
    this.#give(rest.toString("base64"));
  }

  flush(): boolean {
    this.#giveRest();
    return this.#out.flush();
  }

  end(trailers: string): void {
    this.#giveRest();
    this.#out.end(trailers);
  }

  resume(): void {
    this.#out.resume();
  }

  fail(code: Parameters<FilterOutput["fail"]>[0]): void {
    this.#out.fail(code);
  }
}
