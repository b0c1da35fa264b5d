// Decodes Huffman strings of HPACK (RFC 7541 section 5.2), four bits at a time: an automaton whose states are the inner
// nodes of the code's tree, made once. No code is shorter than five bits, so a step gives one symbol at most.
// Hot: bench/hpack.ts

import { codeLengths, codes, endSymbol } from "./huffman-code.ts";

/** A step is the next state times 16, in its low 12 bits, a symbol from bit 16 on, and these. */
const isSymbol = 1 << 24;
const isWrong = 1 << 25;

/** By state times 16 and the next four bits. */
const steps = new Uint32Array(256 * 16);

/** States in which a string may end: less than eight bits of the code of EOS, so nothing but ones, have been read. */
const isEnd = new Uint8Array(256);

build();

/** Most that so many bytes can become: no code is shorter than five bits. One more, since a step writes before it knows. */
export function huffmanRoom(size: number): number {
  return Math.ceil((size * 8) / 5) + 1;
}

/**
 * Decodes buffer[start, end) into `out`, which has `huffmanRoom` of it.
 * @returns how many bytes it made; -1 = EOS in it, or padding that is none
 */
export function huffmanDecode(buffer: Buffer, start: number, end: number, out: Buffer): number {
  let state = 0;
  let length = 0;
  let wrong = 0;
  for (let at = start; at < end; at++) {
    const byte = buffer[at]!;
    let step = steps[state | (byte >> 4)]!;
    out[length] = step >> 16;
    length += (step >> 24) & 1;
    wrong |= step;
    step = steps[(step & 0xfff) | (byte & 15)]!;
    out[length] = step >> 16;
    length += (step >> 24) & 1;
    wrong |= step;
    state = step & 0xfff;
  }
  return (wrong & isWrong) === 0 && isEnd[state >> 4] === 1 ? length : -1;
}

interface Node {
  readonly state: number;
  /** An inner node, a symbol, or nothing yet. */
  readonly next: [Node | number | undefined, Node | number | undefined];
}

function build(): void {
  const root: Node = { state: 0, next: [undefined, undefined] };
  const nodes = [root];
  for (const [symbol, code] of codes.entries()) {
    let node = root;
    for (let bit = (codeLengths[symbol] ?? 0) - 1; bit >= 0; bit--) {
      const side = (code >>> bit) & 1;
      if (bit === 0) {
        node.next[side] = symbol;
        break;
      }
      let next = node.next[side];
      if (next === undefined) {
        next = { state: nodes.length, next: [undefined, undefined] };
        nodes.push(next);
        node.next[side] = next;
      }
      if (typeof next === "number") throw new Error("a code begins with another");
      node = next;
    }
  }
  for (const node of nodes) {
    for (let bits = 0; bits < 16; bits++)
      steps[node.state * 16 + bits] = stepFrom(root, node, bits);
  }
  let node: Node | number | undefined = root;
  for (let ones = 0; ones < 8 && typeof node === "object"; ones++) {
    isEnd[node.state] = 1;
    node = node.next[1];
  }
}

function stepFrom(root: Node, from: Node, bits: number): number {
  let node = from;
  let found = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = node.next[(bits >> bit) & 1];
    if (next === undefined || next === endSymbol) return isWrong;
    if (typeof next === "number") {
      found = isSymbol | (next << 16);
      node = root;
    } else node = next;
  }
  return found | (node.state << 4);
}
