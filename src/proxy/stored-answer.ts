// Answers with what is kept: conditions first, then the part that is asked for, as RFC 9111 section 4 has it. The head passes
// through the middlewares of the route, as one of a backend does. Hot: bench/workloads/cache.ts

import type { Stored } from "../cache/stored.ts";
import { isSameRange, judge } from "../files/conditions.ts";
import { readHttpDate } from "../files/http-date.ts";
import { contentRange, multipartOf, type Piece } from "../files/multipart.ts";
import { readRanges } from "../files/ranges.ts";
import type { Exchange, RequestSink } from "../http/exchange.ts";
import { Fields } from "../http/fields.ts";
import type { FailureCode } from "../http/errors.ts";
import { reasonOf } from "../http/reason.ts";
import { httpDate } from "../lib/http-date.ts";
import { fail, unanswered } from "./fail.ts";
import { strictTransportLine } from "./own-answer.ts";
import type { Plan } from "./plan.ts";

/** More than any backend may send. */
const maxFields = 1000;

/** What is written at once, bytes; more goes out as the client takes it. */
const atOnce = 256 * 1024;

export interface AnswerLines {
  readonly status: number;
  /** Value of Date; "" = it did not say. */
  readonly date: string;
  /** Field lines, each with its CR LF; none of Date. */
  readonly lines: string;
}

/**
 * Writes a head that a backend once gave.
 * @param bodyLength bytes, `CHUNKED` or `UNTIL_CLOSE`
 * @returns false when a middleware threw: nothing was written, and no middleware is asked again
 */
export function beginStored(
  exchange: Exchange,
  { status, date, lines }: AnswerLines,
  bodyLength: number,
): boolean {
  let text = lines;
  let shown = status;
  const { strictTransport, answerReview } = exchange;
  if (answerReview !== null || strictTransport !== "") {
    const fields = new Fields();
    if (fields.read(lines, 0, lines.length, maxFields) !== undefined) return false;
    if (answerReview !== null) {
      const length = exchange.method === "HEAD" || status === 304 ? 0 : bodyLength;
      const head = answerReview.review(status, fields, length, false);
      if (head === undefined) {
        exchange.answerReview = null;
        return false;
      }
      shown = head.status;
    }
    // RFC 6797 section 7.1: one field, and browsers believe the first.
    if (strictTransport !== "") fields.dropNamed("strict-transport-security");
    text = fields.serialise();
  }
  let head = `HTTP/1.1 ${shown} ${reasonOf(shown)}\r\nDate: ${date || httpDate()}\r\n${text}`;
  if (strictTransport !== "") head += strictTransportLine(strictTransport);
  exchange.client.writeHead(shown, head, bodyLength);
  return true;
}

/** @param more further field lines: Age, Cache-Status */
export function giveStored(exchange: Exchange<Plan>, stored: Stored, more: string): void {
  const { fields } = exchange.request;
  // Looked for once: nearly every request has none of them.
  const isPlain = exchange.answerReview === null && exchange.strictTransport === "";
  if (isPlain && stored.status === 200 && exchange.method === "GET") {
    const ifNoneMatch = fields.get("if-none-match");
    const isWhole = ifNoneMatch === undefined && fields.get("range") === undefined;
    if (isWhole && fields.get("if-modified-since") === undefined) {
      exchange.client.writeHead(200, stored.head + more, stored.length);
      giveBody(exchange, stored, whole(stored));
      return;
    }
  }
  new StoredAnswer(exchange, stored, more).give();
}

function whole({ length }: Stored): readonly Piece[] {
  return [{ start: 0, end: length }];
}

/** Fields of a 304 (RFC 9110 section 15.4.5); others would only repeat what the client has. */
const ofNotModified =
  /^(cache-control|content-location|etag|expires|last-modified|vary|access-control-[\w-]+):/i;

class StoredAnswer {
  readonly #exchange: Exchange<Plan>;
  readonly #stored: Stored;
  readonly #more: string;

  constructor(exchange: Exchange<Plan>, stored: Stored, more: string) {
    this.#exchange = exchange;
    this.#stored = stored;
    this.#more = more;
  }

  give(): void {
    const { status, lines, length } = this.#stored;
    // Conditions are about an answer that would be a success (RFC 9110 section 13.2.1).
    if (status === 200) {
      if (this.#isKnown()) {
        const kept = lines.split(/(?<=\r\n)/).filter((each) => ofNotModified.test(each));
        this.#send(304, kept.join(""), 0, []);
        return;
      }
      const range = this.#exchange.method === "GET" ? this.#exchange.header("range") : undefined;
      if (range !== undefined && this.#isRangeWanted() && this.#giveRanges(range)) return;
    }
    this.#send(status, lines, length, whole(this.#stored));
  }

  #isKnown(): boolean {
    const exchange = this.#exchange;
    const conditions = {
      ifMatch: undefined,
      ifNoneMatch: exchange.header("if-none-match"),
      ifModifiedSince: exchange.header("if-modified-since"),
      ifUnmodifiedSince: undefined,
    };
    return judge(conditions, this.#validators) === 304;
  }

  get #validators() {
    const { etag, lastModified } = this.#stored;
    return { tag: etag, modifiedAt: readHttpDate(lastModified) };
  }

