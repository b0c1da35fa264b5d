// The contract of a proxy under comparison. Every peer does the same work: one process or worker, one
// thread, keep-alive to the origin, X-Forwarded-* set, one access-log line per request to a file.

import type { Origin } from "../harness/origin.ts";
import type { Launched, Stage } from "../harness/stage.ts";
import { freePort, untilAnswers } from "../harness/deadline.ts";

export interface Peer {
  readonly name: string;
  /** What it calls itself; undefined when it is not installed. */
  readonly version: () => string | undefined;
  /** Its clients come over TLS. */
  readonly isSecure?: boolean;
  /** Writes its configuration, starts it pinned to the measured core; it need not listen yet. */
  launch(stage: Stage, origin: Origin, port: number): Launched;
}

export interface Running {
  readonly name: string;
  readonly port: number;
  readonly launched: Launched;
}

/** Starts the peer and waits until it passes an answer of the origin on. */
export async function start(peer: Peer, stage: Stage, origin: Origin): Promise<Running> {
  const port = await freePort();
  const launched = peer.launch(stage, origin, port);
  try {
    await untilAnswers(port, 15_000, launched.isAlive, peer.isSecure);
  } catch (error) {
    await stage.stop(launched);
    const why = error instanceof Error ? error.message : String(error);
    const said = launched.errors().trim() || launched.output().trim();
    throw new Error(`${peer.name}: ${why}; it said: ${said.slice(-600).replaceAll("\n", " / ")}`, {
      cause: error,
    });
  }
  return { name: peer.name, port, launched };
}
