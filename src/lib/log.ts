// The diagnostics log: what the program says about itself, on stderr. One short line per event for a
// person at a terminal, JSON lines when piped. Rare by nature, so it is written synchronously; a log
// that cannot be written is not worth dying for, so write errors are swallowed here and only here.

import { writeSync } from "node:fs";
import { pino } from "pino";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export type LogFields = Readonly<Record<string, unknown>>;

/** `fields` are for machines; an `error` among them is written with its stack and causes. */
export interface Log {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

export type LogMethod = (text: string, fields?: LogFields) => void;

export interface LogOptions {
  readonly pretty: boolean;
  readonly level: LogLevel;
  /** Where finished lines go; by default stderr. */
  readonly write?: (line: string) => void;
}

export function createLogger({ pretty, level, write = writeToStderr }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: "text",
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.errWithCause },
      redact: { paths: [...secrets, ...secrets.map((name) => `*.${name}`)], censor: "(secret)" },
    },
    { write: pretty ? (line: string) => write(prettyLine(line)) : write },
  );
  return {
    debug: (text, fields = {}) => logger.debug(fields, text),
    info: (text, fields = {}) => logger.info(fields, text),
    warn: (text, fields = {}) => logger.warn(fields, text),
    error: (text, fields = {}) => logger.error(fields, text),
  };
}

/** Names of fields, at the top or one below, whose values are never written. */
const secrets = ["authorization", "cookie", "password", "secret", "token", "key", "credentials"];

function writeToStderr(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // EPIPE, ENOSPC or EAGAIN: there is no better place left to tell of it.
  }
}

const colours: Readonly<Record<string, string>> = {
  debug: "90",
  info: "36",
  warn: "33",
  error: "31",
};
const plumbing = new Set(["level", "time", "pid", "text"]);

/** `12:34:56 warn   the text  name=value`, coloured; a stack goes onto lines of its own. */
function prettyLine(json: string): string {
  const record: Record<string, unknown> = JSON.parse(json);
  const level = String(record["level"]);
  const time = new Date(String(record["time"])).toTimeString().slice(0, 8);
  let line = `\x1b[90m${time}\x1b[0m \x1b[${colours[level] ?? "0"}m${level.padEnd(5)}\x1b[0m ${plain(record["text"])}`;
  let stack = "";
  for (const [name, value] of Object.entries(record)) {
    if (plumbing.has(name)) continue;
    if (isError(value)) {
      line += ` \x1b[90m${name}=\x1b[0m${plain(value.message)}`;
      stack = `${value.stack.split("\n").slice(1).map(plain).join("\n")}\n`;
    } else {
      line += ` \x1b[90m${name}=\x1b[0m${plain(value)}`;
    }
  }
  return `${line}\n${level === "error" ? stack : ""}`;
}

function isError(value: unknown): value is { message: string; stack: string } {
  if (typeof value !== "object" || value === null) return false;
  if (!("message" in value) || !("stack" in value)) return false;
  return typeof value.message === "string" && typeof value.stack === "string";
}

/** A terminal obeys control characters, and a peer may have sent them. */
function plain(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replace(
    /\p{Cc}/gu,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
