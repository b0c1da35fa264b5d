// The containers that services name, as a process that serves knows them: where each is now, by the last snapshot.

import { guestLimits } from "../config/guest-limits.ts";
import type { GuestPlace, Guests as GuestPlaces } from "../config/guest.ts";
import type { Premises } from "./finding.ts";
import { Guest } from "./guest.ts";
import { Machine } from "./machine.ts";
import { Places, placesFor } from "./queue.ts";

export class Guests {
  readonly #machine = new Machine(new Places(guestLimits.atOnce));
  readonly #threads = placesFor(process.env);
  #places: GuestPlaces = {};
  /** Of the last snapshot. */
  readonly #named = new Map<string, Guest>();
  /** Also others that somebody still has. Who is named again is the same object then. */
  readonly #known = new Map<string, WeakRef<Guest>>();
  readonly #forgotten = new FinalizationRegistry<string>((name) => {
    // Another one may have taken its name since.
    if (this.#known.get(name)?.deref() === undefined) this.#known.delete(name);
  });

  /** Goes over to where they are now; what is open goes on. */
  update(places: GuestPlaces): void {
    this.#places = places;
    for (const [name, guest] of this.#named) {
      if (Object.hasOwn(places, name)) continue;
      guest.update(nowhere(name));
      this.#named.delete(name);
    }
    for (const [name, place] of Object.entries(places)) {
      const guest = this.#known.get(name)?.deref();
      if (guest === undefined) continue;
      guest.update(place);
      this.#named.set(name, guest);
    }
  }

  /** @param guest `PROVIDER/NAME`; undefined = this machine. The same object for as long as somebody has it. */
  of(guest: string | undefined): Premises {
    return guest === undefined ? this.#machine : this.#guest(guest);
  }

  #guest(name: string): Guest {
    const known = this.#named.get(name) ?? this.#known.get(name)?.deref();
    if (known !== undefined) return known;
    const place = Object.hasOwn(this.#places, name) ? this.#places[name] : undefined;
    const guest = new Guest(place ?? nowhere(name), this.#threads);
    this.#known.set(name, new WeakRef(guest));
    this.#forgotten.register(guest, name);
    if (place !== undefined) this.#named.set(name, guest);
    return guest;
  }
}

function nowhere(name: string): GuestPlace {
  return { rootfs: undefined, init: undefined, why: `nobody told of a container ${name}` };
}
