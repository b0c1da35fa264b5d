// Bounds of answers that many wait for and one request fetches.

/** Bytes of an answer that is not kept, held for its slowest reader: beyond that the backend is paused. */
export const fillWindow = 1024 * 1024;

/** The same where all of them together hold too much: what a socket holds anyway. */
export const scarceFillWindow = 64 * 1024;

/** Bytes of all answers that are being fetched by a worker; beyond that none is kept whole any more, and windows are small. */
export const mostFillBytes = 256 * 1024 * 1024;

/** A reader that holds up the others by not reading is cut off after so long, ms. */
export const fillStallWait = 5000;

/** Requests for one key that go to the backend by themselves at once, when its answer turned out to be for one alone. */
export const mostAlonePerKey = 8;

/** How long it is remembered that answers for a key are not to be shared, ms: nobody waits for another meanwhile. */
export const unsharedFor = 10_000;

/** Keys of which that is remembered: enough for a site, and a bound when somebody invents keys. */
export const mostUnshared = 10_000;

/** Who waited in vain for others so often goes on by itself: two slow fetches in a row say that a third will be slow. */
export const mostFillTries = 2;

/** Longest head of an answer between workers, bytes: each has been read by one of them with the limits of the file. */
export const peerHeadBytes = 512 * 1024;

/** Longest wait for a connection to another worker, ms: it is on this machine, or hangs. */
export const peerConnectWait = 500;
