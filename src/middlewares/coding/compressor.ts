// What `node:zlib` is told for each content coding, so that what it takes fits the body.

import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import type { Coding } from "../../config/middlewares/uses/body.ts";
import { coderBacklog, coderPiece } from "../../config/coding-limits.ts";
import type { ZlibStream } from "./stream-coder.ts";

export interface CompressionWay {
  readonly name: Coding;
  readonly level: number;
  /** Of the body as it comes, bytes; below 0 = nobody knows. */
  readonly length: number;
}

/** log2 of the window of a body that comes bit by bit, bytes: with more, thousands of slow answers would take gigabytes. */
const streamedWindow = 17;

export function compressWhole({ name, level }: CompressionWay, bytes: Buffer): Buffer {
  const { length } = bytes;
  // One buffer for what comes out, which of texts is seldom longer than half of what goes in.
  const chunkSize = Math.max(1024, length >> 1);
  switch (name) {
    case "gzip":
      return gzipSync(bytes, { level, chunkSize, ...gzipMemory(length) });
    case "br": {
      const params = {
        [constants.BROTLI_PARAM_QUALITY]: level,
        [constants.BROTLI_PARAM_SIZE_HINT]: length,
        [constants.BROTLI_PARAM_LGWIN]: windowFor(length),
      };
      return brotliCompressSync(bytes, { params, chunkSize });
    }
    case "zstd": {
      const params = { [constants.ZSTD_c_compressionLevel]: level };
      return zstdCompressSync(bytes, { params, chunkSize, pledgedSrcSize: length });
    }
  }
}

export function compressionStream({ name, level, length }: CompressionWay): ZlibStream {
  const sizes = { chunkSize: coderPiece, highWaterMark: coderBacklog };
  const window = length < 0 ? streamedWindow : windowFor(length);
  switch (name) {
    case "gzip":
      return createGzip({ level, ...sizes });
    case "br": {
      const params = {
        [constants.BROTLI_PARAM_QUALITY]: level,
        [constants.BROTLI_PARAM_LGWIN]: window,
      };
      return createBrotliCompress({ params, ...sizes });
    }
    case "zstd": {
      const params = {
        [constants.ZSTD_c_compressionLevel]: level,
        [constants.ZSTD_c_windowLog]: window,
      };
      return createZstdCompress({ params, ...sizes });
    }
  }
}

/** As the stream has it; zlib's own usual one would forget what it has seen. */
export function flushKindOf({ name }: CompressionWay): number | undefined {
  return name === "gzip" ? constants.Z_SYNC_FLUSH : undefined;
}

/** What it takes is cleared for each body: no more of it than the body needs. */
function gzipMemory(length: number): { readonly windowBits: number; readonly memLevel: number } {
  const windowBits = Math.min(Math.max(Math.ceil(Math.log2(length + 262)), 9), 15);
  return { windowBits, memLevel: Math.max(windowBits - 7, 1) };
}

function windowFor(length: number): number {
  return Math.min(Math.max(Math.ceil(Math.log2(length + 16)), 10), 19);
}
