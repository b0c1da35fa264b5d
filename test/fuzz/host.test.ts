import assert from "node:assert/strict";
import { normaliseHost, normaliseHostPattern, splitHostPort } from "../../src/lib/host.ts";
import { fuzz } from "./fuzz.ts";

fuzz({
  name: "host",
  words:
    "a|A|.|..|-|_|:|:80|:65536|*|*.|[::1]|[|]|%|::|xn--|xn--bcher-kva|bücher|ß|。|\u200d|1.2|127.0.0.1| |@|/|\t|\0".split(
      "|",
    ),
  maxCharacter: 0x2fff,
  check(input) {
    const host = normaliseHost(input);
    const both = splitHostPort(input);
    assert.equal(both?.host, host, "two readers of the same text disagree");
    const pattern = normaliseHostPattern(input);
    if (pattern !== undefined) {
      assert.equal(normaliseHostPattern(pattern), pattern, "a pattern changes again");
      assert.match(pattern, /^[\x21-\x7e]+$/);
    }
    if (host === undefined) return false;
    assert.match(host, /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/);
    assert.ok(host.length <= 253);
    assert.equal(normaliseHost(host), host, "a host changes again");
    assert.equal(normaliseHost(input.toUpperCase()), host, "case matters");
    assert.equal(normaliseHost(`${host}:8080`), host, "a port matters");
    const { port } = both ?? {};
    assert.ok(port === undefined || (Number.isInteger(port) && port >= 0 && port <= 65_535));
    return true;
  },
});
