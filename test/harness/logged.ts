// The access log of a program that has ended: the end writes it out at once, and has to be an orderly one.

import type { Tidegate } from "./tidegate.ts";

export type LogEntry = Readonly<Record<string, unknown>>;

/** Stops the program; its entries, for the JSON format. */
export async function logAtEnd(program: Tidegate): Promise<readonly LogEntry[]> {
  const { code, signal } = await program.stop();
  if (code !== 0) throw new Error(`ended with ${code ?? signal}: ${program.stderr()}`);
  return (await program.accessLog()).map((line) => JSON.parse(line) as LogEntry);
}

/** Stops the program; the one entry about a request for this target. */
export async function loggedAtEnd(program: Tidegate, target: string): Promise<LogEntry> {
  const found = (await logAtEnd(program)).filter((entry) => entry["target"] === target);
  const [entry] = found;
  if (entry === undefined || found.length > 1) {
    throw new Error(`${found.length} entries about ${target}: ${JSON.stringify(found)}`);
  }
  return entry;
}
