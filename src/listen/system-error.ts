// Errors of system calls made through Node's inner handles, which only return a number: in the form that
// `net` gives its own, so that whoever catches one need not know where it is from.

import { getSystemErrorMap } from "node:util";

/** @param status a negative errno */
export function systemError(status: number, call: string, where: string): Error {
  const [code = "UNKNOWN", what = "unknown error"] = getSystemErrorMap().get(status) ?? [];
  return Object.assign(new Error(`${call} ${code}: ${what} ${where}`), { code });
}

/** What the system calls it; empty when it is no error of the system. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
