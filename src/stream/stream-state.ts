// How far a stream has come. The order counts: what comes later has more to lose.

export const State = {
  /** Waits for what the client says first. */
  OPENING: 0,
  /** TLS is being established with the client. */
  SECURING: 1,
  /** Waits for a backend. */
  REACHING: 2,
  /** A PostgreSQL backend is asked for TLS. */
  ASKING: 3,
  OPEN: 4,
  /** Last words are on their way. */
  ENDING: 5,
  CLOSED: 6,
} as const;
