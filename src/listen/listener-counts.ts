// What a listener counts of the connections that come to it, since it began.

export interface ListenerCounts {
  accepted: number;
  /** There were too many, or nobody may come from there. */
  refused: number;
  /** TLS that was not agreed on, refusals of ours included. */
  handshakesFailed: number;
  tls12: number;
  tls13: number;
}

export function listenerCounts(): ListenerCounts {
  return { accepted: 0, refused: 0, handshakesFailed: 0, tls12: 0, tls13: 0 };
}
