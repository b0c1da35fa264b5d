// Bounds of middlewares that change what answers say, and of those that keep robots out.

export const corsLimits = {
  /** An origin is a scheme and a host: nobody's is longer, characters. */
  origin: 300,
  /** Names in Access-Control-Request-Headers, characters; browsers send what a script sets. */
  headers: 4096,
  /** What Chromium takes at most is two hours; a mistake should not last that long, ms. */
  maxAge: 600_000,
} as const;

/** Of what a client wrote in the value of one field, characters: a longer line helps no backend. */
export const placeholderLength = 2048;

export const errorPageLimits = {
  /** Of one page, bytes: it is held in memory. */
  page: 1024 * 1024,
  /** Files in a folder of pages: one for each status would be 200. */
  files: 500,
  /** A folder is looked at again after that at most, ms: by whoever changes a page and looks. */
  refresh: 2000,
  /** What a backend sends in the place of which a page is given, bytes; more, and its connection is closed. */
  dropped: 1024 * 1024,
  /** A page of a service comes within that, or the built-in one does, ms. */
  wait: 5000,
} as const;

export const unwantedLimits = {
  /** Entries of one list: each is looked at for every request. */
  entries: 1000,
  /** What a pattern is tried on of a client's field, characters: those of browsers have 200. */
  field: 1024,
  /** Of a robots.txt, bytes: Google reads 500 KiB, and this one is kept in the configuration. */
  robots: 64 * 1024,
} as const;
