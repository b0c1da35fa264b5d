import assert from "node:assert/strict";
import { test } from "node:test";
import { CHUNKED } from "./framing.ts";
import { RequestHead, type HeadLimits } from "./request-head.ts";

const limits: HeadLimits = {
  headBytes: 32_768,
  headerCount: 100,
  targetBytes: 1024,
  bareLf: false,
};

function read(lines: readonly string[], head = new RequestHead()): RequestHead {
  const text = `${lines.join("\r\n")}\r\n\r\n`;
  assert.equal(head.read(text, 0, text.length, limits), undefined, JSON.stringify(text));
  return head;
}

function faultOf(line: string, fields = ["Host: a"]): string | undefined {
  const text = `${[line, ...fields].join("\r\n")}\r\n\r\n`;
  return new RequestHead().read(text, 0, text.length, limits);
}

test("a head gives its parts, wherever it stands in the text", () => {
  const head = new RequestHead();
  const text = "GET /old HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n";
  const before = "junk";
  assert.equal(
    head.read(`${before}${text}POST`, before.length, before.length + text.length, limits),
    undefined,
  );
  assert.deepEqual(
    [head.method, head.target, head.path, head.host, head.minor, head.bytes, head.line],
    ["GET", "/old", "/old", "a", 1, text.length, "GET /old HTTP/1.1"],
  );
  assert.equal(head.fields.get("x-y"), "z");
});

test("what is no request line is refused by name", () => {
  const cases = [
    ["GET / HTTP/1.1", undefined],
    ["gEt / HTTP/1.1", undefined],
    ["M-SEARCH / HTTP/1.1", undefined],
    ["GET / HTTP/2.0", "BAD_VERSION"],
    ["GET / HTTP/1.2", "BAD_VERSION"],
    ["GET / HTTP/0.9", "BAD_VERSION"],
    ["GET / HTTP/1,1", "BAD_VERSION"],
    ["GET / http/1.1", "BAD_REQUEST_LINE"],
    ["GET / HTTP/1.10", "BAD_REQUEST_LINE"],
    ["GET / HTTP/11", "BAD_REQUEST_LINE"],
    ["GET /", "BAD_REQUEST_LINE"],
    ["GET", "BAD_REQUEST_LINE"],
    ["", "BAD_REQUEST_LINE"],
    ["GET  / HTTP/1.1", "BAD_TARGET"],
    ["GET /  HTTP/1.1", "BAD_TARGET"],
    ["GET /a b HTTP/1.1", "BAD_TARGET"],
    ["GET / HTTP/1.1 ", "BAD_TARGET"],
    [" GET / HTTP/1.1", "BAD_METHOD"],
    ["G@T / HTTP/1.1", "BAD_METHOD"],
    ["G\xe9T / HTTP/1.1", "BAD_METHOD"],
    ["GET\t/ HTTP/1.1", "BAD_METHOD"],
    [`${"M".repeat(33)} / HTTP/1.1`, "BAD_METHOD"],
    ["GET x HTTP/1.1", "BAD_TARGET"],
    ["GET * HTTP/1.1", "BAD_TARGET"],
    ["OPTIONS * HTTP/1.1", undefined],
    [`GET /${"a".repeat(1023)} HTTP/1.1`, undefined],
    [`GET /${"a".repeat(1024)} HTTP/1.1`, "TARGET_TOO_LONG"],
    ["CONNECT a:443 HTTP/1.1", "METHOD_NOT_SUPPORTED"],
    ["PRI * HTTP/2.0", "BAD_VERSION"],
    ["GET / HTTP/1.1\rX: y", "BAD_LINE_END"],
  ] as const;
  for (const [line, fault] of cases) {
    // A space at the end of a line is refused whichever of the two names it gets.
    const got = faultOf(line);
    if (line.endsWith("1.1 ") || line.includes("/  H")) {
      assert.ok(got === "BAD_TARGET" || got === "BAD_REQUEST_LINE", `${line}: ${got}`);
    } else {
      assert.equal(got, fault, JSON.stringify(line));
    }
  }
});

