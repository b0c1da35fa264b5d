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
