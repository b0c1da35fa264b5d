// IP addresses and sets of networks, as text: for trusted proxies, ClientIP rules and limits.
//
// An IPv4-mapped IPv6 address (::ffff:10.0.0.1, which a dual-stack socket reports) is the IPv4 address
// it maps everywhere here. So an IPv6 network never matches an IPv4 client, not even ::/0; only a
// network inside ::ffff:0:0/96 does. Text that is no address matches nothing.

import { isIPv6, SocketAddress } from "node:net";

/** Both ends belong to the network. IPv4 ends are numbers, IPv6 ends 32 hexadecimal digits. */
export type Network =
  | { readonly kind: "v4"; readonly first: number; readonly last: number }
  | { readonly kind: "v6"; readonly first: string; readonly last: string };

/** Answers `has` in the logarithm of the number of networks: sorted ranges that do not overlap. */
export class NetworkSet {
  readonly #v4: Ranges<number>;
  readonly #v6: Ranges<string>;

  private constructor(networks: readonly Network[]) {
    this.#v4 = rangesOf(networks.filter((network) => network.kind === "v4"));
    this.#v6 = rangesOf(networks.filter((network) => network.kind === "v6"));
  }

  static ofNetworks(networks: readonly Network[]): NetworkSet {
    return new NetworkSet(networks);
  }

  /** Throws on text that is no network: configuration is checked with `parseNetwork` before. */
  static of(cidrs: readonly string[]): NetworkSet {
    const networks = cidrs.map((cidr) => {
      const network = parseNetwork(cidr);
      if (network === undefined) throw new TypeError(`not a network: ${JSON.stringify(cidr)}`);
      return network;
    });
    return new NetworkSet(networks);
  }

