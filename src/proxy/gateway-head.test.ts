import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewaySettings } from "../config/gateway.ts";
import type { Backend } from "../config/service.ts";
import { Exchange, type ClientSide, type ExchangeOrigin } from "../http/exchange.ts";
import { CHUNKED } from "../http/framing.ts";
import { RequestHead } from "../http/request-head.ts";
import { GatewayHead } from "./gateway-head.ts";
import { upstreamHead } from "./upstream-head.ts";

const php: GatewaySettings = {
  root: "/var/www",
  index: "index.php",
  extensions: [".php"],
  script: undefined,
  params: {},
  streamsUnknownLength: false,
  multiplex: false,
  sendFiles: undefined,
};
const python: GatewaySettings = { ...php, root: "", index: "", extensions: [] };

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly lines?: readonly string[];
  readonly origin?: Partial<ExchangeOrigin>;
  /** As middlewares leave it. */
  readonly change?: (exchange: Exchange) => void;
}

function exchangeOf({ path = "/", method = "GET", lines = [], origin, change }: Asked): Exchange {
  const head = new RequestHead();
  const text = [`${method} ${path} HTTP/1.1`, "Host: app.test:8080", ...lines, "", ""].join("\r\n");
  const limits = { headBytes: 1e6, headerCount: 200, targetBytes: 9999, bareLf: false };
  assert.equal(head.read(text, 0, text.length, limits), undefined, path);
  const exchange = new Exchange({} as ClientSide, head, {
    listener: "web",
    peerIp: "192.0.2.1",
    isSecure: false,
    tls: undefined,
    localPort: 8080,
    ends: () => ({ peerPort: 50_000, localIp: "198.51.100.1" }),
    version: 1,
    isPeerTrusted: false,
    forwardedLines: "X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n",
    ...origin,
  });
  change?.(exchange);
  return exchange;
}

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

function headOf(gateway: GatewaySettings, asked: Asked): GatewayHead | string {
  const exchange = exchangeOf(asked);
  const { forwarded } = upstreamHead(exchange, false, false);
  return GatewayHead.of(exchange, forwarded, { gateway, backends: [backend] });
}

/** What the program sees; a name that comes twice is a mistake. */
function paramsOf(gateway: GatewaySettings, asked: Asked, length = 0): Map<string, string> {
  const head = headOf(gateway, asked);
  if (typeof head === "string") throw new Error(head);
  return decoded(head.textFor(backend, length));
}

/** FastCGI 1.0 section 3.4. */
function decoded(text: string): Map<string, string> {
  const bytes = Buffer.from(text, "latin1");
  const params = new Map<string, string>();
  let at = 0;
  const length = () => {
    if (bytes[at]! < 128) return bytes[at++]!;
    at += 4;
    return bytes.readUInt32BE(at - 4) & 0x7fffffff;
  };
  while (at < bytes.length) {
    const [nameLength, valueLength] = [length(), length()];
    const name = bytes.latin1Slice(at, at + nameLength);
    assert.ok(!params.has(name), name);
    params.set(name, bytes.latin1Slice(at + nameLength, at + nameLength + valueLength));
    at += nameLength + valueLength;
  }
  return params;
}