test("there is one Host, not empty, and an absolute target agrees with it", () => {
  const cases = [
    ["GET / HTTP/1.1", [], "BAD_HOST"],
    ["GET / HTTP/1.1", ["Host: a", "Host: a"], "BAD_HOST"],
    ["GET / HTTP/1.1", ["Host: a", "hOST: b"], "BAD_HOST"],
    ["GET / HTTP/1.1", ["Host:"], "BAD_HOST"],
    ["GET / HTTP/1.0", [], undefined],
    ["GET http://a/ HTTP/1.1", ["Host: a"], undefined],
    ["GET http://A:80/ HTTP/1.1", ["Host: a"], undefined],
    ["GET http://a/ HTTP/1.1", ["Host: b"], "BAD_HOST"],
    ["GET http://a/ HTTP/1.1", [], "BAD_HOST"],
    ["GET http://a:81/ HTTP/1.1", ["Host: a:82"], "BAD_HOST"],
    ["GET http://a/ HTTP/1.0", [], undefined],
  ] as const;
  for (const [line, fields, fault] of cases) {
    assert.equal(faultOf(line, [...fields]), fault, `${line} ${fields.join()}`);
  }
  assert.equal(read(["GET http://b:81/x HTTP/1.0"]).host, "b:81");
});

test("ports that differ by scheme name different hosts", () => {
  assert.equal(faultOf("GET https://a:80/ HTTP/1.1", ["Host: a:443"]), "BAD_HOST");
});

test("a connection is kept as its version and options say", () => {
  const cases = [
    [1, [], true],
    [0, [], false],
    [1, ["Connection: close"], false],
    [1, ["Connection: Close"], false],
    [0, ["Connection: keep-alive"], true],
    [0, ["Connection: Keep-Alive"], true],
    [0, ["Connection: x, keep-alive"], true],
    [0, ["Connection: keep-alive, close"], false],
    [1, ["Connection: close, keep-alive"], false],
    [1, ["Connection: keep-alive", "Connection: x,close"], false],
    [1, ["Connection: not-close"], true],
  ] as const;
  for (const [minor, fields, isKept] of cases) {
    const head = read([`GET / HTTP/1.${minor}`, "Host: a", ...fields]);
    assert.equal(head.isPersistent, isKept, `1.${minor} ${fields.join()}`);
  }
});

test("an upgrade needs both fields and HTTP/1.1 (RFC 9110 section 7.8)", () => {
  const upgrade = "Upgrade: websocket";
  assert.equal(read(["GET / HTTP/1.1", "Host: a", "Connection: Upgrade", upgrade]).isUpgrade, true);
  assert.equal(
    read(["GET / HTTP/1.1", "Host: a", "Connection: x,\tUPGRADE", upgrade]).isUpgrade,
    true,
  );
  assert.equal(read(["GET / HTTP/1.1", "Host: a", upgrade]).isUpgrade, false);
  assert.equal(read(["GET / HTTP/1.1", "Host: a", "Connection: Upgrade"]).isUpgrade, false);
  assert.equal(
    read(["GET / HTTP/1.0", "Host: a", "Connection: Upgrade", upgrade]).isUpgrade,
    false,
  );
});

test("100-continue is the only expectation, and HTTP/1.0 has none", () => {
  const put = (minor: number, value: string) => [
    `PUT / HTTP/1.${minor}`,
    "Host: a",
    `Expect: ${value}`,
  ];
  assert.equal(read(put(1, "100-Continue")).expectsContinue, true);
  const old = read(put(0, "100-continue"));
  assert.equal(old.expectsContinue, false);
  assert.equal(old.fields.serialise(), "Host: a\r\n");
  for (const value of ["", "100-continue, x", "100-continue, 100-continue", "200-ok"]) {
    assert.equal(
      faultOf("PUT / HTTP/1.1", ["Host: a", `Expect: ${value}`]),
      "BAD_EXPECTATION",
      value,
    );
  }
});

test("nothing of one request is left in the next", () => {
  const head = read([
    "POST http://b/x?y HTTP/1.1",
    "Host: b",
    "Expect: 100-continue",
    "Connection: upgrade, close",
    "Upgrade: websocket",
    "Transfer-Encoding: chunked",
  ]);
  assert.equal(head.bodyLength, CHUNKED);
  read(["GET / HTTP/1.1", "Host: c"], head);
  const fresh = read(["GET / HTTP/1.1", "Host: c"]);
  assert.deepEqual(
    Object.entries(head).filter(([name]) => name !== "fields"),
    Object.entries(fresh).filter(([name]) => name !== "fields"),
  );
  assert.equal(head.fields.serialise(), "Host: c\r\n");
});

test("a head that is refused is not read under the name of the one before", () => {
  const head = read(["POST http://b/x?y HTTP/1.1", "Host: b", "Content-Length: 5"]);
  const text = "G@T / HTTP/1.1\r\nHost: a\r\n\r\n";
  assert.equal(head.read(text, 0, text.length, limits), "BAD_METHOD");
  assert.deepEqual(
    [head.method, head.target, head.host, head.query, head.hasQuery, head.authority],
    ["", "", "", "", false, ""],
  );
});
