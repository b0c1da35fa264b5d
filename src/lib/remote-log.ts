// The diagnostics log of a process that has no log of its own: lines become records, and the other
// process writes them. Imports nothing that is worth memory, since each worker has it.

import type { Log, LogFields, LogLevel, LogRecord } from "./log.ts";
import { plainFields } from "./plain-fields.ts";

const ranks = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

/** `send` gets records that survive any kind of message: plain data, without secrets. */
export function remoteLog(send: (record: LogRecord) => void, level: LogLevel = "info"): Log {
  const method =
    (own: LogRecord["level"]) =>
    (text: string, fields: LogFields = {}) => {
      if (ranks[own] < ranks[level]) return;
      const time = new Date().toISOString();
      send({ time, level: own, text, pid: process.pid, fields: plainFields(fields) });
    };
  return {
    debug: method("debug"),
    info: method("info"),
    warn: method("warn"),
    error: method("error"),
  };
}
