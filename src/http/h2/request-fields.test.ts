import assert from "node:assert/strict";
import { test } from "node:test";

import { Field } from "../fields.ts";
import { CHUNKED } from "../framing.ts";
import { RequestHead } from "../request-head.ts";
import { FieldSection } from "./field-section.ts";
import { readRequest } from "./request-fields.ts";

const limits = { headBytes: 32_768, headerCount: 100, targetBytes: 1000, bareLf: false };

type Line = readonly [string, string];

const get: readonly Line[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "a.test"],
  [":path", "/x?y"],
];

function read(lines: readonly Line[], isEnded = true) {
  const section = new FieldSection();
  for (const [name, value] of lines) section.add(name, value);
  const head = new RequestHead();
  return { wrong: readRequest(head, section, isEnded, limits), head };
}

/** `get` with one pseudo-field changed; undefined = left out. */
function changed(name: string, value: string | undefined): Line[] {
  return get.flatMap((line): Line[] => {
    if (line[0] !== name) return [line];
    return value === undefined ? [] : [[name, value]];
  });
}

test("a request is read as HTTP/1 would have it", () => {
  const { wrong, head } = read([...get, ["user-agent", "t"], ["x-a", ""]]);
  assert.equal(wrong, undefined);
  assert.deepEqual(
    [head.method, head.path, head.query, head.host, head.line, head.protocol],
    ["GET", "/x", "y", "a.test", "GET /x?y HTTP/2.0", "HTTP/2.0"],
  );
  assert.equal(head.fields.serialise(), "Host: a.test\r\nuser-agent: t\r\nx-a: \r\n");
  assert.deepEqual([head.bodyLength, head.isPersistent, head.isUpgrade], [0, true, false]);
});

test("crumbs of a cookie are joined in order", () => {
  const { head } = read([...get, ["cookie", "a=1"], ["x", "y"], ["cookie", "b=2"]]);
  assert.equal(head.fields.get("cookie"), "a=1; b=2");
});

test("a body is as long as it says, or unknown", () => {
  const post = [...changed(":method", "POST")];
  assert.equal(read(post, false).head.bodyLength, CHUNKED);
  assert.equal(read(post, false).head.fields.times(Field.TRANSFER_ENCODING), 0);
  assert.equal(read([...post, ["content-length", "7"]], false).head.bodyLength, 7);
  assert.equal(read([...post, ["content-length", "7"]], true).wrong, "BAD_LENGTH");
  assert.equal(read([...post, ["content-length", "0"]], true).wrong, undefined);
  for (const length of ["+7", "7, 7", "0x7", "-1", "7.0", "9".repeat(16), ""]) {
    assert.equal(read([...post, ["content-length", length]], false).wrong, "BAD_LENGTH", length);
  }
  const twice: Line[] = [
    ["content-length", "7"],
    ["content-length", "7"],
  ];
  assert.equal(read([...post, ...twice], false).wrong, "BAD_LENGTH");
});

test("pseudo-fields come once, first, and are known", () => {
  assert.equal(read([...get, [":path", "/z"]]).wrong, "BAD_HEADER");
  assert.equal(read([["x", "y"], ...get]).wrong, "BAD_METHOD");
  assert.equal(read([...get, ["x", "y"], [":authority", "b.test"]]).wrong, "BAD_HEADER");
  assert.equal(read([...get, [":status", "200"]]).wrong, "BAD_HEADER");
  assert.equal(read([...get, [":", "200"]]).wrong, "BAD_HEADER");
  assert.equal(read([...get, ["", "200"]]).wrong, "BAD_HEADER");
  assert.equal(read(changed(":method", undefined)).wrong, "BAD_METHOD");
  assert.equal(read(changed(":method", "")).wrong, "BAD_METHOD");
  assert.equal(read(changed(":method", "G ET")).wrong, "BAD_METHOD");
  assert.equal(read(changed(":scheme", undefined)).wrong, "BAD_TARGET");
  assert.equal(read(changed(":scheme", "ftp")).wrong, "BAD_TARGET");
  assert.equal(read(changed(":path", undefined)).wrong, "BAD_TARGET");
  for (const path of [
    "",
    "x",
    "http://b.test/",
    "*",
    "/a b",
    "/a\tb",
    "/\x00",
    " /",
    "/ü",
    "/#a",
  ]) {
    assert.equal(read(changed(":path", path)).wrong, "BAD_TARGET", path);
  }
  const options = changed(":method", "OPTIONS").map((each): Line =>
    each[0] === ":path" ? [":path", "*"] : each,
  );
  assert.equal(read(options).head.path, "*");
});

