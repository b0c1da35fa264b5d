// Claim: decoding the field section of a repeated request takes less than 700 ns, and encoding the lines of a repeated answer
// less than 500 ns; a section that a connection has for the first time takes a few times that.
// Prints nanoseconds per section and its bytes, the median of seven rounds that take turns.
//
// Requests are decoded as another implementation (nghttp2 and browsers) writes them: the path as a literal each time.

import { performance } from "node:perf_hooks";
import { FieldSection } from "../src/http/h2/field-section.ts";
import { HpackDecoder } from "../src/http/h2/hpack-decoder.ts";
import { HpackEncoder } from "../src/http/h2/hpack-encoder.ts";

interface Case {
  readonly name: string;
  /** Bytes of the section on the wire. */
  readonly size: number;
  /** Handles one section; returns the length of what was made of it. */
  handle(): number;
}

const rounds = 7;
const repeats = 50_000;

const request: readonly (readonly [string, string])[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "www.example.com"],
  [":path", "/shop/items/4711?colour=green&size=42"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"],
  ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"],
  ["accept-language", "en-GB,en;q=0.5"],
  ["accept-encoding", "gzip, deflate, br, zstd"],
  ["sec-fetch-mode", "navigate"],
  ["upgrade-insecure-requests", "1"],
];
const cookie = ["cookie", "session=0123456789abcdef0123456789abcdef"] as const;
const answer = [
  "Date: Thu, 01 Jan 2026 00:00:00 GMT",
  "Server: nginx",
  "Content-Type: text/html; charset=utf-8",
  "Content-Length: 128",
  "Cache-Control: max-age=60",
  "Vary: Accept-Encoding",
  "Strict-Transport-Security: max-age=31536000",
  'ETag: "0123456789abcdef"',
];
// As it is on the way through: each line is a part of the head that came.
const head = `HTTP/1.1 200 OK\r\n${answer.join("\r\n")}\r\n\r\n`;

function encodeRequest(encoder: HpackEncoder, isWithCookie: boolean): Buffer {
  encoder.begin();
  for (const [name, value] of isWithCookie ? [...request, cookie] : request) {
    encoder.field(name, value);
  }
  return Buffer.from(encoder.bytes.subarray(0, encoder.length));
}

function encodeAnswer(encoder: HpackEncoder, text: string): number {
  encoder.begin();
  encoder.field(":status", "200");
  let start = text.indexOf("\r\n") + 2;
  for (let end = text.indexOf("\r\n", start); end > start; end = text.indexOf("\r\n", start)) {
    encoder.line(text.slice(start, end));
    start = end + 2;
  }
  return encoder.length;
}

function decodeFirst(): Case {
  const bytes = encodeRequest(new HpackEncoder(0), false);
  const section = new FieldSection();
  return {
    name: `request of ${request.length} fields: decoded, first`,
    size: bytes.length,
    handle() {
      const decoder = new HpackDecoder(4096);
      if (!decoder.decode(bytes, 0, bytes.length, section, 32_768, 100)) throw new Error("refused");
      return section.size;
    },
  };
}

function decodeAgain(name: string, isWithCookie: boolean): Case {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(4096);
  const section = new FieldSection();
  let bytes: Buffer = Buffer.alloc(0);
  for (let time = 0; time < 3; time++) {
    bytes = encodeRequest(encoder, isWithCookie);
    if (!decoder.decode(bytes, 0, bytes.length, section, 32_768, 100)) throw new Error("refused");
  }
  return {
    name,
    size: bytes.length,
    handle() {
      if (!decoder.decode(bytes, 0, bytes.length, section, 32_768, 100)) throw new Error("refused");
      return section.size;
    },
  };
}

function encodeFirst(): Case {
  return {
    name: `answer of ${answer.length} lines: encoded, first`,
    size: encodeAnswer(new HpackEncoder(4096), head),
    handle: () => encodeAnswer(new HpackEncoder(4096), head),
  };
}

function encodeAgain(name: string, isChanging: boolean): Case {
  const encoder = new HpackEncoder(4096);
  const bytes = Buffer.from(head, "latin1");
  const tag = bytes.length - 21;
  for (let time = 0; time < 3; time++) encodeAnswer(encoder, head);
  let count = 0;
  return {
    name,
    size: encodeAnswer(encoder, head),
    handle() {
      if (isChanging) bytes.latin1Write((++count).toString().padStart(9, "0"), tag);
      return encodeAnswer(encoder, isChanging ? bytes.latin1Slice(0, bytes.length) : head);
    },
  };
}

/** Lines that are new strings each time cost a comparison each; these are always the same. */
function encodeLines(name: string): Case {
  const encoder = new HpackEncoder(4096);
  const handle = (): number => {
    encoder.begin();
    encoder.field(":status", "200");
    for (const line of answer) encoder.line(line);
    return encoder.length;
  };
  for (let time = 0; time < 3; time++) handle();
  return { name, size: handle(), handle };
}

/** Nanoseconds per section of one round. */
function measure({ handle }: Case): number {
  let length = 0;
  const start = performance.now();
  for (let i = 0; i < repeats; i++) length += handle();
  const took = performance.now() - start;
  if (length === 0) throw new Error("nothing was made");
  return (took * 1e6) / repeats;
}

function main(): void {
  const cases = [
    decodeFirst(),
    decodeAgain(`request of ${request.length} fields: decoded, repeated`, false),
    decodeAgain("  and a cookie", true),
    encodeFirst(),
    encodeLines(`answer of ${answer.length} lines: encoded, repeated`),
    encodeAgain("  its lines cut out of a head each time", false),
    encodeAgain("  its head made anew each time, another ETag", true),
  ];
  for (const each of cases) measure(each); // warm up
  const results = cases.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, each] of cases.entries()) results[index]?.push(measure(each));
  }
  for (const [index, each] of cases.entries()) {
    const sorted = (results[index] ?? []).toSorted((a, b) => a - b);
    const median = sorted[rounds >> 1] ?? Number.NaN;
    process.stdout.write(
      `${each.name.padEnd(46)} ${median.toFixed(0).padStart(6)} ns ${each.size.toString().padStart(5)} bytes\n`,
    );
  }
}

main();
