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
export interface Pooled {
  readonly socketUser: SocketUser;
  /** IP address it leads to, "" for a unix socket. */
  readonly address: string;
  /** `performance.now()` when it became idle. */
  idleSince: number;
  /** Closes at once; nobody is told but the owner. */
  destroy(): void;
  /** Of one that is a place among others on its connection: it was lent and is not needed. */
  giveBack?(): void;
}

/** Places on connections that are open, of which several can be lent at once. */
export interface Places<C> {
  /** They are lent before idle connections are: the surplus of these grows old. */
  readonly isFirst: boolean;
  /** @param isGone the backend's name no longer leads to this address */
  take(isGone: (address: string) => boolean): C | undefined;
  /** So many who wait get a place once what is being opened is ready. @param attempts connections that are being opened */
  roomSoon(attempts: number): number;
  /** None is open, so that whoever waits for a place waits for what is being opened. */
  readonly isHopeless: boolean;
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
