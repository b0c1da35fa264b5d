// What the admin API and its users are granted, with the reason for each. Milliseconds, bytes and counts.

/** Where the API listens when nobody says otherwise. */
export const defaultAdmin = { host: "127.0.0.1", port: 8081 } as const;

/** Of names of users and the passwords that people choose. Characters. */
export const accountLimits = {
  userName: 64,
  // A whole team with its scripts; more belong into a directory of their own.
  users: 1000,
  // NIST SP 800-63B asks for 8 at the least; where nobody else guards the door 12 are few enough.
  passwordLeast: 12,
  // Longer ones are made by machines, and those have tokens.
  passwordMost: 256,
  tokenName: 100,
  // A script or two for each of the users.
  tokens: 2000,
  tokenDays: 90,
  // Ten years: longer than any machine that it could be for.
  tokenDaysMost: 3650,
  // 10,000 days of an operator who does something every now and then; 300 bytes each.
  audit: 10_000,
} as const;

/**
 * argon2id. OWASP's least is 19 MiB and two passes, which take some 50 ms here: a login is rare, and 19 MiB are
 * not missed. More memory would be better against who steals the store, and worse for small machines.
 */
export const passwordHash = {
  memoryKib: 19 * 1024,
  passes: 2,
  parallelism: 1,
  saltBytes: 16,
  tagBytes: 32,
  // Each occupies a thread of Node's four; files and names need the others.
  atOnce: 2,
  // Who comes when so many wait is told to come again. Two seconds of work.
  waiting: 40,
} as const;

export const sessionLimits = {
  idle: 3_600_000,
  // A working day.
  longest: 12 * 3_600_000,
  // Written to the disk each time, so not with every request.
  touchEvery: 60_000,
  // Browsers and machines of one person.
  perUser: 20,
} as const;

/** Tokens are used by scripts, all the time. */
export const tokenTouchEvery = 3_600_000;

/** What Basic sends is checked with each request, and that costs 50 ms: what was right is remembered so long. */
export const basicMemory = { time: 300_000, entries: 100 } as const;

/** Who fails to log in waits, twice as long each time, after a few slips of the keyboard. */
export const loginThrottle = {
  address: { free: 5, first: 1000, longest: 300_000, forgottenAfter: 3_600_000 },
  // Of one name from everywhere: nobody can lock a user out for longer than a minute, and 1,500 guesses a
  // day find no password of 12 characters.
  user: { free: 10, first: 1000, longest: 60_000, forgottenAfter: 3_600_000 },
  // 200 bytes each. When more addresses than that guess, the oldest are forgotten.
  entries: 10_000,
} as const;

export const adminServer = {
  connections: 256,
  connectionsPerAddress: 128,
  // Browsers ask one after the other. Who asks many times at once and reads nothing has all the answers wait in memory.
  answersPerConnection: 4,
  // A head of ours has a kilobyte.
  headBytes: 16 * 1024,
  headTimeout: 10_000,
  // An import of 16 MiB over a slow line.
  requestTimeout: 120_000,
  keepAlive: 5000,
  // Without a byte in either direction, except of who follows the log.
  silence: 60_000,
  checkInterval: 5000,
  // Whether who follows the log still may: a token that is revoked is one at once.
  recheck: 2000,
  closeGrace: 1000,
  // Who has the address may leave; asking costs nothing.
  retryEvery: 2000,
  // A predecessor leaves within some 100 ms.
  retrySoon: 100,
  soonTries: 50,
} as const;

export const apiLimits = {
  // A name and a password.
  smallBody: 16 * 1024,
  // An item may have 256 KiB, and written with blanks and escapes twice as much.
  itemBody: 512 * 1024,
  // Ten thousand items have 4 MiB.
  bulkBody: 16 * 1024 * 1024,
  // An item may have 12 levels, and a transaction holds items three levels down.
  depth: 16,
  changes: 10_000,
  pageDefault: 100,
  page: 1000,
  note: 500,
  logLines: 10_000,
} as const;