test("what is too much or not done has a status of its own", () => {
  assert.equal(read(changed(":path", `/${"x".repeat(1000)}`)).wrong, "TARGET_TOO_LONG");
  assert.equal(read([...get, ["expect", "nothing"]]).wrong, "BAD_EXPECTATION");
  const connect: Line[] = [
    [":method", "CONNECT"],
    [":authority", "a.test:443"],
  ];
  assert.equal(read(connect).wrong, "METHOD_NOT_SUPPORTED");
  assert.equal(read(connect).head.line, "CONNECT a.test:443 HTTP/2.0");
  assert.equal(read([...connect, [":path", "/"]]).wrong, "BAD_TARGET");
  const section = new FieldSection();
  for (const [name, value] of get) section.add(name, value);
  section.isTooLarge = true;
  const head = new RequestHead();
  assert.equal(readRequest(head, section, true, limits), "HEAD_TOO_LARGE");
  assert.equal(head.line, "GET /x?y HTTP/2.0");
});

test("Host says the same as :authority, or stands for it", () => {
  assert.equal(read([...get, ["host", "A.test"]]).head.fields.serialise(), "Host: a.test\r\n");
  assert.equal(read([...get, ["host", "b.test"]]).wrong, "BAD_HOST");
  assert.equal(read([...get, ["host", ""]]).wrong, "BAD_HOST");
  const twice: Line[] = [
    ["host", "a.test"],
    ["host", "a.test"],
  ];
  assert.equal(read([...get, ...twice]).wrong, "BAD_HOST");
  assert.equal(read([...changed(":authority", undefined), ["host", "c.test"]]).head.host, "c.test");
  assert.equal(read(changed(":authority", undefined)).wrong, "BAD_HOST");
  assert.equal(read(changed(":authority", "")).wrong, "BAD_HOST");
  assert.equal(read(changed(":authority", "a.test\r\nX: y")).wrong, "BAD_HOST");
});

test("fields of one connection, and names and values that are none, are malformed", () => {
  const bad: readonly Line[] = [
    ["connection", "close"],
    ["keep-alive", "timeout=5"],
    ["proxy-connection", "keep-alive"],
    ["transfer-encoding", "chunked"],
    ["upgrade", "websocket"],
    ["http2-settings", "AAMAAABk"],
    ["te", "gzip"],
    ["te", "trailers, gzip"],
    ["X-Upper", "1"],
    ["x y", "1"],
    ["x:", "1"],
    ["x\r\ny", "1"],
    ["x\x80", "1"],
    ["x", " 1"],
    ["x", "1 "],
    ["x", "1\t"],
    ["x", "\x00"],
    ["x", "a\x7f"],
    ["x", "a\nb"],
    ["x", "a\rb"],
    ["x", "a\r\nTransfer-Encoding: chunked"],
    ["cookie", "a=1\r\nb: c"],
  ];
  for (const line of bad) {
    assert.equal(read([...get, line]).wrong, "BAD_HEADER", JSON.stringify(line));
  }
  assert.equal(read([...get, ["te", "trailers"]]).wrong, undefined);
  assert.equal(read([...get, ["x", "a\tb \x80\xff"]]).wrong, undefined);
});

test("of no value of any field can a line be made", () => {
  const names = [":method", ":scheme", ":authority", ":path", "x", "cookie", "host", "te"];
  for (const name of names) {
    for (const end of ["\r\n", "\n", "\r", "\r\n\r\n", "\0"]) {
      const value = `a${end}content-length: 5${end}`;
      const { wrong } = read([...get.filter(([known]) => known !== name), [name, value]]);
      assert.notEqual(wrong, undefined, JSON.stringify([name, value]));
    }
  }
});

test("a WebSocket's request becomes an upgrade with a key of ours", () => {
  const asked: Line[] = [
    ...changed(":method", "CONNECT"),
    [":protocol", "websocket"],
    ["sec-websocket-version", "13"],
    ["sec-websocket-key", "theirs"],
    ["sec-websocket-key", "another"],
  ];
  const { wrong, head } = read(asked, false);
  assert.equal(wrong, undefined);
  assert.deepEqual([head.method, head.isUpgrade, head.bodyLength], ["GET", true, 0]);
  assert.equal(head.line, "CONNECT /x?y HTTP/2.0");
  assert.match(head.fields.get("sec-websocket-key") ?? "", /^[A-Za-z0-9+/]{22}==$/);
  assert.equal(head.fields.get("upgrade"), "websocket");
  assert.equal(read([...asked, ["content-length", "1"]], false).wrong, "BAD_LENGTH");
  const other = asked.map((line): Line => (line[0] === ":protocol" ? [line[0], "x"] : line));
  assert.equal(read(other, false).wrong, "METHOD_NOT_SUPPORTED");
  assert.equal(read([...get, [":protocol", "websocket"]]).wrong, "BAD_METHOD");
});
