// A seeded source of randomness and the mutations of the differential test: small damages where parsers
// are known to disagree (line ends, white space, lengths, colons), not noise.

export interface Random {
  /** An integer from 0 to below `limit`. */
  below(limit: number): number;
  pick<T>(items: readonly T[]): T;
}

/** mulberry32: 32 bits of state are enough to reproduce a run from its printed seed. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number) => next() % limit;
  return {
    below,
    pick(items) {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error("nothing to pick from");
      return item;
    },
  };
}

const bytes = [
  "\r",
  "\n",
  "\r\n",
  " ",
  "\t",
  "\0",
  ":",
  ";",
  ",",
  "\x0b",
  "\x7f",
  "\x80",
  "\xff",
  "0",
  "+",
  "\\",
];

const snippets = [
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "Content-Length : 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: identity\r\n",
  "transfer-encoding:\x0bchunked\r\n",
  "Connection: close\r\n",
  "Connection: Content-Length\r\n",
  "X-A: b\r\n c\r\n",
  "\r\n\r\n",
  "0\r\n\r\n",
  "1;a=b\r\nx\r\n",
  "Host: b.test\r\n",
  "GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n",
];

/** One to three damages. */
export function mutate(text: string, source: Random): string {
  let result = text;
  for (let left = 1 + source.below(3); left > 0; left -= 1) result = damage(result, source);
  return result;
}

function damage(text: string, source: Random): string {
  const at = source.below(text.length + 1);
  const lines = text.split("\r\n");
  const line = source.below(lines.length);
  switch (source.below(7)) {
    case 0:
      return text.slice(0, at) + source.pick(bytes) + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + source.pick(bytes) + text.slice(at + 1);
    case 3:
      return lines.toSpliced(line, 0, lines[line] ?? "").join("\r\n");
    case 4:
      return lines.toSpliced(line, 1).join("\r\n");
    case 5:
      return (
        lines.slice(0, line).join("\r\n") +
        (line > 0 ? "\r\n" : "") +
        source.pick(snippets) +
        lines.slice(line).join("\r\n")
      );
    default:
      return text.replace(/\d+/g, (digits) =>
        source.below(4) === 0 ? String(source.below(20)) : digits,
      );
  }
}
