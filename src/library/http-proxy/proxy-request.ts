// A request to a backend before it leaves: what listeners of `proxyReq` get. They change its path and fields, or write a body
// of their own in the place of the client's. Node's own message looks after the fields, and refuses bad ones.

import { OutgoingMessage } from "node:http";
import { dropHopByHop } from "../../proxy/hop-by-hop.ts";
import { defaultLimits } from "../../config/limits.ts";
import type { FailureCode } from "../../http/errors.ts";
import { Field } from "../../http/fields.ts";
import { CHUNKED } from "../../http/framing.ts";
import { RequestHead } from "../../http/request-head.ts";

/** As it is sent. */
export interface SentHead {
  readonly text: string;
  readonly method: string;
  /** Bytes, or `CHUNKED`. */
  readonly bodyLength: number;
  readonly isUpgrade: boolean;
}

const limits = { ...defaultLimits, bareLf: false };

export class ProxyRequest extends OutgoingMessage {
  method: string;
  path: string;
  readonly protocol: string;
  /** Of the target. */
  readonly host: string;
  /** What a listener wrote. */
  readonly #body: Buffer[] = [];
  /** Names of fields as they were written, by lower-case name. */
  readonly #spelled = new Map<string, string>();
  #hasBody = false;
  #isSent = false;
  readonly #onDestroy: (error: Error | undefined) => void;

  constructor(
    line: { method: string; path: string; protocol: string; host: string },
    onDestroy: (error: Error | undefined) => void,
  ) {
    super();
    this.method = line.method;
    this.path = line.path;
    this.protocol = line.protocol;
    this.host = line.host;
    this.#onDestroy = onDestroy;
  }

  override setHeader(name: string, value: number | string | readonly string[]): this {
    this.#mustBeHere("setHeader");
    this.#spelled.set(name.toLowerCase(), name);
    return super.setHeader(name, value);
  }

  override removeHeader(name: string): void {
    this.#mustBeHere("removeHeader");
    super.removeHeader(name);
  }

  override write(chunk: unknown, ...rest: unknown[]): boolean {
    this.#mustBeHere("write");
    const [encoding] = rest;
    const isNamed = typeof encoding === "string" && Buffer.isEncoding(encoding);
    if (typeof chunk === "string") this.#body.push(Buffer.from(chunk, isNamed ? encoding : "utf8"));
    else if (chunk instanceof Uint8Array) this.#body.push(Buffer.from(chunk));
    else throw new TypeError("a body is written as text or bytes");
    this.#hasBody = true;
    const told = rest.at(-1);
    if (typeof told === "function") process.nextTick(() => void Reflect.apply(told, this, []));
    return true;
  }

  override end(...given: unknown[]): this {
    const [chunk, encoding] = given;
    const isText = typeof chunk === "string" || chunk instanceof Uint8Array;
    if (isText) this.write(chunk, encoding);
    // Whoever ends what has left already ends it as we do.
    if (!this.#isSent) this.#hasBody = true;
    return this;
  }

  override destroy(error?: Error): this {
    this.destroyed = true;
    this.#onDestroy(error);
    return this;
  }

  /** Refused. @throws Error always */
  override setTimeout(): never {
    throw new Error("setTimeout: there is no socket yet; say options.proxyTimeout instead");
  }

  /** As `destroy`. */
  abort(): void {
    this.destroy();
  }

  override flushHeaders(): void {}

  /** undefined = no listener wrote one. */
  get body(): Buffer | undefined {
    return this.#hasBody ? Buffer.concat(this.#body) : undefined;
  }

  #mustBeHere(what: string): void {
    if (!this.#isSent) return;
    throw new Error(`${what}: the request has left; do it in the listener of proxyReq, at once`);
  }

  /**
   * Its head, read as strictly as one from the wire; or what is wrong with it.
   * @param bodyLength bytes, or `CHUNKED`
   * @param upgrade name of the protocol, or ""
   */
  leave(bodyLength: number, upgrade: string, isClosing: boolean): SentHead | FailureCode {
    this.#isSent = true;
    // Either could hold lines of its own otherwise.
    if (/[^!-~]/.test(this.method)) return "BAD_METHOD";
    if (/[^!-~]/.test(this.path)) return "BAD_TARGET";
    const line = `${this.method} ${this.path} HTTP/1.1\r\n`;
    let text = line;
    for (const [name, value = ""] of Object.entries(this.getHeaders())) {
      // Whoever waits for it was told to go on when the request came.
      if (name === "expect") continue;
      const spelled = this.#spelled.get(name) ?? name;
      for (const each of Array.isArray(value) ? value : [value]) text += `${spelled}: ${each}\r\n`;
    }
    text += "\r\n";
    const head = new RequestHead();
    const { fields } = head;
    // Their lengths are the client's, or a listener's; it is ours that counts, and it must be the same.
    const told = this.getHeader("content-length");
    const wrong = head.read(text, 0, text.length, limits);
    if (wrong !== undefined) return wrong;
    if (told !== undefined && bodyLength !== CHUNKED && Number(told) !== bodyLength) {
      return "BAD_LENGTH";
    }
    dropHopByHop(fields);
    fields.drop(Field.CONTENT_LENGTH);
    fields.drop(Field.TRAILER);
    if (bodyLength === CHUNKED) fields.add("transfer-encoding", "chunked");
    else if (bodyLength > 0 || told !== undefined) fields.add("content-length", `${bodyLength}`);
    if (upgrade !== "") {
      fields.add("Connection", "Upgrade");
      fields.add("Upgrade", upgrade);
    } else if (isClosing) {
      fields.add("Connection", "close");
    }
    const { method } = head;
    return {
      ...{ text: `${line}${fields.serialise()}\r\n`, method, bodyLength },
      isUpgrade: upgrade !== "",
    };
  }
}