  has(address: string): boolean {
    const v4 = parseV4(address, 0);
    if (v4 >= 0) return isInside(this.#v4, v4);
    // Nothing to find, so nothing to parse: the usual case for a set of IPv4 networks only.
    if (this.#v6.first.length === 0 && this.#v4.first.length === 0) return false;
    const v6 = parseV6(withoutZone(address));
    if (v6 === undefined) return false;
    const mapped = mappedV4(v6);
    return mapped === undefined ? isInside(this.#v6, v6) : isInside(this.#v4, mapped);
  }
}

/** `10.0.0.0/8`, `2001:db8::/32`, or an address alone. Bits behind the prefix are ignored. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  const bits = slash === -1 ? undefined : parsePrefixLength(text.slice(slash + 1));
  if (slash !== -1 && bits === undefined) return undefined;
  const v4 = parseV4(address, 0);
  if (v4 >= 0) return networkV4(v4, bits ?? 32);
  const v6 = parseV6(address);
  if (v6 === undefined) return undefined;
  const length = bits ?? 128;
  if (length > 128) return undefined;
  const mapped = mappedV4(v6);
  if (mapped !== undefined && length >= 96) return networkV4(mapped, length - 96);
  return networkV6(v6, length);
}

/** True for an IPv4 or IPv6 address; a zone id (`fe80::1%eth0`) may follow. */
export function isAddress(text: string): boolean {
  return parseV4(text, 0) >= 0 || isIPv6(text);
}

/** The address without zone id, and as IPv4 when it is IPv4-mapped; other text comes back as it is. */
export function plainAddress(text: string): string {
  if (!text.includes(":")) return text;
  const bare = withoutZone(text);
  const v6 = parseV6(bare);
  const mapped = v6 === undefined ? undefined : mappedV4(v6);
  return mapped === undefined ? bare : formatV4(mapped);
}

/**
 * The one way to write an address, so that equal addresses are equal texts: IPv6 in its shortest form
 * (RFC 5952), without zone id, and as IPv4 when it is IPv4-mapped. undefined = it is no address.
 */
export function canonicalAddress(text: string): string | undefined {
  if (parseV4(text, 0) >= 0) return text;
  const address = withoutZone(text);
  if (!isIPv6(address)) return undefined;
  return plainAddress(new SocketAddress({ address, family: "ipv6" }).address);
}

/** 4 or 16 bytes, as certificates and DNS have them; undefined = it is no address. */
export function addressBytes(text: string): Buffer | undefined {
  const v4 = parseV4(text, 0);
  if (v4 >= 0) return Buffer.from(v4.toString(16).padStart(8, "0"), "hex");
  const v6 = parseV6(text);
  return v6 === undefined ? undefined : Buffer.from(v6, "hex");
}

interface Ranges<T> {
  readonly first: readonly T[];
  readonly last: readonly T[];
}

/** Sorts, and merges what overlaps, so that a binary search on `first` finds the only candidate. */
function rangesOf<T extends number | string>(
  networks: readonly { readonly first: T; readonly last: T }[],
): Ranges<T> {
  const sorted = networks.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const first: T[] = [];
  const last: T[] = [];
  for (const network of sorted) {
    const end = last.at(-1);
    if (end === undefined || network.first > end) {
      first.push(network.first);
      last.push(network.last);
    } else if (network.last > end) {
      last[last.length - 1] = network.last;
    }
  }
  return { first, last };
}

function isInside<T extends number | string>(ranges: Ranges<T>, value: T): boolean {
  let low = 0;
  let high = ranges.first.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const first = ranges.first[middle];
    if (first !== undefined && first <= value) low = middle + 1;
    else high = middle;
  }
  const last = ranges.last[low - 1];
  return last !== undefined && value <= last;
}

function parsePrefixLength(text: string): number | undefined {
  if (text.length === 0 || text.length > 3) return undefined;
  for (let i = 0; i < text.length; i += 1) if (!isDigit(text.charCodeAt(i))) return undefined;
  if (text.length > 1 && text.startsWith("0")) return undefined;
  return Number(text);
}

function networkV4(address: number, bits: number): Network | undefined {
  if (bits > 32) return undefined;
  const size = 2 ** (32 - bits);
  const first = Math.floor(address / size) * size;
  return { kind: "v4", first, last: first + size - 1 };
}

function networkV6(address: string, bits: number): Network {
  const whole = bits >> 2;
  let first = address.slice(0, whole);
  let last = first;
  if (whole < 32) {
    const spare = 4 - (bits & 3);
    const digit = Number.parseInt(address.charAt(whole), 16);
    const low = (digit >> spare) << spare;
    first += low.toString(16);
    last += (low + (1 << spare) - 1).toString(16);
  }
  return { kind: "v6", first: first.padEnd(32, "0"), last: last.padEnd(32, "f") };
}

/** Four decimal parts from `start` to the end, as an unsigned number; -1 when the text is none. */
function parseV4(text: string, start: number): number {
  let value = 0;
  let at = start;
  for (let part = 0; part < 4; part += 1) {
    if (part > 0) {
      if (text.charCodeAt(at) !== 0x2e) return -1;
      at += 1;
    }
    const from = at;
    let number = 0;
    while (at < text.length && at - from < 3 && isDigit(text.charCodeAt(at))) {
      number = number * 10 + text.charCodeAt(at) - 0x30;
      at += 1;
    }
    // 010 is 8 to some and 10 to others, so it is nothing.
    const hasLeadingZero = at - from > 1 && text.charCodeAt(from) === 0x30;
    if (at === from || number > 255 || hasLeadingZero) return -1;
    value = value * 256 + number;
  }
  return at === text.length ? value : -1;
}

/** The address as 32 hexadecimal digits, which sort as the numbers do. No zone id. */
function parseV6(text: string): string | undefined {
  if (text.includes("%") || !isIPv6(text)) return undefined;
  let source = text.toLowerCase();
  const tail = parseV4(source, source.lastIndexOf(":") + 1);
  if (tail >= 0) {
    const hex = tail.toString(16).padStart(8, "0");
    source = `${source.slice(0, source.lastIndexOf(":") + 1)}${hex.slice(0, 4)}:${hex.slice(4)}`;
  }
  const gap = source.indexOf("::");
  if (gap === -1) return digitsOf(source);
  const left = digitsOf(source.slice(0, gap));
  const right = digitsOf(source.slice(gap + 2));
  return left + right.padStart(32 - left.length, "0");
}

function digitsOf(groups: string): string {
  if (groups === "") return "";
  return groups
    .split(":")
    .map((group) => group.padStart(4, "0"))
    .join("");
}

const mappedPrefix = "00000000000000000000ffff";

function mappedV4(v6: string): number | undefined {
  return v6.startsWith(mappedPrefix) ? Number.parseInt(v6.slice(24), 16) : undefined;
}

function formatV4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

function withoutZone(text: string): string {
  const percent = text.indexOf("%");
  return percent === -1 ? text : text.slice(0, percent);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
