// The session of TLS that the next connection to one backend may resume, which costs both sides a fraction of a handshake. Of one
// backend of one service under one way of checking it, and no other: who resumes a session is not asked for a certificate.

import type { TLSSocket } from "node:tls";
import { backendTlsLimits as limits } from "../config/backend-tls-limits.ts";

export interface Resumable {
  readonly session: Buffer;
  /** Milliseconds since 1970. */
  readonly until: number;
}

export class KeptSession {
  #kept: Resumable | undefined;
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** undefined = there is none, or none that is good any more. */
  get offered(): Resumable | undefined {
    if (this.#kept !== undefined && this.#now() >= this.#kept.until) this.forget();
    return this.#kept;
  }

  /**
   * @param socket whose certificate has been found good
   * @param offered what it was opened with
   */
  keep(session: Buffer, socket: TLSSocket, offered: Resumable | undefined): void {
    if (session.length > limits.sessionBytes) return;
    // One that was resumed is no younger than the handshake in which a certificate was shown.
    const isResumed = offered !== undefined && socket.isSessionReused();
    this.#kept = { session, until: isResumed ? offered.until : this.#endOf(socket) };
  }

  #endOf(socket: TLSSocket): number {
    const until = this.#now() + limits.sessionLife;
    const certificate = socket.getPeerX509Certificate();
    // Where nobody looks at dates, one that has expired is as good as any.
    if (certificate === undefined || !socket.authorized) return until;
    return Math.min(until, certificate.validToDate.getTime());
  }

  forget(): void {
    this.#kept = undefined;
  }
}
