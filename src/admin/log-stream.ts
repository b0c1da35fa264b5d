// The diagnostics log as a stream of JSON lines for one reader. What it does not read waits in a bounded
// buffer; a reader that lets it fill up is cut off, since a log must not grow for somebody who sleeps.

import { lineOf } from "../lib/log-line.ts";
import type { LogRecord } from "../lib/log.ts";
import type { LogTail } from "./operations.ts";

/** Beside what the kernel holds for the connection. The lines a reader begins with must have room. */
const maxWaitingBytes = 2 * 1024 * 1024;

export interface LogStreamOptions {
  readonly lines: number;
  readonly follow: boolean;
  /** Cuts the reader off. */
  drop(): void;
  /** Ends the stream when the server closes. */
  readonly closing: AbortSignal;
}

export function logStream(log: LogTail, options: LogStreamOptions): ReadableStream<Uint8Array> {
  let end = () => {};
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        for (const record of log.recent(options.lines)) controller.enqueue(bytesOf(record));
        if (!options.follow || options.closing.aborted) {
          controller.close();
          return;
        }
        const finish = () => {
          end();
          controller.close();
        };
        const unfollow = log.follow((record) => {
          if ((controller.desiredSize ?? 0) > 0) {
            controller.enqueue(bytesOf(record));
            return;
          }
          end();
          options.drop();
        });
        options.closing.addEventListener("abort", finish, { once: true });
        end = () => {
          unfollow();
          options.closing.removeEventListener("abort", finish);
        };
      },
      cancel: () => end(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: maxWaitingBytes }),
  );
}

function bytesOf(record: LogRecord): Uint8Array {
  return Buffer.from(lineOf(record));
}
