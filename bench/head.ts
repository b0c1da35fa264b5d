// Claim: reading a request's head, writing the one for the backend, and reading and passing on the head of
// an answer together cost a few microseconds, and little more for fifteen fields than for three.
// Prints nanoseconds per head, the median of seven rounds that take turns.
//
// Every head is taken from a buffer, as it is when it was received: making its string is paid for.

import { performance } from "node:perf_hooks";
import type { Backend } from "../src/config/service.ts";
import { Exchange, type ClientSide, type ExchangeOrigin } from "../src/http/exchange.ts";
import { RequestHead } from "../src/http/request-head.ts";
import { ResponseHead } from "../src/http/response-head.ts";
import { dropHopByHop } from "../src/proxy/hop-by-hop.ts";
import { upstreamHead } from "../src/proxy/upstream-head.ts";

interface Case {
  readonly name: string;
  readonly bytes: Buffer;
  /** Handles one head; returns the length of what was made of it. */
  handle(bytes: Buffer): number;
}

const rounds = 7;
const repeats = 50_000;
const limits = { headBytes: 32_768, headerCount: 100, targetBytes: 16_384, bareLf: false };

const curl = [
  "GET /index.html HTTP/1.1",
  "Host: www.example.com",
  "User-Agent: curl/8.5.0",
  "Accept: */*",
];
const browser = [
  "GET /shop/items/4711?colour=green&size=42 HTTP/1.1",
  "Host: www.example.com",
  "Connection: keep-alive",
  'sec-ch-ua: "Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"',
  "sec-ch-ua-mobile: ?0",
  'sec-ch-ua-platform: "Linux"',
  "Upgrade-Insecure-Requests: 1",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  "Sec-Fetch-Site: same-origin",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-User: ?1",
  "Sec-Fetch-Dest: document",
  "Referer: https://www.example.com/shop/items?page=3",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Cookie: session=0123456789abcdef0123456789abcdef; consent=yes; theme=dark",
];
const answer = [
  "HTTP/1.1 200 OK",
  "Date: Thu, 01 Jan 2026 00:00:00 GMT",
  "Server: nginx",
  "Content-Type: text/html; charset=utf-8",
  "Content-Length: 128",
  "Connection: keep-alive",
  "Cache-Control: max-age=60",
  'ETag: "0123456789abcdef"',
];

const backend: Backend = {
  url: "http://127.0.0.1:3000",
  protocol: "http",
  secure: false,
  address: { kind: "tcp", host: "127.0.0.1", port: 3000 },
  basePath: "",
  authority: "127.0.0.1:3000",
  weight: 1,
  tier: 0,
};
const origin: ExchangeOrigin = {
  listener: "web",
  peerIp: "192.0.2.1",
  isSecure: false,
  tls: undefined,
  localPort: 80,
  version: 1,
  isPeerTrusted: false,
  forwardedLines:
    "X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n",
};
const nothing = (): void => {};
const client: ClientSide = {
  writeInterim: nothing,
  writeHead: nothing,
  writeData: nothing,
  writeText: nothing,
  endAnswer: nothing,
  flush: () => true,
  pauseRequest: nothing,
  resumeRequest: nothing,
  abort: nothing,
  hold: () => {},
  closeAfterAnswer: nothing,
  endTunnel: nothing,
  finishTunnel: nothing,
  startTunnel: nothing,
};

function bytesOf(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

function readRequest(name: string, lines: readonly string[], isRewritten: boolean): Case {
  const head = new RequestHead();
  return {
    name,
    bytes: bytesOf(lines),
    handle(bytes) {
      const text = bytes.latin1Slice(0, bytes.length);
      const wrong = head.read(text, 0, text.indexOf("\r\n\r\n") + 4, limits);
      if (wrong !== undefined) throw new Error(wrong);
      if (!isRewritten) return head.bytes;
      const exchange = new Exchange(client, head, origin);
      return Buffer.byteLength(
        upstreamHead(exchange, true, false).textFor(backend, "keep"),
        "latin1",
      );
    },
  };
}

function readResponse(name: string, lines: readonly string[]): Case {
  const head = new ResponseHead();
  return {
    name,
    bytes: bytesOf(lines),
    handle(bytes) {
      const text = bytes.latin1Slice(0, bytes.length);
      const wrong = head.read(text, 0, text.indexOf("\r\n\r\n") + 4, 100, false);
      if (wrong !== undefined) throw new Error(wrong);
      dropHopByHop(head.fields);
      const passedOn = `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.fields.serialise()}\r\n`;
      return Buffer.byteLength(passedOn, "latin1");
    },
  };
}

/** Nanoseconds per head of one round. */
function measure({ bytes, handle }: Case): number {
  let length = 0;
  const start = performance.now();
  for (let i = 0; i < repeats; i++) length += handle(bytes);
  const took = performance.now() - start;
  if (length === 0) throw new Error("nothing was made");
  return (took * 1e6) / repeats;
}

function main(): void {
  const cases = [
    readRequest("request, 3 fields: read", curl, false),
    readRequest("request, 3 fields: read and rewritten", curl, true),
    readRequest("request, 15 fields: read", browser, false),
    readRequest("request, 15 fields: read and rewritten", browser, true),
    readResponse("answer, 7 fields: read and passed on", answer),
  ];
  for (const each of cases) measure(each); // warm up
  const results = cases.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, each] of cases.entries()) results[index]?.push(measure(each));
  }
  for (const [index, each] of cases.entries()) {
    const sorted = (results[index] ?? []).toSorted((a, b) => a - b);
    const median = sorted[rounds >> 1] ?? Number.NaN;
    process.stdout.write(`${each.name.padEnd(42)} ${median.toFixed(0).padStart(6)} ns\n`);
  }
}

main();
