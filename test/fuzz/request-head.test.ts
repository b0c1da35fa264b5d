// What the proxy accepts it passes on: so the promises are about the head that goes to a backend, as our
// own reader, the tests' reader and Node's llhttp take it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, METHODS } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Backend } from "../../src/config/service.ts";
import { Exchange, type ClientSide, type ExchangeOrigin } from "../../src/http/exchange.ts";
import { CHUNKED } from "../../src/http/framing.ts";
import { RequestHead } from "../../src/http/request-head.ts";
import { normaliseHost } from "../../src/lib/host.ts";
import { upstreamHead } from "../../src/proxy/upstream-head.ts";
import { within } from "../harness/barrier.ts";
import { valuesOf, type HeaderList } from "../harness/message.ts";
import { fuzz } from "./fuzz.ts";

const limits = { headBytes: 32_768, headerCount: 100, targetBytes: 16_384, bareLf: false };
const backend: Backend = {
  url: "http://b.test",
  protocol: "http",
  secure: false,
  address: { kind: "tcp", host: "b.test", port: 80 },
  basePath: "",
  authority: "b.test",
  weight: 1,
  tier: 0,
};
const hopByHop = ["keep-alive", "proxy-connection", "proxy-authorization", "http2-settings"];

function originOf(isPeerTrusted: boolean): ExchangeOrigin {
  return {
    listener: "web",
    peerIp: "192.0.2.1",
    isSecure: false,
    tls: undefined,
    localPort: 80,
    version: 1,
    isPeerTrusted,
    forwardedLines: "X-Forwarded-For: 192.0.2.1\r\n",
  };
}

function read(text: string): RequestHead | undefined {
  const head = new RequestHead();
  return head.read(text, 0, text.length, limits) === undefined ? head : undefined;
}

/** Asserts that the text is one head: no stray CR or LF, one empty line, at its end. */
function fieldsOf(text: string): HeaderList {
  assert.ok(text.endsWith("\r\n\r\n"), "it does not end with an empty line");
  const lines = text.slice(0, -4).split("\r\n");
  for (const line of lines)
    assert.match(line, /^[^\r\n\0]+$/, "a bare CR, LF, NUL or an empty line");
  return lines.slice(1).map((line) => {
    const colon = line.indexOf(":");
    assert.match(line.slice(0, colon), /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, line);
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
}

const sample: string[] = [];
let seen = 0;

function checkUpstream(head: RequestHead, isTrusted: boolean): void {
  const { method, bodyLength, path, query } = head;
  const exchange = new Exchange({} as ClientSide, head, originOf(isTrusted));
  const text = upstreamHead(exchange, true, true).textFor(backend, "keep");
  const fields = fieldsOf(text);
  assert.equal(valuesOf(fields, "host").length, 1, text);
  const lengths = valuesOf(fields, "content-length").length;
  const encodings = valuesOf(fields, "transfer-encoding");
  assert.ok(lengths + encodings.length <= 1, text);
  assert.equal(encodings.length === 1, bodyLength === CHUNKED, text);
  for (const name of hopByHop) assert.deepEqual(valuesOf(fields, name), [], text);
  if (!isTrusted) assert.deepEqual(valuesOf(fields, "x-forwarded-for"), ["192.0.2.1"], text);
  const again = read(text);
  assert.ok(again !== undefined, `not accepted again: ${JSON.stringify(text)}`);
  assert.deepEqual([again.method, again.bodyLength], [method, bodyLength], text);
  assert.deepEqual(
    [again.path, again.query],
    [path, query],
    "the backend is asked for another resource",
  );
  // A sample of all, whatever the run's length.
  seen++;
  if (sample.length < 200) sample.push(text);
  else if (seen % 97 === 0) sample[(seen / 97) % 200] = text;
}

/** One head as Node reads it; "refused" where it does not. */
async function asNodeReads(
  port: number,
  text: string,
  seenNext: () => Promise<IncomingMessage>,
): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}); // the server may reset what it refuses
  socket.write(text, "latin1");
  const refused = once(socket, "data").then(() => "refused");
  const request = seenNext().then(({ method, url, rawHeaders }) =>
    JSON.stringify([method, url, rawHeaders]),
  );
  const result = await within(
    Promise.race([refused, request]),
    5000,
    `Node to read ${JSON.stringify(text)}`,
  );
  socket.destroy();
  return result;
}

async function compareWithNode(): Promise<void> {
  let wake: ((message: IncomingMessage) => void) | undefined;
  const server = createServer({ maxHeaderSize: 65_536 });
  const onRequest = (message: IncomingMessage): void => wake?.(message);
  server.on("request", onRequest).on("checkContinue", onRequest).on("checkExpectation", onRequest);
  server.on("upgrade", onRequest).on("connect", onRequest);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    for (const text of sample) {
      const [method = "", target = ""] = text.split(" ", 2);
      if (!METHODS.includes(method)) continue; // llhttp knows a list of methods only
      const next = () => new Promise<IncomingMessage>((resolve) => (wake = resolve));
      const wanted = JSON.stringify([method, target, fieldsOf(text).flat()]);
      assert.equal(await asNodeReads(port, text, next), wanted, JSON.stringify(text));
    }
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

fuzz({
  name: "request-head",
  words: [
    ..."GET|POST|OPTIONS|HTTP/1.1|HTTP/1.0|http://a.test|Host: a.test\r\n|Content-Length: 5\r\n|Connection: |close".split(
      "|",
    ),
    ..."Transfer-Encoding: chunked\r\n|Upgrade: websocket\r\n|upgrade|Expect: 100-continue\r\n|X_Forwarded_For: 1\r\n".split(
      "|",
    ),
    ..."X-Forwarded-For: 1.2.3.4\r\n|TE: trailers\r\n|Keep-Alive: 5\r\n|content-length|host|/../|//|%2e|%2f|%00|?|#|*".split(
      "|",
    ),
    ..." |\t|:|,|\r\n|\r|\n|\0|\x7f|\x80|\r\n |\r\n\r\n".split("|"),
  ],
  check(input, random) {
    const end = input.indexOf("\r\n\r\n");
    const text = end < 0 ? `${input}\r\n\r\n` : input.slice(0, end + 4);
    const head = read(text);
    // A host that is none is refused where the route is looked for.
    if (head === undefined) return false;
    if (head.host !== "" && normaliseHost(head.host) === undefined) return false;
    // What came is kept, byte for byte.
    const kept = `${head.line}\r\n${head.fields.serialise()}\r\n`;
    if (head.minor === 1) assert.equal(kept, text);
    fieldsOf(text);
    checkUpstream(head, random.below(4) === 0);
    return true;
  },
  finish: compareWithNode,
});
