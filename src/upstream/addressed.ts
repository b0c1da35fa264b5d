// A service that stands for many containers: the one that is meant has the IPv6 address which DNS gives for the
// requested host. Asking takes time, so the proxy asks first (`way`, `find`) and then goes to the container's own
// service. As a part of another service, or for streams, it leads nowhere: there is no requested host then.

import { isIP } from "node:net";

import type { NameRewrite } from "../config/provider-settings.ts";
import type { AddressedService } from "../config/service.ts";
import { normaliseHost } from "../lib/host.ts";
import { Backendless } from "./backendless.ts";
import type { Destination } from "./destination.ts";
import type { ServiceOptions } from "./live-service.ts";
import type { NameAnswer, NameLookups } from "./name-lookups.ts";

export interface AddressedOptions extends ServiceOptions {
  readonly names: NameLookups;
  destinationOf(service: string): Destination;
}

/** What became of the search. */
export type Way =
  /** @property path what is left of the path for it */
  | { readonly kind: "found"; readonly destination: Destination; readonly path: string }
  | { readonly kind: "nobody" }
  /** DNS could not be asked. */
  | { readonly kind: "failed"; readonly name: string; readonly why: string };

interface Wanted {
  /** To be looked up. */
  readonly name: string;
  readonly path: string;
}

const nobody: Way = { kind: "nobody" };

export class Addressed extends Backendless {
  readonly isUp = false;
  readonly #settings: AddressedService;
  readonly #options: AddressedOptions;
  readonly #rewrite: (name: string) => string;
  /** By address, as `keyOf` spells it. */
  readonly #members = new Map<string, Destination>();

  constructor(settings: AddressedService, options: AddressedOptions) {
    super(settings, options);
    this.#settings = settings;
    this.#options = options;
    this.#rewrite = rewriterOf(settings.settings.rewrites);
    for (const [address, service] of Object.entries(settings.members)) {
      const key = keyOf(address);
      if (key !== undefined) this.#members.set(key, options.destinationOf(service));
    }
  }

  /** @param host as it was requested, normalised. undefined = nobody knows yet: ask `find` */
  way(host: string, path: string): Way | undefined {
    const wanted = this.#wantedBy(host, path);
    if (wanted === undefined) return nobody;
    const answer = this.#options.names.known(wanted.name);
    return answer === undefined ? undefined : this.#wayOf(wanted, answer);
  }

  /** Never rejects. */
  async find(host: string, path: string): Promise<Way> {
    const wanted = this.#wantedBy(host, path);
    if (wanted === undefined) return nobody;
    return this.#wayOf(wanted, await this.#options.names.ask(wanted.name));
  }

  #wantedBy(host: string, path: string): Wanted | undefined {
    const { nameInPathOf } = this.#settings.settings;
    if (host !== nameInPathOf) return wantedBy(this.#rewrite(host), path);
    const end = path.indexOf("/", 1);
    const first = nameIn(path.slice(1, end === -1 ? path.length : end));
    if (first === undefined) return undefined;
    return wantedBy(this.#rewrite(first), end === -1 ? "/" : path.slice(end));
  }

  #wayOf({ name, path }: Wanted, answer: NameAnswer): Way {
    if (answer.kind === "failed") return { kind: "failed", name, why: answer.why };
    for (const address of answer.addresses) {
      const destination = this.#members.get(keyOf(address) ?? "");
      if (destination !== undefined) return { kind: "found", destination, path };
    }
    return nobody;
  }
}

/** undefined for text that is none, or has a port. */
function nameIn(text: string): string | undefined {
  return text.includes(":") ? undefined : normaliseHost(text);
}

/** Text that is no name is not asked for; nor is an address, which somebody could have guessed. */
function wantedBy(text: string, path: string): Wanted | undefined {
  const name = nameIn(text);
  return name === undefined || isIP(name) !== 0 ? undefined : { name, path };
}

/** One spelling for each address; undefined for text that is none. */
function keyOf(address: string): string | undefined {
  return normaliseHost(`[${address}]`);
}

function rewriterOf(rewrites: readonly NameRewrite[]): (name: string) => string {
  const steps = rewrites.map((each) => {
    if (each.kind === "exact") return (name: string) => (name === each.from ? each.to : name);
    const pattern = new RegExp(each.pattern, each.flags);
    return (name: string) => name.replace(pattern, each.to);
  });
  return (name) => steps.reduce((before, step) => step(before), name);
}
