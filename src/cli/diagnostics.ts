// The diagnostics log of a running program, and its latest lines for whoever asks.

import { createLogger, type Logger } from "../lib/log.ts";
import { LogRing } from "../lib/log-ring.ts";

export interface Diagnostics {
  readonly log: Logger;
  readonly ring: LogRing;
}

export function openDiagnostics(): Diagnostics {
  const ring = new LogRing();
  const log = createLogger({
    pretty: process.stderr.isTTY,
    level: "info",
    onRecord: (record) => ring.push(record),
  });
  return { log, ring };
}
