// What a listener counts of the connections that come to it, since it began.

export interface ListenerCounts {
  accepted: number;
  /** There were too many, or nobody may come from there. */
  refused: number;
  /** TLS that was not agreed on, refusals of ours included. */
  handshakesFailed: number;
  tls12: number;
  tls13: number;
  readonly http2: Http2Counts;
}

export interface Http2Counts {
  connections: number;
  /** Now. */
  open: number;
  /** Requests that began. */
  streams: number;
  /** Those of them that the client has reset before their end. */
  resets: number;
  /** Connections that we ended for a fault of the protocol. */
  faults: number;
  /** Connections that we ended for a flood, by its name in SessionFault. */
  readonly floods: Map<string, number>;
}

export function listenerCounts(): ListenerCounts {
  const http2 = { connections: 0, open: 0, streams: 0, resets: 0, faults: 0, floods: new Map() };
  return { accepted: 0, refused: 0, handshakesFailed: 0, tls12: 0, tls13: 0, http2 };
}

export function countFlood({ floods }: Http2Counts, flood: string): void {
  floods.set(flood, (floods.get(flood) ?? 0) + 1);
}
