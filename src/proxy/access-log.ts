// The access log: one line per exchange, made in `log-line.ts`, carried out by `log-output.ts`.
// `write` costs the exchange a string and a copy into a buffer; it never waits and never fails.
// Hot: bench/access-log.ts

import type { AccessLog } from "../config/snapshot.ts";
import { formatterFor } from "./log-line.ts";
import { LogOutput, type OutputLimits } from "./log-output.ts";

/**
 * What a line may tell. Text from the client is as received, one character per byte; undefined means
 * that a header was not sent, "" that there is no such thing (no route, no failure …).
 */
export interface LogEntry {
  readonly remoteAddress: string;
  /** The Authorization header; the user's name is taken out of it only by a format that shows it. */
  readonly authorization: string | undefined;
  /** Whom a middleware found the client to be, instead of what the client said; "" or left out = none looked. */
  readonly user?: string;
  /** What middlewares call it; "" or left out = they do not. */
  readonly requestId?: string;
  readonly traceId?: string;
  /** When the line is written, ms since 1970. */
  readonly timeMs: number;
  /** The request line without its line end; "" when none arrived. */
  readonly requestLine: string;
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly host: string;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  /** Bytes received, head and body. */
  readonly requestBytes: number;
  readonly status: number;
  /** Bytes of the answer's body that were sent. */
  readonly bodyBytes: number;
  readonly durationMs: number;
  /** Until the backend's head arrived; undefined when no backend was asked. */
  readonly backendMs: number | undefined;
  readonly attempts: number;
  readonly routeName: string;
  readonly serviceName: string;
  /** What the source of the route calls its site. */
  readonly site: string;
  readonly backendUrl: string;
  /** Name of a failure (docs/reference/errors.md). */
  readonly failure: string;
  /** What a gRPC call ended with; below 0 or left out = it is none, or nobody said. */
  readonly grpcStatus?: number;
}

export interface AccessLogSink {
  /** Takes no more lines. */
  readonly isClosed: boolean;
  write(entry: LogEntry): void;
  /** Starts writing what is gathered; it would happen by itself within a second. */
  flush(): void;
  /** Opens the file anew by its name, after a rotation moved the old one away. */
  reopen(): void;
  /**
   * Writes what is left; settles within a second, even when a disk or a reader hangs. Exchanges that
   * outlive a changed configuration may still write afterwards.
   */
  close(): Promise<void>;
}

/** `onProblem` gets a sentence when lines cannot be written, at most once in ten seconds. */
export function createAccessLog(
  settings: AccessLog,
  onProblem: (message: string) => void,
  limits?: Partial<OutputLimits>,
): AccessLogSink {
  if (!settings.enabled) return silent;
  const format = formatterFor(settings.format);
  const output = new LogOutput(settings.path, onProblem, limits);
  let isClosed = false;
  return {
    get isClosed() {
      return isClosed;
    },
    write: (entry) => output.add(format(entry)),
    flush: () => output.flush(),
    reopen: () => output.reopen(),
    close() {
      isClosed = true;
      return output.close();
    },
  };
}

const silent: AccessLogSink = {
  isClosed: false,
  write() {},
  flush() {},
  reopen() {},
  close: () => Promise.resolve(),
};
