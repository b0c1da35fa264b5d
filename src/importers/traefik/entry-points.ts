// Entry points of Traefik: which of them have TLS, and which send everybody to https. Routers name them; our routes are there at
// every listener.

import { entriesOf, listOf, textOf, valueOf } from "./flat.ts";

/** With TLS, as a router or an entry point says it. */
export function hasTls(item: unknown): boolean {
  const tls = valueOf(item, "tls");
  return tls !== undefined && tls !== null && tls !== false;
}

/** As they are usually called; the file may not have them. */
const secureName = /secure|https/i;

export function namesSecure(router: unknown): boolean {
  return listOf(valueOf(router, "entryPoints")).some((each) => secureName.test(String(each)));
}

export class EntryPoints {
  readonly #points: ReadonlyMap<string, unknown>;
  /** Those that routers with TLS name. */
  readonly #named: ReadonlySet<string>;

  /** The whole file, with complete routers. */
  constructor(value: unknown) {
    this.#points = new Map(entriesOf(value, "entryPoints"));
    const routers = entriesOf(valueOf(value, "http"), "routers").map(([, router]) => router);
    this.#named = new Set(
      routers
        .filter(hasTls)
        .flatMap((router) => listOf(valueOf(router, "entryPoints")).map(String)),
    );
  }

  /** `bind` is its address. */
  isSecure(name: string, bind: string): boolean {
    const http = valueOf(this.#points.get(name), "http");
    if (this.#redirects(name)) return false;
    const isCalled = secureName.test(name) || bind.endsWith(":443");
    return isCalled || hasTls(http) || (this.#named.has(name) && !bind.endsWith(":80"));
  }

  get hasRedirect(): boolean {
    return [...this.#points.keys()].some((name) => this.#redirects(name));
  }

  /** Is the router there by https alone? One with TLS is; so is one where all its entry points send people there. */
  isForced(router: unknown): boolean {
    if (hasTls(router)) return true;
    const own = listOf(valueOf(router, "entryPoints")).map(String);
    const points = own.length > 0 ? own : [...this.#points.keys()];
    const plain = points.filter((name) => {
      return !this.isSecure(name, textOf(valueOf(this.#points.get(name), "address")) ?? "");
    });
    return plain.length > 0 && plain.every((name) => this.#redirects(name));
  }

  #redirects(name: string): boolean {
    const redirections = valueOf(valueOf(this.#points.get(name), "http"), "redirections");
    const to = valueOf(redirections, "entryPoint");
    const scheme = textOf(valueOf(to, "scheme")) ?? "https";
    return to !== undefined && scheme === "https";
  }
}
