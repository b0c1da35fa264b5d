// What another program says of certificate authorities, as our `tls.acme`: ours are for all routes, so of what several places
// say the first counts, and the others are told.

import type { Settings } from "./outline.ts";
import { shown } from "./outline.ts";

const known = new Map([
  ["https://acme-v02.api.letsencrypt.org/directory", "letsencrypt"],
  ["https://acme-staging-v02.api.letsencrypt.org/directory", "letsencrypt-staging"],
]);

export class AcmeDraft {
  readonly #note: (text: string) => void;
  readonly #emails = new Set<string>();
  readonly #settings = new Map<string, unknown>();
  #directory: string | undefined;
  #isWanted = false;

  constructor(note: (text: string) => void) {
    this.#note = note;
  }

  /** Some route has `tls: auto`. */
  want(): void {
    this.#isWanted = true;
  }

  email(address: string): void {
    if (/^[^\s@,?&%\p{Cc}]{1,64}@[^\s@,?&%\p{Cc}]{1,255}$/u.test(address)) {
      this.#emails.add(address);
    } else if (address !== "") this.#note(`${shown(address)} is no email address`);
  }

  authority(directory: string, ca?: string): void {
    const isUrl = /^https?:\/\/[^\s@]+$/.test(directory) && URL.canParse(directory);
    if (!isUrl) {
      this.#note(`${shown(directory)} is no directory of an authority; say tls.acme.authority`);
      return;
    }
    if (this.#directory !== undefined && this.#directory !== directory) {
      const text = "there is one authority for all; say tls.acme.authority where it is another one";
      this.#note(`${shown(directory)}: ${text}`);
      return;
    }
    this.#directory = directory;
    const written = known.get(directory) ?? directory;
    this.#settings.set("authority", ca === undefined ? written : { directory: written, ca });
  }

  set(key: "keyType" | "challenges" | "onDemand", value: unknown): void {
    this.#settings.set(key, value);
  }

  get(key: "challenges" | "onDemand"): unknown {
    return this.#settings.get(key);
  }

  /** As `tls.acme`; undefined = nothing needs to be said. */
  finish(): Settings | undefined {
    if (!this.#isWanted && !this.#settings.has("onDemand")) return undefined;
    const [first, ...others] = this.#emails;
    const email =
      first === undefined ? {} : { email: others.length === 0 ? first : [...this.#emails] };
    const settings = { ...email, ...Object.fromEntries(this.#settings) };
    return Object.keys(settings).length === 0 ? undefined : settings;
  }
}
