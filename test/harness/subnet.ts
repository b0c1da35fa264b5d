// Networks of the daemons that tests start: each platform has a range of its own, and each process a part of it
// that no interface of this machine is in. As good as any other.

import { networkInterfaces } from "node:os";

const ranges = { libvirt: 24, lxc: 25, podman: 26, lxd: 28, docker: 29 } as const;

export interface Subnet {
  /** Of its /24: `172.29.7.`, to be completed. */
  readonly v4: string;
  /** The third number of that; for what goes by it. */
  readonly third: number;
}

export function freeSubnet(platform: keyof typeof ranges): Subnet {
  const taken = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  for (let step = 0; step < 250; step += 1) {
    const third = 1 + ((process.pid + step) % 250);
    const v4 = `172.${ranges[platform]}.${third}.`;
    if (!taken.some(({ address }) => address.startsWith(v4))) return { v4, third };
  }
  throw new Error(`no network is left for ${platform}`);
}
