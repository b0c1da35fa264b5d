// The diagnostics log: what the program says about itself, on stderr. One short line per event for a
// person at a terminal, JSON lines when piped. Rare by nature, so it is written synchronously; a log
// that cannot be written is not worth dying for, so write errors are swallowed here and only here.

import { writeSync } from "node:fs";
import { pino } from "pino";
import { lineOf, prettyLine, recordOf } from "./log-line.ts";
import { plainFields } from "./plain-fields.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** A line of the log as data. */
export interface LogRecord {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly level: Exclude<LogLevel, "silent">;
  readonly text: string;
  /** The process that said it. */
  readonly pid: number;
  readonly fields: LogFields;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** `fields` are for machines; an `error` among them is written with its stack and causes. */
export interface Log {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

export type LogMethod = (text: string, fields?: LogFields) => void;

/** A log that also takes lines which another process has said. */
export interface Logger extends Log {
  /** Written as it is: its time, its level and its process stay. */
  readonly write: (record: LogRecord) => void;
}

export interface LogOptions {
  readonly pretty: boolean;
  readonly level: LogLevel;
  /** Where finished lines go; by default stderr. */
  readonly write?: (line: string) => void;
  /** Told every line that was written, as plain data: what is secret is gone. */
  readonly onRecord?: (record: LogRecord) => void;
}

export function createLogger(options: LogOptions): Logger {
  const { pretty, level, write = writeToStderr, onRecord } = options;
  const put = (line: string) => write(pretty ? prettyLine(line) : line);
  // Secrets and errors are not left to pino: workers log without it, and its redaction reads every object
  // on its paths, which throws on some that are not plain.
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: "text",
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write(line: string) {
        put(line);
        onRecord?.(recordOf(line));
      },
    },
  );
  return {
    debug: (text, fields = {}) => logger.debug(plainFields(fields), text),
    info: (text, fields = {}) => logger.info(plainFields(fields), text),
    warn: (text, fields = {}) => logger.warn(plainFields(fields), text),
    error: (text, fields = {}) => logger.error(plainFields(fields), text),
    write(record) {
      if (!logger.isLevelEnabled(record.level)) return;
      put(lineOf(record));
      onRecord?.(record);
    },
  };
}

function writeToStderr(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // EPIPE, ENOSPC or EAGAIN: there is no better place left to tell of it.
  }
}
