// Limits of looking up paths of containers, and why they are what they are. A container is hostile: each of these is
// something that it would otherwise decide.

/** Counts, bytes and milliseconds. */
export const guestLimits = {
  // Links followed in one look-up: what Linux itself grants (path_resolution(7)).
  links: 40,
  // Of a path, and of a name in it: what Linux takes (PATH_MAX without its NUL, NAME_MAX).
  pathBytes: 4095,
  nameBytes: 255,
  // Names looked up for one path, those of links included. Sites have ten; 40 links of 4 kB each would be 80,000.
  steps: 512,
  // Folders held open on the way, each a descriptor. Nobody nests them deeper by hand, and all look-ups at once stay
  // far below what a process may have open.
  depth: 128,
  // Entries of a listing: a page of 10,000 lines is no help to anybody, and a folder may have millions.
  entries: 10_000,
  // Links in a listing that are followed; each is a look-up of its own.
  listedLinks: 1000,
  // Look-ups of one container at once. Each takes a thread while the file system answers, and keeps it when it does not.
  atOnce: 4,
  // Threads of a process for such calls (UV_THREADPOOL_SIZE; Node's own default is 4), and how many of them look-ups in
  // containers may not have: four are for look-ups on this machine, six for reading (`files-limits.ts`), four for
  // everything else, such as looking up names. Two containers that hang at once slow down no third one, and any number of them
  // stops no worker.
  threads: 24,
  spareThreads: 14,
  // Look-ups of one container that wait for those at once. A flood of paths that do not exist is taken in two or three seconds, so
  // that those of others come late, but not too late; more would be.
  waiting: 10_000,
  // A local disk answers in milliseconds, a sleeping or shared one within seconds.
  answer: 5000,
  // Of a listing, which asks about each entry.
  listing: 15_000,
  // What a container's root is, is believed for so long: less than it takes one to start.
  rootBelieved: 1000,
  // The root is held for so long after its last use. A file system in use can be neither unmounted nor deleted.
  rootIdle: 5000,
} as const;
