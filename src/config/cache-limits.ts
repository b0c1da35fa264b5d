// Bounds of caches. Those that a route can set are defaults here.

/** Bytes that all caches of one worker share by default: some ten thousand pages, and no burden on a small machine. */
export const cacheMemory = 64 * 1024 * 1024;

/** Largest answer that is kept by default: downloads belong on a disk, and would push out a thousand pages. */
export const cacheMaxObject = 1024 * 1024;

/** One answer takes at most this share of the memory: no single download empties a cache. */
export const cacheObjectShare = 1 / 8;

/** Forms of one URL by what `Vary` names: more of them mean that it names what differs with everybody. */
export const mostVariants = 32;

/** Names in a `Vary` that are looked at; with more the answer is not kept. */
export const mostVaryNames = 8;

/** What an answer costs besides its bytes: its key, its entry in a map, its objects. */
export const storedOverhead = 512;

/** Length of a key, characters: longer URLs are asked for once. */
export const longestCacheKey = 4096;

/** Tags of one answer, and characters of all of them. */
export const mostTags = 64;
export const longestTags = 4096;

/** Longest freshness that is believed, ms: a year, as RFC 9111 section 1.2.2 allows. */
export const longestFresh = 365 * 86_400_000;

/** How long waiting clients wait for the one that asks, ms, before each goes alone. */
export const cacheLockTimeout = 10_000;

/** So long a backend that failed is not asked for the same again where something stale may be given, ms. */
export const failureRest = 1000;

/** Orders to take something out that are remembered, for what is on its way meanwhile; with more, that is not kept. */
export const mostRecentPurges = 100;

/** Keys that are known as such; the oldest are forgotten. */
export const maxRecentFailures = 10_000;

/** Bytes on disk where somebody wants it and does not say how much: some fifty thousand pages. */
export const cacheDisk = 1024 * 1024 * 1024;

/** The least that makes sense, bytes: with less, whatever is written is taken out again. */
export const leastCacheDisk = 16 * 1024 * 1024;

/** When there is more than this share of it, the least used goes, down to here: not one file at a time. */
export const cacheDiskFilled = 0.9;

/** An answer that is of use for less than this is not written, ms: nobody would ask the disk for it in time. */
export const leastDiskUse = 10_000;

/** How long a request waits for the disk, ms; a backend is quicker than a disk that hangs. */
export const cacheDiskWait = 1000;

/** So long a disk that was too slow, or refused to write, is left alone, ms. */
export const cacheDiskRest = 10_000;

/** Reading from disk at once, and waiting for that; with more the backend is asked. A process has four threads for all files. */
export const mostDiskReads = 2;
export const mostWaitingDiskReads = 256;

/** Bytes, and answers, that wait to be written by a process; what comes then stays in memory alone. */
export const mostUnwrittenBytes = 32 * 1024 * 1024;
export const mostUnwritten = 1000;

/** Orders to take something out of the disk that wait; with more of them all of that route goes at once. */
export const mostDiskPurges = 1000;

/** Who takes something out waits so long for the count, ms. It holds before, and a large disk takes longer to look through. */
export const diskPurgeWait = 2000;

/** Longest order to take something out, bytes: names of tags and URLs are shorter; with a longer one all of the route goes. */
export const longestDiskOrder = 64 * 1024;

/** Longest beginning of a file on disk, bytes: key, fields and tags of an answer. */
export const longestDiskHead = 1024 * 1024;

/** What a file takes on disk is counted in these, bytes: file systems give no less. */
export const diskBlock = 4096;

/** What belongs to a route that nobody knows goes after this, ms: routes that are discovered may come late. */
export const strangeShelfWait = 10 * 60_000;

/** A file that was not written to its end is rubbish after this, ms. */
export const unfinishedFileWait = 10 * 60_000;