  #isRangeWanted(): boolean {
    const ifRange = this.#exchange.header("if-range");
    return ifRange === undefined || isSameRange(ifRange, this.#validators, Date.now());
  }

  /** False: all of it is to be given. */
  #giveRanges(field: string): boolean {
    const { length, lines } = this.#stored;
    const ranges = readRanges(field, length);
    if (ranges === "whole") return false;
    if (ranges === "bad") {
      this.#send(416, `Content-Range: bytes */${length}\r\nContent-Length: 0\r\n`, 0, []);
      return true;
    }
    const [first] = ranges;
    const others = lines.replace(/^content-length:[^\r]*\r\n/im, "");
    if (first !== undefined && ranges.length === 1) {
      const size = first.end - first.start;
      const part = `Content-Range: ${contentRange(first, length)}\r\nContent-Length: ${size}\r\n`;
      this.#send(206, others + part, size, [first]);
      return true;
    }
    const type = /^content-type:[\t ]*([^\r]*)/im.exec(lines)?.[1] ?? "application/octet-stream";
    const parts = multipartOf(ranges, length, type);
    const untyped = others.replace(/^content-type:[^\r]*\r\n/im, "");
    const own = `Content-Type: ${parts.contentType}\r\nContent-Length: ${parts.length}\r\n`;
    this.#send(206, untyped + own, parts.length, parts.pieces);
    return true;
  }

  #send(status: number, lines: string, length: number, pieces: readonly Piece[]): void {
    const exchange = this.#exchange;
    const head = { status, date: this.#stored.date, lines: lines + this.#more };
    if (!beginStored(exchange, head, length)) {
      fail(exchange, "INTERNAL", exchange.plan?.errorPages);
      return;
    }
    const isBare = exchange.method === "HEAD" || status === 304 || status === 204;
    giveBody(exchange, this.#stored, isBare ? [] : pieces);
  }
}

/** Ends the answer too. */
function giveBody(exchange: Exchange<Plan>, stored: Stored, pieces: readonly Piece[]): void {
  const { client } = exchange;
  if (stored.length > atOnce) {
    new StoredBody(exchange, stored, pieces).go();
    return;
  }
  for (const each of pieces) {
    if (typeof each === "string") client.writeText(each);
    else writePart(exchange, stored, each.start, each.end);
  }
  client.endAnswer("");
}

/** All of it, or what lies between two places of it. */
function writePart({ client }: Exchange, { text, body }: Stored, start: number, end: number): void {
  if (text !== undefined) {
    client.writeText(start === 0 && end >= text.length ? text : text.slice(start, end));
    return;
  }
  let at = 0;
  for (const page of body) {
    const from = Math.max(0, start - at);
    const to = Math.min(page.length, end - at);
    if (from < to) client.writeData(page, from, to);
    at += page.length;
    if (at >= end) return;
  }
}

/** A large one, as fast as its client takes it. */
class StoredBody implements RequestSink {
  readonly #exchange: Exchange<Plan>;
  readonly #stored: Stored;
  readonly #pieces: readonly Piece[];
  #piece = 0;
  #position = -1;

  constructor(exchange: Exchange<Plan>, stored: Stored, pieces: readonly Piece[]) {
    this.#exchange = exchange;
    this.#stored = stored;
    this.#pieces = pieces;
    exchange.sink = this;
  }

  go(): void {
    const { client } = this.#exchange;
    for (; this.#piece < this.#pieces.length; this.#piece++) {
      const piece = this.#pieces[this.#piece];
      if (piece === undefined) break;
      if (typeof piece === "string") {
        client.writeText(piece);
        continue;
      }
      if (this.#position < 0) this.#position = piece.start;
      while (this.#position < piece.end) {
        const end = Math.min(piece.end, this.#position + atOnce);
        writePart(this.#exchange, this.#stored, this.#position, end);
        this.#position = end;
        if (!client.flush()) return;
      }
      this.#position = -1;
    }
    this.#exchange.sink = null;
    client.endAnswer("");
  }

  onClientDrain(): void {
    if (!this.#exchange.isDone) this.go();
  }

  onRequestFailed(code: FailureCode): void {
    if (!unanswered.has(code)) fail(this.#exchange, code, this.#exchange.plan?.errorPages);
  }

  // There is no body of a request that could come.

  onRequestData(): void {}

  onRequestEnd(): void {}

  onRequestFlush(): void {}
}
