// The first bytes of a client, up to where it is known what it wants: a TLS hello, perhaps after PostgreSQL's
// question for TLS, or something else.

import { type ClientHello, ClientHelloReader } from "../tls/client-hello.ts";
import type { KeptBytes } from "../lib/kept-bytes.ts";
import { openingBytes, readPostgresOpening, unwilling, willing } from "./postgres.ts";

export type OpeningReading =
  /** With an answer that the client waits for. */
  | { readonly kind: "more"; readonly answer: Buffer | undefined }
  | { readonly kind: "known"; readonly hello: ClientHello | undefined }
  | { readonly kind: "bad"; readonly why: string };

const State = { FIRST: 0, POSTGRES: 1, HELLO: 2, AFTER_QUESTION: 3 } as const;

export class Opening {
  /** What was read and not answered here: it goes on to the backend. */
  readonly kept: KeptBytes;
  /** The client speaks PostgreSQL. */
  isPostgres = false;
  /** It was told that there is TLS: a backend that gets its hello must be asked first. */
  isTlsPromised = false;
  #state: (typeof State)[keyof typeof State] = State.FIRST;
  #hello: ClientHelloReader | undefined = undefined;
  #hasAskedGss = false;

  constructor(kept: KeptBytes) {
    this.kept = kept;
  }

  /** The client has been silent so far: perhaps it waits for the server to speak. */
  get isUntouched(): boolean {
    return this.#state === State.FIRST && this.kept.length === 0;
  }

  /** Of no use any more once it has answered something else than `more`. */
  push(buffer: Buffer, start: number, end: number): OpeningReading {
    const isFirst = this.#state === State.FIRST;
    this.kept.add(buffer, start, end);
    if (isFirst) this.#state = buffer[start] === 0 ? State.POSTGRES : State.HELLO;
    return this.#state === State.POSTGRES
      ? this.#readPostgres()
      : this.#readHello(buffer, start, end);
  }

  #readHello(buffer: Buffer, start: number, end: number): OpeningReading {
    const isAsked = this.#state === State.AFTER_QUESTION;
    this.#hello ??= new ClientHelloReader();
    const reading = this.#hello.push(buffer, start, end);
    switch (reading.kind) {
      case "more":
        return { kind: "more", answer: undefined };
      case "hello":
        return { kind: "known", hello: reading.hello };
      case "not-tls":
        return isAsked
          ? { kind: "bad", why: "TLS was asked for, and something else came" }
          : { kind: "known", hello: undefined };
      case "bad":
        return reading;
    }
  }

  #readPostgres(): OpeningReading {
    const opening = readPostgresOpening(this.kept.bytes);
    switch (opening) {
      case "more":
        return { kind: "more", answer: undefined };
      case "other":
        return { kind: "known", hello: undefined };
      case "session":
        this.isPostgres = true;
        return { kind: "known", hello: undefined };
      case "ssl-request":
        this.#state = State.AFTER_QUESTION;
        this.isTlsPromised = true;
        return this.#answer(willing);
      case "gss-request":
        if (this.#hasAskedGss) return { kind: "bad", why: "GSSAPI was asked for twice" };
        this.#hasAskedGss = true;
        return this.#answer(unwilling);
    }
  }

  #answer(answer: Buffer): OpeningReading {
    // CVE-2021-23214: bytes in the clear that the client's TLS would be taken to have protected.
    if (this.kept.length > openingBytes)
      return { kind: "bad", why: "more came with a request for encryption" };
    this.isPostgres = true;
    this.kept.clear();
    return { kind: "more", answer };
  }
}
