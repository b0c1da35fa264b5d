// What the system says when a look-up fails, as what came of it.

import type { NotFound } from "./finding.ts";
import { codeOf } from "./held.ts";
import { quote } from "../lib/quote.ts";

export const nothing: NotFound = { kind: "nothing" };
export const late: NotFound = { kind: "late" };

/** A path as people read it. @param path bytes in latin1 */
export function shown(path: string): string {
  return quote(Buffer.from(path, "latin1").toString("utf8"));
}

/** @param path was looked at; bytes in latin1 */
export function troubleOf(error: unknown, path: string): NotFound {
  switch (codeOf(error)) {
    case "ENOENT":
    case "ENOTDIR":
    case "ENAMETOOLONG":
    case "ELOOP":
    // It was a link when it was looked at, and is none any more.
    case "EINVAL":
      return nothing;
    case "EACCES":
    case "EPERM":
      return { kind: "refused", why: `${shown(path)} ${notPermitted()}` };
    case "ENXIO":
    case "ENODEV":
    case "EOVERFLOW":
      return { kind: "refused", why: `${shown(path)} is no file that can be read` };
    // Somebody holds a lease on it, and has not given it back (fcntl(2), F_SETLEASE).
    case "EAGAIN":
    case "ETIMEDOUT":
      return late;
    default:
      return {
        kind: "failed",
        why: `${shown(path)}: ${error instanceof Error ? error.message : String(error)}`,
      };
  }
}

function notPermitted(): string {
  return (
    `may not be read by user ${process.geteuid?.() ?? "?"}, whom we run as: ids of an unprivileged container are shifted, so ` +
    "let others read it there, or grant us CAP_DAC_READ_SEARCH (`tidegate install --guests` does)"
  );
}