test("a script is told all that CGI and nginx have, in the terms of whose it is", () => {
  const params = paramsOf(php, {
    path: "/shop/index.php/a%20b?x=%2F",
    lines: ["Content-Type: text/x", "Accept: a", "Accept: b", "Cookie: c=1", "Cookie: d=2"],
  });
  const expected = {
    GATEWAY_INTERFACE: "CGI/1.1",
    QUERY_STRING: "x=%2F",
    REQUEST_METHOD: "GET",
    CONTENT_TYPE: "text/x",
    SCRIPT_NAME: "/shop/index.php",
    SCRIPT_FILENAME: "/var/www/shop/index.php",
    PATH_INFO: "/a b",
    PATH_TRANSLATED: "/var/www/a b",
    REQUEST_URI: "/shop/index.php/a%20b?x=%2F",
    DOCUMENT_URI: "/shop/index.php/a b",
    DOCUMENT_ROOT: "/var/www",
    SERVER_PROTOCOL: "HTTP/1.1",
    REQUEST_SCHEME: "http",
    REMOTE_ADDR: "192.0.2.1",
    REMOTE_PORT: "50000",
    SERVER_ADDR: "198.51.100.1",
    SERVER_PORT: "8080",
    SERVER_NAME: "app.test",
    REDIRECT_STATUS: "200",
    HTTP_HOST: "app.test:8080",
    HTTP_ACCEPT: "a, b",
    HTTP_COOKIE: "c=1; d=2",
    HTTP_X_FORWARDED_FOR: "192.0.2.1",
    HTTP_X_REAL_IP: "192.0.2.1",
    HTTP_X_FORWARDED_HOST: "app.test:8080",
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(params.get(name), value, name);
  assert.match(params.get("SERVER_SOFTWARE") ?? "", /^tidegate\//);
  assert.deepEqual(
    [...params.keys()].filter((name) => !(name in expected) && name !== "SERVER_SOFTWARE"),
    [],
  );
});

test("no field of a client takes the place of a variable, nor is one that libraries obey", () => {
  const params = paramsOf(php, {
    path: "/index.php",
    lines: [
      "Proxy: http://evil.example",
      "PROXY: http://evil.example",
      "Foo-Bar: good",
      "Foo_Bar: evil",
      "X.Y: evil",
      "X_Forwarded_For: 10.0.0.1",
      "X-Forwarded-For: 10.0.0.1",
      "X-Forwarded-Prefix: /evil",
      "Content_Length: 99",
      "Transfer_Encoding: chunked",
      "Connection: keep-alive, X-Hop",
      "X-Hop: evil",
      "Upgrade: h2c",
      "Proxy-Authorization: evil",
      "Expect: 100-continue",
      "HTTPS: on",
      "Https: on",
    ],
  });
  assert.equal(params.get("HTTP_FOO_BAR"), "good");
  assert.equal(params.get("HTTP_X_FORWARDED_FOR"), "192.0.2.1");
  // A variable of its own, HTTP_HTTPS: nobody takes it for HTTPS.
  assert.equal(params.get("HTTPS"), undefined);
  for (const [name, value] of params) {
    assert.doesNotMatch(value, /evil|10\.0\.0\.1/, name);
    assert.doesNotMatch(name, /^HTTP_(PROXY|EXPECT|CONTENT_LENGTH|TRANSFER_ENCODING|CONNECTION)/);
  }
});

test("the length of a body is told when there is one, or was said", () => {
  const get = paramsOf(php, { path: "/index.php" });
  assert.equal(get.get("CONTENT_LENGTH"), undefined);
  const empty = paramsOf(php, { path: "/index.php", method: "POST", lines: ["Content-Length: 0"] });
  assert.equal(empty.get("CONTENT_LENGTH"), "0");
  const post = { path: "/index.php", method: "POST", lines: ["Content-Length: 7"] };
  assert.equal(paramsOf(php, post, 7).get("CONTENT_LENGTH"), "7");
  const chunked = { ...post, lines: ["Transfer-Encoding: chunked"] };
  assert.equal(paramsOf(php, chunked, 12).get("CONTENT_LENGTH"), "12");
  assert.equal(paramsOf(php, chunked, CHUNKED).get("CONTENT_LENGTH"), undefined);
  const own = { ...php, params: { CONTENT_LENGTH: "9" } };
  assert.equal(paramsOf(own, post, 7).get("CONTENT_LENGTH"), "7");
});

test("a trusted proxy says how the client came", () => {
  const lines = [
    "X-Forwarded-For: 203.0.113.9",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Prefix: /outer",
  ];
  const trusted = paramsOf(php, {
    path: "/index.php",
    lines,
    origin: { isPeerTrusted: true },
    change: (exchange) => (exchange.clientIp = "203.0.113.9"),
  });
  assert.equal(trusted.get("HTTPS"), "on");
  assert.equal(trusted.get("REQUEST_SCHEME"), "https");
  assert.equal(trusted.get("SERVER_PORT"), "443");
  assert.equal(trusted.get("REMOTE_ADDR"), "203.0.113.9");
  assert.equal(trusted.get("REMOTE_PORT"), "0");
  assert.equal(trusted.get("HTTP_X_FORWARDED_PREFIX"), "/outer");
  const other = paramsOf(php, { path: "/index.php", lines });
  assert.equal(other.get("HTTPS"), undefined);
  assert.equal(other.get("SERVER_PORT"), "8080");
  assert.equal(other.get("HTTP_X_FORWARDED_PREFIX"), undefined);
});

test("what the configuration says goes last, and an empty value takes a variable away", () => {
  const params = { SERVER_SOFTWARE: "nginx", APP_ENV: "prod\u00fc", HTTP_COOKIE: "", NONE: "" };
  const told = paramsOf({ ...php, params }, { path: "/index.php", lines: ["Cookie: a"] });
  assert.equal(told.get("SERVER_SOFTWARE"), "nginx");
  assert.equal(told.get("APP_ENV"), "prod\u00c3\u00bc");
  assert.ok(!told.has("HTTP_COOKIE") && !told.has("NONE"));
});

test("folders have an index, one script may answer for all, and what is no script is not asked for", () => {
  const scriptOf = (gateway: GatewaySettings, path: string) => {
    const head = headOf(gateway, { path });
    return typeof head === "string" ? head : `${head.asked.file}|${head.asked.pathInfo}`;
  };
  const cases = [
    ["/", "/var/www/index.php|"],
    ["/shop/", "/var/www/shop/index.php|"],
    ["/a.php", "/var/www/a.php|"],
    ["/a.php/", "/var/www/a.php|/"],
    ["/a.php/b.php", "/var/www/a.php|/b.php"],
    ["/v1.2/a.php", "/var/www/v1.2/a.php|"],
    ["/example.com/a.php", "/var/www/example.com/a.php|"],
    ["//a.php", "/var/www/a.php|"],
    ["/x/../a.php", "/var/www/a.php|"],
  ] as const;
  for (const [path, expected] of cases) assert.equal(scriptOf(php, path), expected, path);
  assert.equal(scriptOf({ ...php, root: "/" }, "/a.php"), "/a.php|");
  const front = { ...php, script: "/app.php" };
  assert.equal(scriptOf(front, "/any/thing"), "/var/www/app.php|");
  assert.equal(scriptOf(front, "/app.php/x"), "/var/www/app.php|/x");
  assert.equal(scriptOf(front, "/x.jpg/y.php"), "/var/www/app.php|");
});

test("paths that a program could read in another way than we do lead to none", () => {
  const paths = [
    "/style.css",
    "/a",
    "/a.PHP",
    "/a.php%20",
    "/a.php.",
    "/a%2Ephp%00.jpg",
    "/a.php%5Cb",
    "/%2e%2e%2fa.php",
    "/..%2fa.php",
    "/x%2fa.php",
    "/a.php%2f..%2fb",
    "/%252e%252e/a",
    "/%c0%ae%c0%ae/a.php",
    "/%ff/a.php",
    "/.php",
    "/photo.jpg/y.php",
    "/photo.JPG/y.php",
    "/photo.jpg%20/y.php",
    "/photo.jpg./y.php",
    "/a/photo.png/b/y.php",
    "/readme.txt/y.php/z",
    `/${"a".repeat(256)}.php`,
  ];
  for (const path of paths) {
    const head = new RequestHead();
    const text = `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const limits = { headBytes: 9999, headerCount: 9, targetBytes: 9999, bareLf: false };
    // Some do not come as far as here.
    if (head.read(text, 0, text.length, limits) !== undefined) continue;
    assert.equal(headOf(php, { path }), "NO_FILE", path);
  }
});

test("a folder may be called like a file where the script was looked at", () => {
  const exchange = exchangeOf({ path: "/three.js/a.php" });
  const service = { gateway: php, backends: [backend] };
  assert.equal(GatewayHead.of(exchange, "", service), "NO_FILE");
  const head = GatewayHead.of(exchange, "", service, true);
  assert.ok(typeof head !== "string");
  assert.equal(head.asked.file, "/var/www/three.js/a.php");
});

test("a program without scripts is told its mount and the rest of the path", () => {
  const pathsOf = (gateway: GatewaySettings, asked: Asked) => {
    const params = paramsOf(gateway, asked);
    return [params.get("SCRIPT_NAME"), params.get("PATH_INFO"), params.get("REQUEST_URI")];
  };
  const mounted = (exchange: Exchange) => {
    exchange.mount = "/a%20b";
    exchange.path = "/x%2Fy";
  };
  assert.deepEqual(pathsOf(python, { path: "/a%20b/x%2Fy?q", change: mounted }), [
    "/a b",
    "/x/y",
    "/a%20b/x%2Fy?q",
  ]);
  assert.deepEqual(pathsOf(python, { path: "/x" }), ["", "/x", "/x"]);
  assert.deepEqual(pathsOf(python, { path: "*", method: "OPTIONS" }), ["", "", "*"]);
  assert.equal(pathsOf(python, { path: "/%E4%B8%96" })[1], "/\u00e4\u00b8\u0096");
  for (const path of ["/a%2F..%2Fb", "/a%0Ab", "/a%7F"]) {
    assert.equal(headOf(python, { path }), "NO_FILE", path);
  }
  const params = paramsOf(python, { path: "/x" });
  for (const name of ["SCRIPT_FILENAME", "DOCUMENT_ROOT", "PATH_TRANSLATED"]) {
    assert.ok(!params.has(name), name);
  }
  const wrapped = { ...python, root: "/srv", script: "/app.fcgi" };
  assert.equal(paramsOf(wrapped, { path: "/x" }).get("SCRIPT_FILENAME"), "/srv/app.fcgi");
});

test("a script below a mount keeps its own file, and is called as clients call it", () => {
  const change = (exchange: Exchange) => {
    exchange.mount = "/app";
    exchange.path = "/";
  };
  const params = paramsOf(php, { path: "/app/", change });
  assert.equal(params.get("SCRIPT_NAME"), "/app/index.php");
  assert.equal(params.get("SCRIPT_FILENAME"), "/var/www/index.php");
});

test("the URI is the one that was asked for, also when another query is told", () => {
  const params = paramsOf(php, {
    path: "/blog/post?a=1",
    change: (exchange) => {
      exchange.path = "/index.php";
      exchange.request.query = "q=/blog/post&a=1";
    },
  });
  assert.equal(params.get("REQUEST_URI"), "/blog/post?a=1");
  assert.equal(params.get("QUERY_STRING"), "q=/blog/post&a=1");
});

test("what a protocol has no room for is the client's own doing", () => {
  const lines = [`Cookie: ${"a".repeat(60_000)}`, `X-More: ${"b".repeat(6000)}`];
  const exchange = exchangeOf({ path: "/x", lines });
  const uwsgi = { gateway: python, backends: [{ ...backend, speaks: "uwsgi" }] } as const;
  assert.equal(GatewayHead.of(exchange, "", uwsgi), "HEAD_TOO_LARGE");
  const told = paramsOf(python, { path: "/x", lines });
  assert.equal(told.get("HTTP_COOKIE")?.length, 60_000);
});

test("a great many fields of one name take no great time", () => {
  const lines = Array.from({ length: 190 }, (_, at) => `X-Same-${at % 3}: ${"v".repeat(1000)}`);
  const started = performance.now();
  for (let round = 0; round < 20; round++) paramsOf(php, { path: "/index.php", lines });
  assert.ok(performance.now() - started < 1000);
});
