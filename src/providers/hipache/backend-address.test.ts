import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBackendAddress } from "./backend-address.ts";

/** Text, then host, port and what Hipache publishes. */
const good: readonly (readonly [string, string, number, string])[] = [
  ["http://192.168.0.42:80", "192.168.0.42", 80, "http://192.168.0.42:80/"],
  ["http://192.168.0.42", "192.168.0.42", 80, "http://192.168.0.42/"],
  ["http://h:8080/some/path?q=1", "h", 8080, "http://h:8080/some/path?q=1"],
  // Spoken plain, at port 80: it always was.
  ["https://h", "h", 80, "https://h/"],
  ["https://h:8443", "h", 8443, "https://h:8443/"],
  ["HTTP://Some_Host:81", "some_host", 81, "http://some_host:81/"],
  ["tcp://172.17.0.2:5000", "172.17.0.2", 5000, "tcp://172.17.0.2:5000"],
  ["http://[::1]:8080", "::1", 8080, "http://[::1]:8080/"],
  [" http://h:1 ", "h", 1, "http://h:1/"],
  ["http://h?x", "h", 80, "http://h/?x"],
];

test("host and port are read, and nothing else", () => {
  for (const [text, host, port, href] of good) {
    const read = parseBackendAddress(text, { tlsBackends: false });
    assert.ok(read.kind === "backend", text);
    assert.deepEqual(read.backend.address, { kind: "tcp", host, port }, text);
    assert.equal(read.href, href);
    assert.equal(read.backend.secure, false);
    assert.equal(read.backend.basePath, "");
    assert.equal(read.backend.url, text.trim());
  }
});

test("TLS is spoken to https backends where the operator wants it", () => {
  const read = parseBackendAddress("https://h", { tlsBackends: true });
  assert.ok(read.kind === "backend" && read.backend.secure);
  assert.deepEqual(read.backend.address, { kind: "tcp", host: "h", port: 443 });
  const plain = parseBackendAddress("http://h", { tlsBackends: true });
  assert.ok(plain.kind === "backend" && !plain.backend.secure);
});

test("user and password of a URL are shown nowhere", () => {
  const read = parseBackendAddress("http://me:secret@h:81/x", { tlsBackends: false });
  assert.ok(read.kind === "backend");
  assert.equal(read.backend.url, "http://h:81/x");
  assert.doesNotMatch(JSON.stringify(read), /secret/);
});

const bad: readonly (readonly [string, RegExp])[] = [
  ["", /no http/],
  ["mywebsite", /no http.*write http:\/\/mywebsite/],
  ["192.168.0.42:8080", /no http.*write http:\/\/192\.168\.0\.42:8080/],
  ["//h:80", /no http/],
  ["http://", /no host/],
  ["http:///path", /no host/],
  ["http://:80", /no host/],
  ["http://*.h", /no host/],
  ["http://h:99999", /no port/],
  ["http://h:0", /no port/],
  ["http://h:x", /no port/],
  ["http://a b", /a space/],
  [`http://${"x".repeat(3000)}`, /longer/],
];

test("what leads nowhere is told of, with what to write instead", () => {
  for (const [text, expected] of bad) {
    const read = parseBackendAddress(text, { tlsBackends: false });
    assert.ok(read.kind === "bad", text);
    assert.match(`${read.why}; ${read.remedy}`, expected, text);
  }
});
