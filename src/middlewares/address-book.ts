// Networks of settings together with those of documents, which may change at any time. What is read of a document is kept as
// long as the document: all middlewares of a process share it.

import type { NetworksUse } from "../config/middlewares/uses/address.ts";
import { documentLimits as limits } from "../config/document-limits.ts";
import type { LiveDocument } from "../config/documents.ts";
import { NetworkSet } from "../lib/ip.ts";
import { readNetworkList } from "../lib/network-list.ts";
import type { MiddlewareApi } from "./middleware.ts";

export class AddressBook {
  readonly #own: NetworkSet;
  readonly #lists: readonly List[];

  constructor({ networks, lists }: NetworksUse, api: Pick<MiddlewareApi, "document" | "warn">) {
    this.#own = NetworkSet.of(networks);
    this.#lists = lists.map(({ document, builtIn }) => new List(document, builtIn, api));
  }

  /** @param address plain; text that is none is in no network */
  has(address: string): boolean {
    if (this.#own.has(address)) return true;
    for (const list of this.#lists) if (list.has(address)) return true;
    return false;
  }

  /** How often a document was another one. */
  get changes(): number {
    let sum = 0;
    for (const list of this.#lists) sum += list.changes;
    return sum;
  }

  /** A document could never be had, and nothing stands for it. */
  get isMissing(): boolean {
    return this.#lists.some((list) => list.isMissing);
  }
}

class List {
  readonly #name: string;
  readonly #builtIn: NetworkSet | undefined;
  readonly #api: Pick<MiddlewareApi, "document" | "warn">;
  #document: LiveDocument | undefined;
  #set: NetworkSet | undefined;
  #changes = 0;

  constructor(
    name: string,
    builtIn: readonly string[],
    api: Pick<MiddlewareApi, "document" | "warn">,
  ) {
    this.#name = name;
    this.#builtIn = builtIn.length === 0 ? undefined : NetworkSet.of(builtIn);
    this.#api = api;
    // Long lists take a moment: better now than with the first request.
    this.#now();
  }

  has(address: string): boolean {
    return this.#now()?.has(address) ?? false;
  }

  get changes(): number {
    this.#now();
    return this.#changes;
  }

  get isMissing(): boolean {
    return this.#now() === undefined;
  }

  #now(): NetworkSet | undefined {
    const document = this.#api.document(this.#name);
    if (document === this.#document) return this.#set ?? this.#builtIn;
    this.#changes += 1;
    this.#document = document;
    this.#set = document === undefined ? undefined : setOf(document);
    if (document !== undefined && this.#set === undefined) {
      this.#api.warn("a list of networks cannot be read", { document: this.#name });
    }
    return this.#set ?? this.#builtIn;
  }
}

const sets = new WeakMap<LiveDocument, NetworkSet>();

function setOf(document: LiveDocument): NetworkSet | undefined {
  const known = sets.get(document);
  if (known !== undefined) return known;
  const list = readNetworkList(document.text, { most: limits.networks, depth: limits.depth });
  // It has been checked before it came here.
  if (list.kind === "bad") return undefined;
  const set = NetworkSet.ofNetworks(list.networks);
  sets.set(document, set);
  return set;
}
