// All places that the configuration names. A place that stays keeps what it read; one that is new is read before anybody
// is shown what is in it.

import { setTimeout as pause } from "node:timers/promises";
import { certificateLimits } from "../config/tls-limits.ts";
import type { CertificatePlace } from "../config/tls-settings.ts";
import type { Log } from "../lib/log.ts";
import type { HeldCertificate } from "./certificate-file.ts";
import { type Fault, WatchedPlace } from "./watched-place.ts";

export class WatchedPlaces implements Disposable {
  readonly #log: Log;
  readonly #onChange: () => void;
  readonly #places = new Map<string, WatchedPlace>();
  /** As asked for last; undefined = something changed since. */
  #held: { readonly key: string; readonly list: readonly HeldCertificate[] } | undefined;

  constructor(log: Log, onChange: () => void) {
    this.#log = log;
    this.#onChange = () => {
      this.#held = undefined;
      onChange();
    };
  }

  /** Reads these now, whether known already or not. */
  async prepare(places: readonly CertificatePlace[]): Promise<void> {
    for (const each of places) {
      const key = keyOf(each);
      if (this.#places.has(key)) continue;
      this.#held = undefined;
      this.#places.set(key, new WatchedPlace(each, this.#onChange));
    }
    const late = new AbortController();
    const all = places.map(async (each) => this.#places.get(keyOf(each))?.refresh());
    const isRead = await Promise.race([
      Promise.all(all).then(() => true),
      pause(certificateLimits.readWait, false, { signal: late.signal }).catch(() => false),
    ]);
    late.abort();
    if (!isRead) {
      const wait = `${certificateLimits.readWait} ms`;
      this.#log.error("not all certificates could be read in time; the rest follows", { wait });
    }
  }

  /** Others are not needed any more. */
  settle(places: readonly CertificatePlace[]): void {
    const wanted = new Set(places.map(keyOf));
    for (const [key, place] of this.#places) {
      if (wanted.has(key)) continue;
      place[Symbol.dispose]();
      this.#places.delete(key);
      this.#held = undefined;
    }
  }

  /** As configured; one that is in several places is there once. The same list as long as nothing changed. */
  held(places: readonly CertificatePlace[]): readonly HeldCertificate[] {
    const key = keyOf(places);
    if (this.#held?.key === key) return this.#held.list;
    const all = new Map<string, HeldCertificate>();
    for (const each of this.#of(places).flatMap(({ held }) => held)) {
      if (!all.has(each.certificate.id)) all.set(each.certificate.id, each);
    }
    const list = [...all.values()];
    this.#held = { key, list };
    return list;
  }

  faults(places: readonly CertificatePlace[]): readonly Fault[] {
    return this.#of(places).flatMap(({ faults }) => faults);
  }

  #of(places: readonly CertificatePlace[]): readonly WatchedPlace[] {
    return places.flatMap((each) => this.#places.get(keyOf(each)) ?? []);
  }

  [Symbol.dispose](): void {
    this.settle([]);
  }
}

function keyOf(place: CertificatePlace | readonly CertificatePlace[]): string {
  return JSON.stringify(place);
}
