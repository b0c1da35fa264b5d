// Bounds of databases of places. Each is in the memory of every worker, outside of what JavaScript manages.

export const geoLimits = {
  /** Bytes of one; the largest that are sold are about half of it. */
  bytes: 512 * 1024 ** 2,
  /** Databases of one middleware: places, networks, and one more. */
  databases: 4,
  /** Addresses whose place is remembered, of each database: decoding takes some microseconds. */
  remembered: 4096,
  /** What describes a database stands in so many bytes at its end, as its format says. */
  tail: 128 * 1024,
  /** What changes in a folder within so long is one change, ms. */
  settle: 200,
  /** Looked at so often even where the kernel tells of no change, ms. */
  poll: 60_000,
  /** Characters of a name (of a city, an organisation) that a backend is told. */
  name: 200,
} as const;
