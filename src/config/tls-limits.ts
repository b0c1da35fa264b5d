// Bounds of TLS with clients and of certificates, each with its reason. Milliseconds, bytes and counts.

/** Of TLS with clients. Milliseconds, bytes and counts. */
export const tlsLimits = {
  // Contexts of OpenSSL that a worker keeps, 60 kB each: the certificates that were asked for last.
  contexts: 1000,
  // Handshakes begun in one turn of the event loop, a quarter of a millisecond each: requests wait no longer than for these.
  perTurn: 4,
  // More handshakes than these would wait for longer than clients do.
  waiting: 2000,
  // Names that clients ask for in vain, where certificates are made on demand: told once in so long, so many in a second, and
  // so many are remembered. A flood of names costs the primary as little as that.
  unknownAgain: 60_000,
  askedPerSecond: 20,
  askedNames: 5000,
  // Those that have one are told, too, as long as somebody asks for them: others are not renewed.
  knownAgain: 6 * 60 * 60_000,
  // A session can be resumed for so long. Tickets are sealed with another key after as long, at most.
  sessionLife: 86_400_000,
} as const;

/** Of certificates in files and folders. Milliseconds, bytes and counts. */
export const certificateLimits = {
  // Of one folder: twice what anybody was seen to have. They are read again when one of them changes.
  files: 20_000,
  // Of one file: a key of 4096 bits and a chain of five have 15 kB.
  fileBytes: 512 * 1024,
  // Watched by the kernel; it has some thousands of watches for all of a user's programs. Others are found by the poll.
  watched: 1000,
  // Reading goes on for so long, and then others get their turn: ten thousand files take seconds.
  stretch: 10,
  // What changes within so long is one change: who renews replaces certificate and key one after the other.
  settle: 200,
  // Looked at without any hint; on shares of other machines there are none.
  poll: 10_000,
  // And a look that takes long is followed by a pause so many times as long: it may cost one part in a hundred.
  pollShare: 100,
  // A file that is gone may be about to come back: some programs remove first and write then.
  gone: 5000,
  // A start and a reload wait for a folder that does not answer, and go on without it.
  readWait: 20_000,
  // Names of one certificate; authorities sign a hundred.
  names: 1000,
  // What is wrong is told of when it is still so after as long: half-written files are whole by then.
  look: 15_000,
  // A certificate ends soon when less than this part of its life is left, and less than so long. Who renews does it after
  // two thirds, so that it has been trying in vain by then for a while: 18 days before the end of 90, a day before that of six.
  soon: { part: 5, longest: 30 * 86_400_000 },
  // Of the one that nobody signed: a program does not run for longer.
  fallbackDays: 3650,
} as const;

/** Of what authorities say of certificates (OCSP). Milliseconds, bytes and counts. */
export const staplingLimits = {
  // Responders asked at a time; ten thousand certificates are through within minutes.
  atOnce: 8,
  // They answer from memory, near by.
  answer: 10_000,
  // A start and a reload wait so long for the answers without which a certificate is no good.
  first: 3000,
  // Answers have 500 bytes to 5 kB, with the certificate of who signed.
  bytes: 64 * 1024,
  // One that is down is asked again so soon, then after twice as long each time.
  firstRetry: 60_000,
  longestRetry: 3_600_000,
  // At half its life, but no sooner than this, where it lasts that long.
  least: 5 * 60_000,
  soonest: 10_000,
  // And once a day: what was revoked is seen.
  longest: 86_400_000,
  // An answer without an end is stapled for so long.
  unlimited: 3_600_000,
  // Clocks may jump: what is due is looked at again by then.
  look: 60_000,
  // Where thousands are asked for, workers are told so often.
  told: 1000,
} as const;
