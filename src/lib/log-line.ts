// How a line of the diagnostics log looks: as JSON, as data, and as a person reads it. Apart from the log
// itself, since commands that only show lines of another process need no logger.

import type { LogRecord } from "./log.ts";

/** One line of JSON, as the log itself writes it. */
export function lineOf({ level, time, pid, fields, text }: LogRecord): string {
  const head = { level, time, pid };
  // Twice: so that it comes first, and no field can take its place.
  return `${JSON.stringify({ ...head, ...fields, ...head, text })}\n`;
}

export function recordOf(line: string): LogRecord {
  const { level, time, pid, text, ...fields }: Record<string, unknown> = JSON.parse(line);
  return {
    time: String(time),
    level: levelOf(level),
    text: String(text),
    pid: Number(pid),
    fields,
  };
}

function levelOf(level: unknown): LogRecord["level"] {
  return level === "debug" || level === "warn" || level === "error" ? level : "info";
}

const colours: Readonly<Record<string, string>> = {
  debug: "90",
  info: "36",
  warn: "33",
  error: "31",
};
const plumbing = new Set(["level", "time", "pid", "text"]);

/** `12:34:56 warn   the text  name=value`; a stack goes onto lines of its own. */
export function prettyLine(json: string, isColoured = true): string {
  const paint = (colour: string, text: string) =>
    isColoured ? `\x1b[${colour}m${text}\x1b[0m` : text;
  const record: Record<string, unknown> = JSON.parse(json);
  const level = String(record["level"]);
  const time = new Date(String(record["time"])).toTimeString().slice(0, 8);
  const label = paint(colours[level] ?? "0", level.padEnd(5));
  let line = `${paint("90", time)} ${label} ${plain(record["text"])}`;
  let stack = "";
  for (const [name, value] of Object.entries(record)) {
    if (plumbing.has(name)) continue;
    if (isError(value)) {
      line += ` ${paint("90", `${name}=`)}${plain(value.message)}`;
      stack = `${value.stack.split("\n").slice(1).map(plain).join("\n")}\n`;
    } else {
      line += ` ${paint("90", `${name}=`)}${plain(value)}`;
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
