// What a pool and the socket under a connection know of each other, whatever the connection speaks.

/** Who is told what happens on a socket. */
export interface SocketUser {
  /** The bytes are only valid during the call. */
  onBytes(buffer: Buffer, start: number, end: number): void;
  /** The peer sends no more. */
  onEnd(): void;
  onClosed(): void;
  onDrain(): void;
  /** The backend refused our certificate, and with it all that was sent. @param why a sentence */
  onRefused(why: string): void;
}

/** A connection to a backend as its pool sees it. */
export interface Pooled extends SocketUser {
  /** IP address it leads to, "" for a unix socket. */
  readonly address: string;
  /** `performance.now()` when it became idle. */
  idleSince: number;
  /** Closes at once; nobody is told but the owner. */
  destroy(): void;
}

/** What the connection's owner wants to know. */
export interface LeaseOwner<C> {
  /** It has done what it was lent for and can be lent again. */
  onReusable(connection: C): void;
  onClosed(connection: C): void;
}

/** Asks for a place to go to: what a choice among backends may depend on. An exchange is one. */
export interface Asker {
  readonly clientIp: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** By its lower-case name. */
  header(name: string): string | undefined;
}
