// Writes MMDB files (MaxMind DB file format 2.0) for tests: a search tree over bits of addresses, records behind it, and
// what describes them at the end.

import { addressBytes } from "../../src/lib/ip.ts";

export type Value =
  | string
  | number
  | boolean
  | bigint
  | readonly Value[]
  | { readonly [key: string]: Value };

export interface MmdbOptions {
  readonly ipVersion?: 4 | 6;
  /** Bits of each half of a node. */
  readonly recordSize?: 24 | 28 | 32;
}

/** A node's halves: another node, a record (by its number), or nothing. */
type Half = Node | number | undefined;
type Node = [left: Half, right: Half];

const separator = 16;
const marker = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");

/** @param records by network, `192.0.2.0/24`; the more special ones after those they are inside of */
export function mmdb(records: Readonly<Record<string, Value>>, options: MmdbOptions = {}): Buffer {
  const { ipVersion = 6, recordSize = 28 } = options;
  const root: Node = [undefined, undefined];
  const data: Buffer[] = [];
  let length = 0;
  for (const [network, value] of Object.entries(records)) {
    insert(root, bitsOf(network, ipVersion), length);
    const bytes = encoded(value);
    data.push(bytes);
    length += bytes.length;
  }
  const nodes = numbered(root);
  const tree = treeOf(nodes, recordSize);
  const described = encoded({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_795_305_600n,
    database_type: "Test",
    description: { en: "for tests" },
    ip_version: ipVersion,
    languages: ["en"],
    node_count: nodes.size,
    record_size: recordSize,
  });
  return Buffer.concat([tree, Buffer.alloc(separator), ...data, marker, described]);
}

function bitsOf(network: string, ipVersion: 4 | 6): boolean[] {
  const [address = "", prefix] = network.split("/");
  const bytes = addressBytes(address);
  if (bytes === undefined) throw new Error(`${network} is not a network`);
  const own = bytes.length * 8;
  const isPadded = ipVersion === 6 && bytes.length === 4;
  const all = isPadded ? Buffer.concat([Buffer.alloc(12), bytes]) : bytes;
  const count = Number(prefix ?? own) + (isPadded ? 96 : 0);
  return Array.from(
    { length: count },
    (_, at) => (((all[at >> 3] ?? 0) >> (7 - (at & 7))) & 1) === 1,
  );
}

function insert(root: Node, bits: readonly boolean[], record: number): void {
  let node = root;
  for (const [at, bit] of bits.entries()) {
    const side = bit ? 1 : 0;
    if (at === bits.length - 1) {
      node[side] = record;
      return;
    }
    const half = node[side];
    // What was there holds for both halves below.
    const next: Node = typeof half === "object" ? half : [half, half];
    node[side] = next;
    node = next;
  }
}

function numbered(root: Node): Map<Node, number> {
  const numbers = new Map<Node, number>([[root, 0]]);
  for (const node of numbers.keys()) {
    for (const half of node) {
      if (typeof half === "object" && !numbers.has(half)) numbers.set(half, numbers.size);
    }
  }
  return numbers;
}

function treeOf(nodes: ReadonlyMap<Node, number>, recordSize: number): Buffer {
  const count = nodes.size;
  const valueOf = (half: Half) => {
    if (half === undefined) return count;
    return typeof half === "number" ? count + separator + half : (nodes.get(half) ?? count);
  };
  const size = recordSize / 4;
  const tree = Buffer.alloc(count * size);
  for (const [[left, right], number] of nodes) {
    const [a, b] = [BigInt(valueOf(left)), BigInt(valueOf(right))];
    const half = BigInt(recordSize);
    // 28 bits: the upper four of both stand in the byte in the middle.
    const whole =
      recordSize === 28
        ? ((a & 0xffffffn) << 32n) | ((a >> 24n) << 28n) | ((b >> 24n) << 24n) | (b & 0xffffffn)
        : (a << half) | b;
    tree.write(whole.toString(16).padStart(size * 2, "0"), number * size, "hex");
  }
  return tree;
}

// --- data ----------------------------------------------------------------------------------------------

const types = { text: 2, uint32: 6, map: 7, uint64: 9, list: 11, boolean: 14 };

function encoded(value: Value): Buffer {
  if (typeof value === "string") return withControl(types.text, Buffer.from(value));
  if (typeof value === "boolean") return control(types.boolean, value ? 1 : 0);
  if (typeof value === "number") return withControl(types.uint32, bigEndian(BigInt(value)));
  if (typeof value === "bigint") return withControl(types.uint64, bigEndian(value));
  if (isList(value)) {
    return Buffer.concat([control(types.list, value.length), ...value.map(encoded)]);
  }
  const entries = Object.entries(value);
  const parts = entries.flatMap(([key, each]) => [encoded(key), encoded(each)]);
  return Buffer.concat([control(types.map, entries.length), ...parts]);
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function withControl(type: number, payload: Buffer): Buffer {
  return Buffer.concat([control(type, payload.length), payload]);
}

function control(type: number, size: number): Buffer {
  const [first, more] = size < 29 ? [size, []] : [29, [size - 29]];
  if (size > 284) throw new Error("longer than this writer knows");
  return type < 8
    ? Buffer.from([(type << 5) | first, ...more])
    : Buffer.from([first, type - 7, ...more]);
}

function bigEndian(value: bigint): Buffer {
  const hex = value === 0n ? "" : value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length & 1), "0"), "hex");
}
