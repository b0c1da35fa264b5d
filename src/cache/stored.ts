// An answer that is kept: what the backend said, before any middleware changed it, and for how long that holds.

import { reasonOf } from "../http/reason.ts";

/** Times are milliseconds since 1970. */
export interface Stored {
  readonly status: number;
  /** Value of Date. */
  readonly date: string;
  /** Field lines of the backend, Content-Length included; Date, Age and what is between neighbours left out. */
  readonly lines: string;
  /** Status line, Date and `lines`, as they are sent where nobody changes them. */
  readonly head: string;
  /** One byte a character; undefined = it is long, and in `body`. */
  readonly text: string | undefined;
  readonly body: readonly Buffer[];
  /** Of the body. */
  readonly length: number;
  /** When it would have been made if it had come here at once: what `Age` counts from. */
  readonly bornAt: number;
  readonly freshUntil: number;
  /** It is given once more while a new one is asked for. */
  readonly whileRevalidateUntil: number;
  /** It is given where the backend fails. */
  readonly ifErrorUntil: number;
  /** It says of itself that it is for everybody: also for requests with cookies. */
  readonly isPublic: boolean;
  readonly tags: readonly string[];
  /** Entity tag; "" = none. */
  readonly etag: string;
  /** Value of Last-Modified; "" = none. */
  readonly lastModified: string;
  /** How long it took to get it, ms: what early refreshing goes by. */
  readonly tookMs: number;
}

/** Up to here a body is kept as text: it leaves with its head in one write. */
const longestText = 16 * 1024;

/** Smaller pages than this, on average, are put together, bytes. */
export const leastPage = 4096;

/** What a body is kept as. */
export function bodyOf(
  pages: readonly Buffer[],
  length: number,
): Pick<Stored, "text" | "body" | "length"> {
  if (length > longestText) {
    // Of a body that came byte by byte, each byte would cost a hundred.
    const isSplit = pages.length > 1 + length / leastPage;
    return { text: undefined, body: isSplit ? [Buffer.concat(pages)] : pages, length };
  }
  return { text: Buffer.concat(pages).latin1Slice(), body: [], length };
}

/** Status line, Date and fields, as they are sent. */
export function headOf(status: number, date: string, lines: string): string {
  return `HTTP/1.1 ${status} ${reasonOf(status)}\r\nDate: ${date}\r\n${lines}`;
}

/** All that is kept for one key. */
export interface Kept {
  readonly key: string;
  /** `https://host/path?query`, for those who take answers out. */
  readonly url: string;
  /** Request fields that choose among the variants, in lower case, sorted; what `Vary` said. */
  names: readonly string[];
  /** By the values of these; "" is the only one where there are no names. */
  readonly variants: Map<string, Stored>;
  bytes: number;
  /** Of the owner's generations: it was asked for more than once. */
  isProtected: boolean;
  /** When it was last moved to the end of its line. */
  movedAt: number;
}

/** Seconds. */
export function ageOf({ bornAt }: Stored, now: number): number {
  return Math.max(0, Math.floor((now - bornAt) / 1000));
}

/** Of a string in a list, bytes. */
const tagOverhead = 32;

/** What it takes, bytes. */
export function weightOf(stored: Stored, overhead: number): number {
  const ofTags = stored.tags.reduce((sum, { length }) => sum + length + tagOverhead, 0);
  return stored.length + 2 * stored.lines.length + ofTags + overhead;
}
