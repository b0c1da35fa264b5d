import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { hostname } from "node:os";
import { test } from "node:test";
import { createSecureContext } from "node:tls";
import { fallbackCertificate } from "./fallback.ts";

test("it says what it is and nothing of this machine, and can be shown", () => {
  const made = fallbackCertificate();
  const read = new X509Certificate(made.chain);
  assert.deepEqual(made.names, ["localhost"]);
  assert.match(read.issuer, /no certificate for this name/);
  assert.ok(!read.raw.includes(hostname()) || hostname() === "localhost");
  assert.equal(made.id, read.fingerprint256.replaceAll(":", "").toLowerCase());
  assert.ok(made.notAfter - Date.now() > 9 * 365 * 86_400_000);
  createSecureContext({ cert: made.chain, key: made.key });
});
