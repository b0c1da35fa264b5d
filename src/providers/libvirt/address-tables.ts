// The tables in which virsh tells addresses. They are made for people; what is looked for in a line is what a
// guest cannot make up, as its own name and those of its interfaces stand in it too.

import { isAddress } from "../../lib/ip.ts";

export interface MacAddress {
  /** Lower-case. */
  readonly mac: string;
  readonly ip: string;
}

/** Of `domifaddr --full`: name, MAC, protocol, address with prefix. */
export function interfaceAddresses(table: string): MacAddress[] {
  return table.split("\n").flatMap((line) => {
    const [, mac = "", ip = ""] =
      /([\da-f:]{17})\s+ipv[46]\s+([\da-f.:]+)\/\d+\s*$/i.exec(line) ?? [];
    return isAddress(ip) ? [{ mac: mac.toLowerCase(), ip }] : [];
  });
}

/** Of `net-dhcp-leases`: when it ends, MAC, protocol, address with prefix, name. Of each kind the last to end. */
export function leases(table: string): MacAddress[] {
  const latest = new Map<string, MacAddress & { readonly until: string }>();
  for (const line of table.split("\n")) {
    const [, until = "", mac = "", kind = "", ip = ""] = leaseLine.exec(line) ?? [];
    if (!isAddress(ip)) continue;
    const key = `${mac.toLowerCase()} ${kind}`;
    const before = latest.get(key);
    if (before === undefined || before.until <= until) {
      latest.set(key, { mac: mac.toLowerCase(), ip, until });
    }
  }
  return [...latest.values()].map(({ mac, ip }) => ({ mac, ip }));
}

const leaseLine =
  /^\s*(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s+([\da-f:]{17})\s+(ipv[46])\s+([\da-f.:]+)\/\d+/i;
