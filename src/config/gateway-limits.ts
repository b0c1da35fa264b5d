// Bounds on what is said to and heard from programs behind FastCGI, SCGI and uwsgi that are no settings, each with its reason.

/** Longest content of a FastCGI record, bytes: its length is a 16-bit number (FastCGI 1.0 section 3.3). */
export const maxRecordBytes = 65_535;

/** Longest uwsgi packet without its header, bytes: the length in the header has 16 bits. */
export const maxUwsgiBytes = 65_535;

/** Content of records that say something of the connection itself, bytes: an answer to three questions has 50. */
export const maxManagementBytes = 1024;

/** Longest line of a program's error stream that is told at once, bytes; PHP cuts its own at 1024. */
export const maxErrorLineBytes = 4 * 1024;

/** Of what a program writes to its error stream during one request, bytes; a stack trace fits, a loop that prints does not. */
export const maxErrorBytes = 32 * 1024;

/** A body without a length is gathered before a program is asked: up to here in memory, as `retry.replayBody` keeps them, then in a file; bytes. */
export const gatherMemory = 64 * 1024;

/** Longest body without a length that is gathered where the route has no `maxBody`, bytes: far beyond what is sent without one, and no disk full. */
export const gatherBytes = 1024 ** 3;

/** All bodies of one process that are kept whole, bytes. */
export const allSpooled = {
  // A thousand forms; beyond it each goes to its file at once.
  memory: 64 * 1024 ** 2,
  // Somebody who sends many and ends none must not fill a disk that others live on.
  disk: 32 * 1024 ** 3,
} as const;

/** Bytes of one body that wait for the disk before its client is paused: keeps a disk busy, and is no memory to speak of. */
export const spoolWaiting = 256 * 1024;

/** Of a file in one piece, bytes: few calls, and little memory for each of many uploads. */
export const spoolPiece = 64 * 1024;

/** A disk that takes longer for one piece than this hangs, ms. */
export const spoolTimeout = 30_000;

/** Lines of programs' error streams that go to the log of the program, for a route in `errorLines.window` ms; the rest is counted. */
export const errorLines = {
  // A stack trace fits. That log is written synchronously, and a program that prints in a loop must not stop everybody.
  count: 20,
  window: 10_000,
} as const;

/** Requests at once on one FastCGI connection, whatever the program says it can: one slow reader holds up all of them. */
export const maxSharedRequests = 16;

/** How long a program may take to say whether it can have several requests on one connection, ms; then it cannot. */
export const valuesTimeout = 5000;
