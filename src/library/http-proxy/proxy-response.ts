// An answer of a backend as programs know it: an `IncomingMessage` with fields and a body, fed by one of our connections.

import { type IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Fields } from "../../http/fields.ts";
import type { ResponseHead } from "../../http/response-head.ts";

export class ProxyResponse extends IncomingMessage {
  readonly #onRead: () => void;
  readonly #onLeft: () => void;

  /**
   * @param onRead more is wanted
   * @param onLeft nobody wants the rest
   */
  constructor(head: ResponseHead, onRead: () => void, onLeft: () => void) {
    // It is asked for by the class, and leads nowhere: the connection is lent to others afterwards.
    super(new Socket());
    this.#onRead = onRead;
    this.#onLeft = onLeft;
    this.statusCode = head.status;
    this.statusMessage = head.reason;
    this.httpVersionMajor = 1;
    this.httpVersionMinor = head.minor;
    this.httpVersion = `1.${head.minor}`;
    this.rawHeaders = rawOf(head.fields);
    this.headers = joined(this.rawHeaders);
  }

  override _read(): void {
    this.#onRead();
  }

  /** All of it is here. @param trailers checked lines, each with its CR LF */
  finish(trailers: string): void {
    for (const line of trailers.split("\r\n")) {
      const colon = line.indexOf(":");
      if (colon > 0) this.rawTrailers.push(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    this.complete = true;
    this.push(null);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.complete) {
      this.emit("aborted");
      this.#onLeft();
    }
    // Who does not listen is not ended by a backend that dies.
    callback(this.listenerCount("error") > 0 ? error : null);
  }
}

/** Fields of which there is one; of more the first counts, as in Node. */
const single: ReadonlySet<string> = new Set([
  ...["age", "authorization", "content-length", "content-type", "etag", "expires", "from"],
  ...["host", "if-modified-since", "if-unmodified-since", "last-modified", "location"],
  ...["max-forwards", "proxy-authorization", "referer", "retry-after", "server", "user-agent"],
]);

function joined(raw: readonly string[]): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]?.toLowerCase() ?? "";
    const value = raw[at + 1] ?? "";
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    if (name === "set-cookie") (headers["set-cookie"] ??= []).push(value);
    else if (before === undefined) headers[name] = value;
    else if (!single.has(name)) headers[name] = `${String(before)}, ${value}`;
  }
  return headers;
}

function rawOf(fields: Fields): string[] {
  const raw: string[] = [];
  for (let at = 0; at < fields.count; at++) raw.push(fields.nameAt(at), fields.valueAt(at));
  return raw;
}
