// Those of ours who serve here still when this program starts: a primary that lost its supervisor, or workers
// that lost both. Connections reach them until they are told that we are there.

import type { ControlDoor } from "./control-door.ts";
import { signal } from "./process-identity.ts";
import { WorkerList } from "./worker-list.ts";

export class Predecessors {
  readonly #control: ControlDoor;
  #list: WorkerList | undefined;
  /** Workers that lost primary and main process; they listen on our addresses still. */
  #orphans: readonly string[] = [];

  constructor(control: ControlDoor) {
    this.#control = control;
  }

  async find(): Promise<void> {
    await this.#control.findPredecessor();
    this.#list = new WorkerList(this.#control.path);
    this.#orphans = this.#control.hasPredecessor ? [] : this.#list.left();
  }

  get areThere(): boolean {
    return this.#control.hasPredecessor || this.#orphans.length > 0;
  }

  /** Who would be orphans if we died now. */
  note(pids: readonly number[]): void {
    this.#list?.write(pids);
  }

  /** Everybody who connects reaches us. A primary is told by who opens the control socket. */
  dismissOrphans(): void {
    for (const each of this.#orphans) signal(each, "SIGUSR2");
  }
}
