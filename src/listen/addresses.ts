// How many connections are open, in all and for each address they come from.

export interface ConnectionLimits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
}

export class Addresses {
  limits: ConnectionLimits;
  #total = 0;
  readonly #byAddress = new Map<string, number>();

  constructor(limits: ConnectionLimits) {
    this.limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /** Counts one more, unless that would be too many. 0 = no limit. Unix sockets' clients share "". */
  enter(address: string): boolean {
    const { connections, connectionsPerAddress } = this.limits;
    const count = this.#byAddress.get(address) ?? 0;
    if (connections > 0 && this.#total >= connections) return false;
    if (address !== "" && connectionsPerAddress > 0 && count >= connectionsPerAddress) return false;
    this.#total++;
    this.#byAddress.set(address, count + 1);
    return true;
  }

  leave(address: string): void {
    const count = this.#byAddress.get(address) ?? 0;
    this.#total--;
    if (count <= 1) this.#byAddress.delete(address);
    else this.#byAddress.set(address, count - 1);
  }
}
