// Which worker accepts on which socket of an address. The kernel deals new connections out among the sockets
// evenly, so each worker has one of its own, by its slot; a socket whose slot is empty gets a stand-in. A UDP
// address has one socket, and one worker that receives there: datagrams of a client belong together.

import type { SocketNote } from "./messages.ts";

/** A worker, as far as it matters here. */
export interface Slotted {
  readonly slot: number;
}

/**
 * Whether this worker accepts on this socket.
 * @param live those that serve; a worker that only starts is not among them
 */
export function assign(note: SocketNote, worker: Slotted, live: readonly Slotted[]): boolean {
  if (note.protocol === "udp") return live.includes(worker) && worker.slot === lowestOf(live);
  if (note.isShared || note.index === worker.slot) return true;
  if (live.some(({ slot }) => slot === note.index)) return false;
  // By slot, and not by who came first, so that the answer does not change without need.
  const bySlot = live.toSorted((a, b) => a.slot - b.slot);
  return bySlot[note.index % bySlot.length] === worker;
}

function lowestOf(live: readonly Slotted[]): number {
  return Math.min(...live.map(({ slot }) => slot));
}
