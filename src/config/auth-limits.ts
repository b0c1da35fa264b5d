// Bounds of the middlewares that look at who asks, each with its reason. Bytes, milliseconds, counts.

/** Users or keys of one middleware. Each is some hundred bytes in every worker and in every snapshot. */
export const mostUsers = 20_000;

/** Name and password together. Hashes look at the first 72 bytes, or at all of them a thousand times. */
export const credentialBytes = 1024;

/** What a hash may cost, so that no line of a file stops all others: a second or so here. */
export const hashCost = {
  /** Powers of two of bcrypt; each doubles the time. */
  bcrypt: 14,
  /** KiB of argon2. */
  argon2Memory: 256 * 1024,
  argon2Passes: 16,
  argon2Lanes: 16,
  /** Rounds of sha256-crypt and sha512-crypt; 5000 is usual. */
  shaRounds: 100_000,
} as const;

export const passwordChecks = {
  /** A checked password is not checked again for so long: a page is fifty requests, each with the password. */
  remembered: 5 * 60_000,
  /** The same for a wrong one: programs ask again at once, with the same. */
  wrongRemembered: 60_000,
  /** Of either, in one middleware: 100 bytes each. */
  mostRemembered: 10_000,
  /** In one process, that wait for their turn. One takes 10 to 100 ms, so that the last one waits for seconds. */
  mostWaiting: 50,
  /** Of one address: who tries out passwords does not keep out everybody else. */
  mostWaitingPerClient: 5,
  /** The thread that computes them ends when nobody has needed it for so long. */
  idle: 60_000,
} as const;

export const digest = {
  /** Browsers ask a user only when they are not told `stale`, so that a short time costs one more request. */
  nonceLife: 5 * 60_000,
  /** Nonces whose use is remembered; 100 bytes each. */
  mostNonces: 10_000,
  /** Requests of a browser overtake each other on its connections; older ones than this are taken for replayed. */
  window: 128,
} as const;

export const forwardAuth = {
  /** A person waits, and behind the page are fifty more requests. */
  timeout: 10_000,
  /** Of an answer: a login page with everything in it. */
  answerBytes: 1024 * 1024,
  /** Connections to one such server, per worker. */
  connections: 64,
  /** Questions that run or wait, per worker: what else comes gets 503. */
  questions: 1000,
  /** Connections are closed after this without a question, below the 5 s of Node's and Go's usual servers. */
  idle: 4000,
} as const;

export const tokens = {
  /** Nearly what a whole head may have. */
  bytes: 16 * 1024,
  /** A set of keys as JSON: two keys are 3 KB; those of the largest providers 20. */
  keySetBytes: 512 * 1024,
  /** Of one set. */
  mostKeys: 64,
  /** That are tried for one token that does not say which it was signed with. */
  mostTried: 4,
  /** To have a set of keys: requests wait for the first one. */
  keySetTimeout: 5000,
  /** A set is asked for again after this. */
  refresh: 60 * 60_000,
  /** Nor sooner than this, whatever keys tokens name: anybody can name one. */
  leastBetween: 30_000,
  /** After it could not be had, at first; doubled each time, up to `refresh`. */
  retry: 5000,
  /** A checked token is not checked again for so long, nor beyond its own end. */
  remembered: 60_000,
  mostRemembered: 5000,
  /** Clocks differ. */
  leeway: 10_000,
  /** RSA keys below this are not believed (NIST SP 800-131A). Bits. */
  leastRsa: 2048,
  /** A secret of HS256 has to be as long as its hash (RFC 7518 section 3.2). */
  leastSecret: 32,
} as const;
