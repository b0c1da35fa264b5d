// Feeds a fill from another worker, and from the backend itself when that one has no answer for us, or is lost: also in the
// middle of an answer, where the backend's says that it is the same one.

import type { FilledHead, FillSink, FillSource } from "../cache/fill-source.ts";
import { Fields } from "../http/fields.ts";
import type { FailureCode } from "../http/errors.ts";

/** What comes from another worker. */
export interface PeerSink extends FillSink {
  /** It is gone, or has none to share; nothing more comes. */
  onLost(): void;
}

const maxFields = 1000;

export class Feed implements PeerSink, FillSource {
  readonly #sink: FillSink;
  readonly #direct: (sink: FillSink) => FillSource;
  #source: FillSource | null = null;
  #head: FilledHead | undefined;
  /** Bytes of the body that were passed on. */
  #given = 0;
  /** Of the second answer, bytes that were given already. */
  #skip = 0;
  #isDirect = false;
  #isOver = false;

  private constructor(sink: FillSink, direct: (sink: FillSink) => FillSource) {
    this.#sink = sink;
    this.#direct = direct;
  }

  static begin(
    sink: FillSink,
    viaPeer: (sink: PeerSink) => FillSource,
    direct: (sink: FillSink) => FillSource,
  ): FillSource {
    const feed = new Feed(sink, direct);
    const source = viaPeer(feed);
    feed.#source ??= source;
    return feed;
  }

  resume(): void {
    this.#source?.resume();
  }

  stop(): void {
    this.#isOver = true;
    this.#source?.stop();
  }

  onLost(): void {
    if (this.#isOver || this.#isDirect) return;
    this.#isDirect = true;
    this.#skip = this.#given;
    // What was given of the first answer can only be gone on with by one that is surely the same.
    if (this.#head !== undefined && sameness(this.#head) === "") {
      this.onFailed("UPSTREAM_CLOSED", 502);
      return;
    }
    this.#source = this.#direct(this);
  }

  onHead(head: FilledHead): void {
    const before = this.#head;
    this.#head = head;
    if (before === undefined) {
      this.#sink.onHead(head);
      return;
    }
    if (head.status === before.status && sameness(head) === sameness(before)) return;
    this.#source?.stop();
    this.onFailed("UPSTREAM_CLOSED", 502);
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#isOver) return;
    const skipped = Math.min(this.#skip, end - start);
    this.#skip -= skipped;
    this.#given += end - start - skipped;
    if (start + skipped < end) this.#sink.onData(buffer, start + skipped, end);
  }

  onFlush(): boolean {
    return this.#isOver || this.#sink.onFlush();
  }

  onEnd(trailers: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.onEnd(trailers);
  }

  onFailed(code: FailureCode, status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.onFailed(code, status);
  }
}

/** Equal for two answers only where they are the same byte for byte (RFC 9110 section 8.8.3); "" = there is no telling. */
function sameness({ lines, bodyLength }: FilledHead): string {
  const fields = new Fields();
  if (fields.read(lines, 0, lines.length, maxFields) !== undefined) return "";
  const tag = fields.get("etag") ?? "";
  return tag.startsWith('"') ? `${tag} ${bodyLength}` : "";
}
