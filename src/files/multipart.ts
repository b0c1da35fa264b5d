// Several ranges in one answer (RFC 9110 section 14.6): what stands between them, and how long it all is.

import { randomBytes } from "node:crypto";
import type { Range } from "./ranges.ts";

/** What an answer is made of, in order: texts of ours, and parts of the file. */
export type Piece = string | Range;

export interface Multipart {
  readonly contentType: string;
  readonly pieces: readonly Piece[];
  readonly length: number;
}

/** @param type of the file; it stands with each part */
export function multipartOf(ranges: readonly Range[], size: number, type: string): Multipart {
  // Nobody can have put it into the file: it is made now.
  const boundary = randomBytes(18).toString("base64url");
  const pieces: Piece[] = [];
  let length = 0;
  for (const range of ranges) {
    const head = `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: ${contentRange(range, size)}\r\n\r\n`;
    pieces.push(head, range);
    length += head.length + range.end - range.start;
  }
  const end = `\r\n--${boundary}--\r\n`;
  pieces.push(end);
  const contentType = `multipart/byteranges; boundary=${boundary}`;
  return { contentType, pieces, length: length + end.length };
}

/** Value of Content-Range. */
export function contentRange({ start, end }: Range, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}
