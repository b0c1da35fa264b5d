// Whether what is written to standard error goes to the journal of systemd, which keeps it for others to read. The
// variable alone says nothing: it is inherited by what a service or a desktop starts, wherever that writes to.

import { fstatSync, type Stats } from "node:fs";

export function goesToJournal(
  variable = process.env["JOURNAL_STREAM"],
  stderr: () => Pick<Stats, "dev" | "ino"> = () => fstatSync(2),
): boolean {
  if (variable === undefined) return false;
  try {
    const { dev, ino } = stderr();
    return variable === `${dev}:${ino}`;
  } catch {
    return false; // closed: it goes nowhere
  }
}
