// Limits of what operators are shown of single requests while they run, and why. Bytes, counts and milliseconds.

/** Who looks at requests as they end. */
export const watching = {
  // Consoles and terminals of one program, all at once.
  followers: 32,
  // The primary fetches what the workers have seen so often: sooner nobody sees it.
  every: 150,
  // A worker that was not asked for so long is not watched any more, whatever became of the primary.
  forgottenAfter: 5000,
  // Of one worker between two questions: 0.5 KiB each, and nobody reads more lines than that.
  entries: 1000,
  // A reader that does not take what it is given loses lines, which it is told, not memory of ours.
  waitingBytes: 1024 * 1024,
  // Characters of each text that clients choose, in what is shown.
  text: 1024,
} as const;

/** Exchanges that failed or were slow, kept in each worker for whoever comes and asks what is wrong. */
export const standouts = {
  failed: 100,
  slow: 50,
  // Slower ones before that say nothing about now.
  age: 600_000,
  // Noted per second at most: under an attack all of them fail.
  perSecond: 20,
  // Faster than that nobody calls slow.
  slowerThan: 100,
} as const;

/** Heads of requests, kept in each worker to try a change of routes with. */
export const samples = {
  // A minute of traffic at least; a KiB each, in what few workers there are.
  heads: 1000,
  // Noted per second at most, each takes some microseconds.
  perSecond: 20,
  // Longer ones are not kept: cookies are left out anyway.
  bytes: 8 * 1024,
} as const;

/** What is open now, in one answer of one worker. Those that are open longest come first. */
export const open = { shown: 1000 } as const;

/** Whole requests with their answers, kept in the primary because somebody asked for it. */
export const recording = {
  records: 10,
  count: 100,
  mostCount: 1000,
  body: 64 * 1024,
  mostBody: 1024 * 1024,
  // Of one record, and so ten times as much of all.
  bytes: 16 * 1024 * 1024,
  time: 600_000,
  mostTime: 3_600_000,
  // One that is still running holds its copies in a worker.
  running: 50,
  // Of one answer to what is sent again: a command holds it whole.
  replayed: 64 * 1024 * 1024,
} as const;
