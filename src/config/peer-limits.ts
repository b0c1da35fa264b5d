// Bounds of what workers say to each other directly. Nobody's request waits longer than these allow.

/** Longest line of questions, answers or news between two workers, bytes: many of one turn travel together. */
export const longestPeerLine = 8 * 1024 * 1024;

/** Bytes held for a worker that does not read; beyond that it counts as gone, and whoever asks decides alone. */
export const mostPeerBacklog = 16 * 1024 * 1024;

/** Questions to one worker that wait for an answer: more are decided alone. */
export const mostPeerQuestions = 10_000;

/** A worker that did not let us in is left alone for so long, ms: each request would pay for another attempt. */
export const peerRetryWait = 1000;

/** Longest path of a unix socket that every system takes, bytes (`sun_path` of unix(7), with its end). */
export const longestSocketPath = 107;
