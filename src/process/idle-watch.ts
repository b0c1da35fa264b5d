// Stops what was started because a request came, once none does. Looks only while there is anything of that kind.

import { isPlatform } from "../config/provider-settings.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { Discoveries } from "./discoveries.ts";
import { Idleness } from "./idleness.ts";
import type { Primary } from "./primary.ts";
import { loadsOf } from "./serving.ts";

/** Idle times are minutes; asking the workers costs them next to nothing. */
const idleCheckMs = 2000;

export class IdleWatch implements Disposable {
  readonly #primary: Primary;
  readonly #discoveries: Discoveries;
  readonly #idleness = new Idleness();
  #check: NodeJS.Timeout | undefined;

  constructor(primary: Primary, discoveries: Discoveries) {
    this.#primary = primary;
    this.#discoveries = discoveries;
  }

  update({ services, providers }: Snapshot): void {
    // Asked for by a container, and granted by the file.
    const isGranted = providers.some((each) => isPlatform(each) && each.mayStart);
    const isOnDemand =
      isGranted &&
      [...services.values()].some(
        (each) => each.kind === "backends" && each.onDemand !== undefined,
      );
    if (isOnDemand) this.#check ??= setInterval(() => void this.#look(), idleCheckMs).unref();
    else this[Symbol.dispose]();
  }

  async #look(): Promise<void> {
    const { serving, snapshot, isStopping } = this.#primary;
    if (serving === undefined || snapshot === undefined || isStopping) return;
    const loads = await loadsOf(serving);
    const { members } = this.#discoveries;
    const idle = this.#idleness.look(snapshot.services, loads, members, performance.now());
    for (const each of idle) this.#discoveries.stop(each);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#check);
    this.#check = undefined;
  }
}
