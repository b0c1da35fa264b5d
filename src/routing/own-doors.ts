// Backends that are this program itself. A container with the network of the machine says where it listens,
// and could name one of our ports: requests would go round and round, or reach the administration, which
// believes whoever comes from this machine.

import type { Backend, BackendService, Service } from "../config/service.ts";
import type { Address, Catalog } from "../config/snapshot.ts";
import { canonicalAddress } from "../lib/ip.ts";

/** Whether an IP address is one of this machine. */
export type OwnAddress = (ip: string) => boolean;

/** Where this program accepts connections. */
export class OwnDoors {
  /** By port. */
  readonly #doors = new Map<number, { readonly ip: string; readonly name: string }[]>();
  readonly #isOwn: OwnAddress;

  constructor(
    { listeners, compat, admin }: Pick<Catalog, "listeners" | "compat" | "admin">,
    isOwn: OwnAddress,
  ) {
    this.#isOwn = isOwn;
    for (const { bind, protocol, name } of listeners) {
      if (protocol === "udp") continue;
      for (const each of bind) this.#add(each, `the listener ${name}`);
    }
    if (compat.dockerProxyApi !== undefined) {
      this.#add(compat.dockerProxyApi, "compat.dockerProxyApi");
    }
    if (compat.proxyEtcApi !== undefined) this.#add(compat.proxyEtcApi, "compat.proxyEtcApi");
    if (admin !== undefined) this.#add({ ...admin, kind: "tcp" }, "the admin API");
  }

  #add(address: Address, name: string): void {
    if (address.kind !== "tcp") return;
    const { host, port } = address;
    const doors = this.#doors.get(port) ?? [];
    this.#doors.set(port, [...doors, { ip: canonicalAddress(host) ?? host, name }]);
  }

  /** What a backend leads to; undefined = to somebody else. */
  behind({ address }: Backend): string | undefined {
    if (address.kind !== "tcp") return undefined;
    const doors = this.#doors.get(address.port);
    if (doors === undefined) return undefined;
    const ip = canonicalAddress(address.host) ?? (isLocalName(address.host) ? "127.0.0.1" : "");
    return doors.find((door) => {
      // A connection to "any address" is one to this machine.
      if (anywhere.has(door.ip)) return anywhere.has(ip) || this.#isOwn(ip);
      return door.ip === ip || (anywhere.has(ip) && this.#isOwn(door.ip));
    })?.name;
  }

  /** The service without those, who are absent; the same one when there are none. */
  without(service: Service): { readonly service: Service; readonly taken: readonly string[] } {
    if (service.kind !== "backends") return { service, taken: [] };
    const taken = service.backends.flatMap((backend) => {
      const door = this.behind(backend);
      return door === undefined ? [] : [{ backend, why: `${backend.url} is ${door}` }];
    });
    if (taken.length === 0) return { service, taken: [] };
    const ours = new Set(taken.map(({ backend }) => backend));
    const others: BackendService = {
      ...service,
      backends: service.backends.filter((each) => !ours.has(each)),
      absent: [
        ...service.absent,
        ...taken.map(({ backend, why }) => {
          return {
            name: backend.url,
            state: "unreachable",
            why: `${why} of this program`,
          } as const;
        }),
      ],
    };
    return { service: others, taken: taken.map(({ why }) => why) };
  }
}

const anywhere = new Set(["0.0.0.0", "::"]);

function isLocalName(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost");
}
