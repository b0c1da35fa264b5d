// Where time comes from in parts that only compare times: tests pass their own and need not wait.

/** Milliseconds; never goes back. */
export type Clock = () => number;

export const clock: Clock = () => performance.now();
