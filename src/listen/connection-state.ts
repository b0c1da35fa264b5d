// Where a client connection stands, and how long it may stand at its end.

export const State = {
  /** Waiting for a head, or in the middle of one. */
  HEAD: 0,
  /** A request body is arriving. */
  BODY: 1,
  /** The request is complete, its answer is not. */
  ANSWER: 2,
  /** Answered for the last time: what still arrives is thrown away, so that no reset eats the answer. */
  LINGER: 3,
  TUNNEL: 4,
  /** A tunnel that is over: its last bytes are on their way to the client. */
  ENDING: 5,
  CLOSED: 6,
} as const;

export type ConnectionState = (typeof State)[keyof typeof State];

/** How long a client may go on sending what nobody reads, ms and bytes, before the connection is cut. */
export const lingerMs = 2000;
export const lingerBytes = 4 * 1024 * 1024;
/** How long a client may take none of an answer that was left to TLS when its connection is to be closed, ms. */
export const slowMs = 60_000;
/** How long the last bytes of a tunnel may take to reach the client, ms. */
export const endingMs = 10_000;
