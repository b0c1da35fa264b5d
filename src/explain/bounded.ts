// Runs what may meet a regular expression that backtracks for ever: one with a lookahead, say, which `src/lib/bounded-regexp.ts`
// cannot bound. A worker that hangs is replaced; where explanations are made nobody else could end it.

import { createContext, Script } from "node:vm";

const seat: { run: () => void } = { run() {} };
const context = createContext(seat);
const script = new Script("run()");

/**
 * @param timeout milliseconds; what takes longer is ended where it is
 * @returns whether it came to its end. Throws what `work` throws
 */
export function endsWithin(timeout: number, work: () => void): boolean {
  seat.run = work;
  try {
    script.runInContext(context, { timeout });
    return true;
  } catch (error) {
    // Made in that context, so that it is no Error of ours.
    const isLate =
      typeof error === "object" &&
      error !== null &&
      "code" in error &&
      error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
    if (isLate) return false;
    throw error;
  } finally {
    seat.run = () => {};
  }
}
