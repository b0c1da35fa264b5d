// Which TLS options hold for a name: what is said of the name itself, else of the longest ending, and so on up to what is said of
// all. Whoever says only another profile of a host must not lose the check of clients that stands around it.

import type { TlsHost, TlsOptions } from "./tls-settings.ts";

export class HostOptions {
  readonly #base: TlsOptions;
  readonly #byName = new Map<string, TlsOptions>();

  /** @param base what holds where no host says otherwise */
  constructor(hosts: readonly TlsHost[], base: TlsOptions) {
    this.#base = base;
    const isWide = ({ name }: TlsHost) => name.startsWith("*.");
    // Each builds on those before it: the widest ending comes first, and exact names come last.
    const wide = hosts.filter(isWide).toSorted((a, b) => a.name.length - b.name.length);
    for (const { name, said } of [...wide, ...hosts.filter((each) => !isWide(each))]) {
      this.#byName.set(name, { ...this.of(name), ...said });
    }
  }

  /** @param name as `normaliseHost` writes it; "" = none is known */
  of(name: string): TlsOptions {
    if (this.#byName.size === 0) return this.#base;
    const exact = this.#byName.get(name);
    if (exact !== undefined) return exact;
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const found = this.#byName.get(`*${name.slice(dot)}`);
      if (found !== undefined) return found;
    }
    return this.#base;
  }
}
