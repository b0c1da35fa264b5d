// Bounds and usual values of logins by OpenID Connect.

export const oidcLimits = {
  callback: "/.tidegate/login",
  logout: "/.tidegate/logout",
  cookie: "tidegate-session",
  /** A working day: whoever is taken out of a group keeps out the next morning. ms */
  session: 8 * 60 * 60_000,
  longestSession: 30 * 24 * 60 * 60_000,
  /** From the request to the way back: people look for their second factor. ms */
  login: 15 * 60_000,
  /** Logins that one browser may have begun: a window that opens ten pages begins ten. */
  mostLogins: 8,
  /** Browsers keep cookies up to 4096 bytes, name and attributes counted. */
  cookieBytes: 3800,
  /** The longest place to come back to that is remembered; longer ones become the root. */
  returnBytes: 1500,
  /** What is said where browsers may go after a login is asked again after this. ms */
  refresh: 60 * 60_000,
  /** For one question to the provider: a person waits. ms */
  timeout: 10_000,
  /** Codes that are exchanged at one time, per worker: each is a connection to the provider, and clients make them up. */
  mostRedeeming: 64,
  /** Logins that came back, remembered so that each does so once. */
  mostEnded: 10_000,
  /** Claims that are looked for because another route of the host needed them. */
  mostClaims: 32,
  /** Of an answer of the provider. */
  answerBytes: 256 * 1024,
  /** Questions to the provider after a failed one, at least this long apart. ms */
  leastBetween: 2000,
  /** Unsealed sessions that are remembered, per middleware. */
  mostRemembered: 5000,
  remembered: 60_000,
  /** Clocks differ. ms */
  leeway: 10_000,
  /** A token says so much more than what is needed of it. */
  tokenBytes: 64 * 1024,
} as const;
