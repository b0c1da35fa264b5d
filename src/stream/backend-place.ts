// Where the datagrams for a backend go: its addresses, in turns when one does not work, and whether anybody
// there has ever answered.

import type { Backend } from "../config/service.ts";
import { Name } from "../upstream/resolve.ts";

export class BackendPlace {
  readonly port: number;
  readonly #name: Pick<Name, "addresses" | "failure" | "refresh">;
  /** Address that is used, counted on with each failure. */
  #turn = 0;
  hasAnswered = false;

  constructor(port: number, name: Pick<Name, "addresses" | "failure" | "refresh">) {
    this.port = port;
    this.#name = name;
  }

  static of({ address, url }: Backend): BackendPlace {
    if (address.kind !== "tcp") throw new Error(`${url} takes no datagrams`);
    return new BackendPlace(address.port, new Name(address.host, () => {}));
  }

  /** undefined = not known yet, or not to be found. */
  get address(): string | undefined {
    const { addresses } = this.#name;
    return addresses[this.#turn % addresses.length];
  }

  /** Why no address is known. It is looked for again behind the scenes. */
  get failure(): Error | undefined {
    return this.#name.failure;
  }

  /** Resolves when the name was asked for. Never rejects. */
  known(): Promise<void> {
    return this.#name.refresh();
  }

  /** Nobody was there. */
  onFailed(): void {
    this.#turn++;
  }
}
