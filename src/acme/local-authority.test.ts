import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { MemoryShelf } from "../../test/harness/memory-shelf.ts";
import { silentLog } from "../../test/harness/watched-source.ts";
import { newAuthority } from "../x509/issue-certificate.ts";
import { keyPem, newKey } from "../x509/signed.ts";
import { LocalAuthority } from "./local-authority.ts";
import { Vault } from "./vault.ts";

const names = ["a.test"];

test("a root stays the same as long as it is good, and is followed by another one", async () => {
  const vault = new Vault(new MemoryShelf());
  const { cert, key } = newAuthority({ name: "x", days: 3650 });
  await vault.keepAuthority({ cert, key });
  await new LocalAuthority(vault, silentLog).issue(names, "ec");
  assert.equal(vault.authority()?.cert, cert);
  const ending = newAuthority({ name: "x", days: 20 });
  const bad = [ending, { cert, key: keyPem(newKey()) }, { cert, key: "x" }, { cert: "x", key }];
  for (const root of bad) {
    await vault.keepAuthority(root);
    const { certificate } = await new LocalAuthority(vault, silentLog).issue(names, "rsa");
    const now = new X509Certificate(vault.authority()?.cert ?? "");
    assert.ok(![cert, ending.cert].includes(now.toString()));
    assert.ok(new X509Certificate(certificate.chain).verify(now.publicKey));
  }
});
