// Finds a container's socket before it is connected to, within the time that connecting may take. What is connected to is
// the socket that was looked at, held: its name may lead elsewhere by now.

import { setTimeout as pause } from "node:timers/promises";

import type { FoundSocket } from "../guest/finding.ts";
import type { Guests } from "../guest/guests.ts";
import type { FailureCode } from "../http/errors.ts";

export interface HeldSocket {
  /** What to connect to, until it is released. */
  readonly path: string;
  /** Once connected, or never to be; a second time does nothing. */
  release(): void;
}

export type Reached =
  | { readonly kind: "held"; readonly socket: HeldSocket }
  | { readonly kind: "failed"; readonly code: FailureCode; readonly cause: Error };

/** Longest wait for a container's file system where connecting has no time limit, ms. */
const maxLookMs = 60_000;

/**
 * How long a socket that was found is connected to again without another look, ms. It is held, so that nobody can put another
 * in its place; one whose listener has gone refuses, and is looked for anew at once. Longer would keep a container's file
 * system from being unmounted.
 */
const keptMs = 1000;

/** One container's socket as a pool knows it: looked for once for all who want it at the same time, and kept for a moment. */
export class GuestSocket implements Disposable {
  readonly #guests: Guests;
  readonly #guest: string;
  readonly #path: string;
  #kept: Shared | undefined;
  #looking: Promise<Reached> | undefined;

  /** @param guest `PROVIDER/NAME` @param path in the container's own terms */
  constructor(guests: Guests, guest: string, path: string) {
    this.#guests = guests;
    this.#guest = guest;
    this.#path = path;
  }

  /** The one that was found a moment ago, if it was. */
  take(): HeldSocket | undefined {
    return this.#kept?.lend();
  }

  /** Looks for it. Never rejects. @param timeoutMs 0 = as connecting has no limit */
  async find(timeoutMs: number): Promise<Reached> {
    this.#looking ??= this.#look(timeoutMs).finally(() => (this.#looking = undefined));
    const reached = await this.#looking;
    if (reached.kind === "failed") return reached;
    const socket = this.take();
    // Somebody was refused by it meanwhile.
    return socket === undefined ? this.find(timeoutMs) : { kind: "held", socket };
  }

  async #look(timeoutMs: number): Promise<Reached> {
    const reached = await reachSocket(this.#guests, this.#guest, this.#path, timeoutMs);
    if (reached.kind === "held") {
      this.forget();
      this.#kept = new Shared(reached.socket, () => this.forget());
    }
    return reached;
  }

  /** It refused, or is old. Who connects to it just now goes on. */
  forget(): void {
    this.#kept?.leave();
    this.#kept = undefined;
  }

  [Symbol.dispose](): void {
    this.forget();
  }
}

/** A held socket with several who connect to it; let go when nobody does, and nobody will. */
class Shared {
  readonly #socket: HeldSocket;
  readonly #timer: NodeJS.Timeout;
  #users = 1;

  constructor(socket: HeldSocket, onOld: () => void) {
    this.#socket = socket;
    this.#timer = setTimeout(onOld, keptMs);
    this.#timer.unref();
  }

  lend(): HeldSocket {
    this.#users++;
    let isLent = true;
    return {
      path: this.#socket.path,
      release: () => {
        if (isLent) this.#drop();
        isLent = false;
      },
    };
  }

  /** Nobody is lent it any more. */
  leave(): void {
    clearTimeout(this.#timer);
    this.#drop();
  }

  #drop(): void {
    this.#users--;
    if (this.#users === 0) this.#socket.release();
  }
}

/**
 * Never rejects.
 * @param guest `PROVIDER/NAME`
 * @param path in the container's own terms
 * @param timeoutMs 0 = as connecting has no limit
 */
export async function reachSocket(
  guests: Guests,
  guest: string,
  path: string,
  timeoutMs: number,
): Promise<Reached> {
  // Paths are looked for as the bytes that they are.
  const looking = guests.of(guest).socket(Buffer.from(path).latin1Slice());
  const limit = new AbortController();
  const late = pause(timeoutMs === 0 ? maxLookMs : timeoutMs, "late" as const, {
    ref: false,
    signal: limit.signal,
  });
  // Aborted below once it is known; nobody else can make it fail.
  const found = await Promise.race([looking, late.catch(() => "late" as const)]);
  limit.abort();
  if (found === "late") {
    void looking.then(release);
    return failed("CONNECT_TIMEOUT", `the file system of ${guest} does not answer`);
  }
  if (found.kind === "socket") return { kind: "held", socket: found };
  switch (found.kind) {
    case "nothing":
      return failed("CONNECT_REFUSED", `there is no socket ${path} in ${guest}`);
    case "away":
      return failed("GUEST_AWAY", found.why);
    case "late":
      return failed("CONNECT_TIMEOUT", `the file system of ${guest} does not answer`);
    default:
      return failed("CONNECT_FAILED", `${path} in ${guest}: ${found.why}`);
  }
}

function release(found: FoundSocket): void {
  if (found.kind === "socket") found.release();
}

function failed(code: FailureCode, why: string): Reached {
  return { kind: "failed", code, cause: new Error(why) };
}
