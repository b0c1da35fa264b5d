// Network interfaces as a container's configuration builds them, line by line: `lxc.net.N.KEY` in any order
// and with gaps, or `lxc.network.KEY`, where each `type` begins another one. An empty value takes away what
// was said before.

import { isIPv4, isIPv6 } from "node:net";
import { lxcConfig } from "../../config/provider-limits.ts";

export interface Nic {
  /** `veth`, `macvlan`, `none` …; "" = not said. */
  readonly type: string;
  /** The interface of the machine that it hangs on; "" = not said. */
  readonly link: string;
  /** Without prefix lengths. */
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
}

export interface NicOutcome {
  /** A key of LXC 1 or 2. */
  readonly isOld: boolean;
  readonly trouble: NicTrouble | undefined;
}

interface NicTrouble {
  readonly message: string;
  readonly remedy: string;
}

interface OpenNic {
  type: string;
  link: string;
  ipv4: string[];
  ipv6: string[];
}

export class Nics {
  /** Of LXC 3 and later, by number. */
  readonly #numbered = new Map<number, OpenNic>();
  readonly #old: OpenNic[] = [];

  /** In the order of their numbers. */
  get all(): readonly Nic[] {
    const numbered = [...this.#numbered].toSorted(([a], [b]) => a - b).map(([, nic]) => nic);
    return [...numbered, ...this.#old];
  }

  /** Keys of other things change nothing. */
  set(key: string, value: string): NicOutcome {
    const now = /^lxc\.net(?:\.(\d{1,4})(?:\.(.+))?)?$/.exec(key);
    if (now !== null) return { isOld: false, trouble: this.#setNumbered(now[1], now[2], value) };
    const old = /^lxc\.network(?:\.(?:(\d{1,4})\.)?([a-z0-9_.]+))?$/.exec(key);
    if (old !== null) return { isOld: true, trouble: this.#setOld(old[1], old[2], value) };
    return { isOld: false, trouble: undefined };
  }

  #setNumbered(
    number: string | undefined,
    key: string | undefined,
    value: string,
  ): NicTrouble | undefined {
    if (number === undefined) {
      if (value === "") this.#numbered.clear();
      return undefined;
    }
    const at = Number(number);
    if (key === undefined) {
      if (value === "") this.#numbered.delete(at);
      return undefined;
    }
    if (this.#numbered.size >= lxcConfig.nics && !this.#numbered.has(at)) return tooMany;
    const nic = this.#numbered.get(at) ?? emptyNic();
    this.#numbered.set(at, nic);
    return setKey(nic, key, value);
  }

  #setOld(
    number: string | undefined,
    key: string | undefined,
    value: string,
  ): NicTrouble | undefined {
    if (key === undefined) {
      if (value === "") this.#old.length = 0;
      return undefined;
    }
    const at = number === undefined ? undefined : Number(number);
    // What has no type before it cannot be of any interface; LXC refuses it, we are glad of the address.
    const isNew =
      at === undefined ? key === "type" || this.#old.length === 0 : at >= this.#old.length;
    if (isNew && this.#old.length >= lxcConfig.nics) return tooMany;
    if (isNew) this.#old.push(emptyNic());
    const nic = this.#old[isNew ? this.#old.length - 1 : (at ?? this.#old.length - 1)];
    return nic === undefined ? undefined : setKey(nic, key, value);
  }
}

const tooMany: NicTrouble = {
  message: `is left out: more than ${lxcConfig.nics} interfaces`,
  remedy: "remove those that are not used",
};

function emptyNic(): OpenNic {
  return { type: "", link: "", ipv4: [], ipv6: [] };
}

function setKey(nic: OpenNic, key: string, value: string): NicTrouble | undefined {
  switch (key) {
    case "type":
    case "link":
      nic[key] = value;
      return undefined;
    case "ipv4":
    case "ipv4.address":
      return addAddress(nic.ipv4, value, isIPv4, "203.0.113.7/24");
    case "ipv6":
    case "ipv6.address":
      return addAddress(nic.ipv6, value, isIPv6, "2001:db8::7/64");
    default:
      return undefined;
  }
}

/** `ADDRESS[/PREFIX] [BROADCAST]`; 0.0.0.0 and :: mean that there is none. */
function addAddress(
  addresses: string[],
  value: string,
  isAddress: (text: string) => boolean,
  example: string,
): NicTrouble | undefined {
  if (value === "") {
    addresses.length = 0;
    return undefined;
  }
  const [first = "", ...rest] = value.split(/\s+/);
  const [address = "", prefix = "1"] = first.split("/");
  if (!isAddress(address) || address.includes("%") || !/^\d{1,3}$/.test(prefix)) {
    return { message: "is no address", remedy: `write for example ${example}` };
  }
  if (/^[0.:]+$/.test(address)) return undefined;
  if (addresses.length >= lxcConfig.addresses) {
    const message = `is left out: more than ${lxcConfig.addresses} addresses`;
    return { message, remedy: "remove those that are not used" };
  }
  addresses.push(address);
  // Here the address is clear, though LXC may not start the container.
  if (!rest.some((each) => each.startsWith("#"))) return undefined;
  return {
    message: "is followed by a comment: LXC refuses the file",
    remedy: "put the comment on a line of its own",
  };
}
