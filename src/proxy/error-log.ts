// What programs write to their error stream: a line each, with the route, who asked and what was asked for, in the route's own
// file or, a few at a time, in the log of the program. Programs repeat what clients sent them, so that nothing of it may reach
// a terminal as it is, or begin a line.

import { errorLines } from "../config/gateway-limits.ts";
import { isUtf8 } from "node:buffer";
import type { Exchange } from "../http/exchange.ts";
import { LogOutput } from "./log-output.ts";
import type { Plan } from "./plan.ts";

export interface ErrorLog {
  readonly path: string;
  write(exchange: Exchange, text: string): void;
  reopen(): void;
  close(): Promise<void>;
}

export function createErrorLog(path: string, onProblem: (message: string) => void): ErrorLog {
  const output = new LogOutput(path, onProblem, {}, "error log");
  return {
    path,
    write: (exchange, text) => output.add(errorLine(exchange, text, new Date())),
    reopen: () => output.reopen(),
    close: () => output.close(),
  };
}

/** One character for each byte, with its line end. */
export function errorLine(exchange: Exchange, text: string, now: Date): string {
  const { clientIp, routeName, request } = exchange;
  const asked = `client=${clientIp} route=${quoted(routeName)} request=${quoted(request.line)}`;
  return `${now.toISOString()} ${asked} text=${quoted(text)}\n`;
}

function quoted(text: string): string {
  return `"${shown(text).replaceAll('"', '\\"')}"`;
}

/** @param text one character for each byte */
function shown(text: string): string {
  if (/^[\x20-\x5b\x5d-\x7e]*$/.test(text)) return text;
  const bytes = Buffer.from(text, "latin1");
  const isText = isUtf8(bytes);
  const decoded = isText ? bytes.toString("utf8") : text;
  // Also what turns the direction of writing, and what some take for the end of a line.
  const escaped = decoded.replaceAll(/[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|\P{ASCII}/gu, (letter) => {
    if (letter === "\\") return "\\\\";
    const code = letter.codePointAt(0) ?? 0;
    const isPlain = isText && code > 0x9f && !/[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(letter);
    if (isPlain) return letter;
    return code > 0xff ? `\\u{${code.toString(16)}}` : `\\x${code.toString(16).padStart(2, "0")}`;
  });
  return Buffer.from(escaped).latin1Slice();
}

/** Lines of one route for the log of the program: so many in a while, and then how many more there were. */
export class ErrorLines {
  readonly #tell: (text: string, fields: Readonly<Record<string, string>>) => void;
  #began = -Infinity;
  #told = 0;
  #untold = 0;

  constructor(tell: (text: string, fields: Readonly<Record<string, string>>) => void) {
    this.#tell = tell;
  }

  write({ clientIp, routeName, request }: Exchange, text: string, now = performance.now()): void {
    if (now - this.#began >= errorLines.window) {
      this.#began = now;
      this.#told = 0;
    }
    if (this.#told >= errorLines.count) {
      this.#untold++;
      return;
    }
    this.#told++;
    const more = this.#untold === 0 ? {} : { unwritten: String(this.#untold) };
    this.#untold = 0;
    const about = { route: routeName, client: clientIp, request: shownAsText(request.line) };
    this.#tell(`a program wrote: ${shownAsText(text)}`, { ...about, ...more });
  }
}

interface Teller {
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

const linesOf = new WeakMap<Plan, ErrorLines>();

/** Where the route wants it. */
export function tellErrorText(exchange: Exchange, plan: Plan, text: string, teller: Teller): void {
  const { errorLog } = plan;
  if (errorLog !== undefined) {
    errorLog.write(exchange, text);
    return;
  }
  let lines = linesOf.get(plan);
  if (lines === undefined) {
    lines = new ErrorLines((message, fields) => teller.onProblem(message, fields));
    linesOf.set(plan, lines);
  }
  lines.write(exchange, text);
}

/** That log writes characters. */
function shownAsText(text: string): string {
  return Buffer.from(shown(text), "latin1").toString("utf8");
}
