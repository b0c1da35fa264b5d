// Everything that bounds the answering with files, each with its reason. Milliseconds and bytes.

/** A name longer than that exists on no file system of Linux (NAME_MAX). */
export const maxNameBytes = 255;

/** A path longer than that is taken by no call of Linux (PATH_MAX with its NUL). */
export const maxPathBytes = 4095;

export const fileCache = {
  // Files up to here stay in memory. Above it, reading is a small part of what sending costs.
  fileBytes: 256 * 1024,
  // All files of a process together: with eight workers a quarter of a gigabyte at worst.
  bytes: 32 * 1024 * 1024,
  // Paths that are known, about 1 kB each with what belongs to them.
  entries: 10_000,
  // What was seen is believed for so long: nobody notices a second, and a busy file is looked at once, not ten thousand times.
  believedFor: 1000,
} as const;

/** One read of a file that is streamed, and so what a slow reader costs us; more at once does not make it faster. */
export const streamChunkBytes = 64 * 1024;

/** Buffers of streams that ended, kept for the next: more would only be memory that nobody uses. */
export const spareBuffers = 16;

/** A disk that spins up answers within ten seconds; what takes longer hangs. */
export const readTimeout = 30_000;

/** Reads of one container at once, and of this machine's files. More do not make a disk faster, and each that hangs keeps a thread of ours. */
export const readsAtOnce = 2;

/** Reads of all containers at once: of the threads that look-ups leave, a part. Two containers that hang hold up large files of others. */
export const guestReads = 4;

/** Ranges of one request. Readers of PDF ask for a few; hundreds are the attack of CVE-2011-3192. */
export const maxRanges = 16;

/** A file that changed less than that ago may change again without its time showing it (RFC 9110 section 8.8.2.2). */
export const settledAfter = 2000;
