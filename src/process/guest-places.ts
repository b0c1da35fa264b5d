// Where the containers are that services name: of all that was found, only these go to who serves. A place is of this
// moment (a process number is soon somebody else's), so none is kept on disk, and one alone is worth another snapshot.

import { open } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { GuestPlace, Guests } from "../config/guest.ts";
import { noGuests } from "../config/guest.ts";
import type { Service } from "../config/service.ts";
import type { Log } from "../lib/log.ts";

export interface GuestPlacesOptions {
  readonly log: Log;
  /** Where a provider found its containers, by name; undefined = it has not said it yet, or there is no such provider. */
  found(provider: string): ReadonlyMap<string, GuestPlace> | undefined;
  /** Of the snapshot that is live. */
  live(): Guests;
}

export class GuestPlaces {
  readonly #options: GuestPlacesOptions;
  /** What was last said about each, so that it is said once. */
  #told: ReadonlyMap<string, GuestPlace> = new Map();

  constructor(options: GuestPlacesOptions) {
    this.#options = options;
  }

  /** Of those that these services name. */
  of(services: ReadonlyMap<string, Service>): Guests {
    const names = new Set<string>();
    for (const service of services.values()) {
      const guest = guestOf(service);
      if (guest !== undefined) names.add(guest);
    }
    if (names.size === 0) return noGuests;
    return Object.fromEntries([...names].toSorted().map((name) => [name, this.#placeOf(name)]));
  }

  #placeOf(guest: string): GuestPlace {
    const [provider, name] = partsOf(guest);
    const found = this.#options.found(provider);
    const place = found?.get(name);
    if (place !== undefined) return place;
    const why =
      found === undefined
        ? `${provider} has not said yet where its containers are`
        : `there is no container ${name} of ${provider}`;
    return { rootfs: undefined, init: undefined, why };
  }

  /** Whether what is live has another place for a container of this provider. */
  isNews(provider: string): boolean {
    return Object.entries(this.#options.live()).some(
      ([guest, place]) =>
        partsOf(guest)[0] === provider && !isDeepStrictEqual(this.#placeOf(guest), place),
    );
  }

  /** Says of each, once, why its files cannot be reached, as far as that is known here. Never rejects. */
  async settled(guests: Guests): Promise<void> {
    const before = this.#told;
    const all = Object.entries(guests);
    if (before.size + all.length === 0) return;
    this.#told = new Map(all);
    const news = all.filter(([guest, place]) => !isDeepStrictEqual(before.get(guest), place));
    await Promise.all(news.map(([guest, place]) => this.#tell(guest, place)));
  }

  async #tell(container: string, place: GuestPlace): Promise<void> {
    const { log } = this.#options;
    const { rootfs, init, why } = place;
    if (rootfs === undefined && init === undefined) {
      log.info("the files of a container cannot be reached now", { container, why });
      return;
    }
    const root = init === undefined ? rootfs : `/proc/${init.pid}/root`;
    const refusal = await refusalOf(root ?? "");
    if (refusal === undefined) return;
    log.warn("the files of a container may not be looked into by the user that serves", {
      ...{ container, path: root, cause: refusal, user: process.getuid?.() },
      remedy:
        "serve as root, or let systemd give this user CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (tidegate install --guests); what starts as root and becomes `user` keeps neither",
    });
  }
}

/** Container whose own paths it is about, `PROVIDER/NAME`. */
function guestOf(service: Service): string | undefined {
  return service.kind === "files" || service.kind === "backends" ? service.guest : undefined;
}

/** Names of providers have no slash. */
function partsOf(guest: string): readonly [provider: string, name: string] {
  const at = guest.indexOf("/");
  return [guest.slice(0, at), guest.slice(at + 1)];
}

/** Linux: names a file and opens nothing of it. */
const namesOnly = 0o10000000;

/** A file in it is asked for, since the folder itself may be open to nobody. @returns the code of what forbids it */
async function refusalOf(path: string): Promise<string | undefined> {
  try {
    await using root = await open(path, namesOnly);
    await using inside = await open(`/proc/self/fd/${root.fd}/.`, namesOnly);
    return inside.fd >= 0 ? undefined : "EBADF";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    // Whatever else it is tells of a container that has ended meanwhile.
    return code === "EACCES" || code === "EPERM" ? code : undefined;
  }
}
