// Bounds of what compresses, unpacks and rewrites bodies.

/** Bodies up to here whose length is known are compressed in one call, bytes: that takes a millisecond or two, less than handing them to a thread many times. */
export const compressedAtOnce = 128 * 1024;

/** Longest time that the first bytes of such a body wait for the rest, ms: then it goes out as it comes. */
export const compressionPatience = 100;

/** Answers that one process compresses as they come, at the same time: each takes some 300 KiB. Further ones go out as they are. */
export const mostCompressions = 1000;

/** Bodies that one process unpacks at the same time: a window can be 16 MiB, by whoever packed it. */
export const mostUnpackings = 256;

/** What waits in front of a coder before its source is paused, bytes. */
export const coderBacklog = 128 * 1024;

/** Bytes that come out of a coder at once. */
export const coderPiece = 32 * 1024;

/** log2 of the longest window of zstd: RFC 9659 section 3. */
export const zstdWindow = 23;

/** Content codings on top of each other. Nobody means more than one. */
export const mostCodings = 2;

/** Unpacked bytes for each packed one: gzip cannot do more than 1032, and text is below 30. */
export const mostExpansion = 1100;

/** Below this the ratio says nothing, bytes. */
export const freeExpansion = 1024 * 1024;

/** Longest text that one rule of `rewriteBody` looks for or puts in its place, bytes. */
export const longestText = 16 * 1024;

/** Rules of one `rewriteBody`. */
export const mostRules = 50;

/** Longest match of a regular expression in a body, bytes: so much of it is kept back, and looked at again. */
export const matchBytes = { usual: 1024, most: 16 * 1024 } as const;

/** Bytes that rewriting may add to one answer: a letter for which a page stands makes gigabytes of a short one. */
export const mostGrowth = 16 * 1024 * 1024;
