import assert from "node:assert/strict";
import { test } from "node:test";
import { alpnServerName } from "./challenge-place.ts";

test("an address is asked for by its name in the reverse DNS", () => {
  assert.equal(alpnServerName("a.test"), "a.test");
  assert.equal(alpnServerName("192.0.2.1"), "1.2.0.192.in-addr.arpa");
  const rest = "0.".repeat(20);
  assert.equal(alpnServerName("2001:db8::5"), `5.0.0.0.${rest}8.b.d.0.1.0.0.2.ip6.arpa`);
});
