// Whatever a client sends: what a program is told names no script outside of its root, has each variable once, and none that
// a client made up.

import assert from "node:assert/strict";
import type { Backend } from "../../src/config/service.ts";
import { type ClientSide, Exchange } from "../../src/http/exchange.ts";
import { RequestHead } from "../../src/http/request-head.ts";
import { GatewayHead } from "../../src/proxy/gateway-head.ts";
import { upstreamHead } from "../../src/proxy/upstream-head.ts";
import { fuzz } from "./fuzz.ts";

const limits = { headBytes: 65_536, headerCount: 100, targetBytes: 8192, bareLf: false };
const backend: Backend = {
  url: "fastcgi://127.0.0.1:9000",
  protocol: "http",
  speaks: "fastcgi",
  secure: false,
  address: { kind: "tcp", host: "127.0.0.1", port: 9000 },
  basePath: "",
  authority: "127.0.0.1:9000",
  weight: 1,
  tier: 0,
};
const usual = { script: undefined, params: {}, streamsUnknownLength: false, multiplex: false };
const python = { ...usual, root: "", index: "", extensions: [], sendFiles: undefined };
const php = { ...python, root: "/srv/www", index: "index.php", extensions: [".php"] };
const services = [php, python].map((gateway) => ({ gateway, backends: [backend] }));

/** FastCGI 1.0 section 3.4. */
function* pairsOf(text: string): Generator<readonly [string, string]> {
  const bytes = Buffer.from(text, "latin1");
  let at = 0;
  const length = (): number => {
    const first = bytes[at] ?? 0;
    at += first < 128 ? 1 : 4;
    return first < 128 ? first : bytes.readUInt32BE(at - 4) & 0x7fffffff;
  };
  while (at < bytes.length) {
    const lengths = [length(), length()] as const;
    const name = bytes.latin1Slice(at, at + lengths[0]);
    at += lengths[0];
    yield [name, bytes.latin1Slice(at, at + lengths[1])];
    at += lengths[1];
  }
  assert.equal(at, bytes.length, "a pair is cut off");
}

const variables =
  /^(GATEWAY_INTERFACE|SERVER_(SOFTWARE|NAME|PORT|ADDR|PROTOCOL)|QUERY_STRING|REQUEST_(METHOD|URI|SCHEME)|CONTENT_(TYPE|LENGTH)|SCRIPT_(NAME|FILENAME)|PATH_(INFO|TRANSLATED)|DOCUMENT_(URI|ROOT)|REMOTE_(ADDR|PORT)|REDIRECT_STATUS|HTTPS|HTTP_[A-Z0-9_]+)$/;

function check(params: ReadonlyMap<string, string>, head: RequestHead, isTrusted: boolean): void {
  for (const [name, value] of params) {
    assert.match(name, variables);
    assert.doesNotMatch(value, /[\r\n\0]/, name);
  }
  assert.ok(!params.has("HTTP_PROXY"));
  for (const name of ["HTTP_CONNECTION", "HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_LENGTH"]) {
    assert.ok(!params.has(name), name);
  }
  if (!isTrusted) assert.equal(params.get("HTTP_X_FORWARDED_FOR"), "192.0.2.1");
  if (!isTrusted) assert.ok(!params.has("HTTPS"));
  assert.equal(params.get("REQUEST_METHOD"), head.method);
  const file = params.get("SCRIPT_FILENAME");
  if (file === undefined) return;
  assert.match(file, /^\/srv\/www\/.*[^/]\.php$/);
  assert.doesNotMatch(file, /\/\.{1,2}\/|\/\/|\\|\p{Cc}/u);
  assert.doesNotMatch(file, /\.jpg[. ]*\//i);
}

fuzz({
  name: "gateway-head",
  words:
    "/index.php|/x.jpg/y.php|.php|/|//|%2e%2e|%2F|%5C|%00|%20|..|?a=b|Proxy: x\r\n|Proxy_: x\r\n|Foo_Bar: 1\r\n|X-Forwarded-For: 10.0.0.1\r\n|X_Forwarded_For: 10.0.0.1\r\n|Content-Type: a/b\r\n|Cookie: a=b\r\n|Expect: 100-continue\r\n|HTTPS: on\r\n".split(
      "|",
    ),
  check(input, random) {
    const head = new RequestHead();
    if (head.read(input, 0, input.length, limits) !== undefined) return false;
    const isTrusted = random.below(2) === 0;
    const exchange = new Exchange({} as ClientSide, head, {
      listener: "web",
      peerIp: "192.0.2.1",
      isSecure: false,
      tls: undefined,
      localPort: 80,
      version: 1,
      isPeerTrusted: isTrusted,
      forwardedLines: "X-Forwarded-For: 192.0.2.1\r\n",
    });
    const { forwarded } = upstreamHead(exchange, false, true, "/mount");
    for (const service of services) {
      const made = GatewayHead.of(exchange, forwarded, service);
      if (typeof made === "string") continue;
      const pairs = [...pairsOf(made.textFor(backend, 5))];
      const params = new Map(pairs);
      assert.equal(params.size, pairs.length, "a variable comes twice");
      check(params, head, isTrusted);
    }
    return true;
  },
});
