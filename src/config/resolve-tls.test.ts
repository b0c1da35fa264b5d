// What is said of TLS with clients: which options hold for a name, and lists of revoked certificates that are none.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { trustedRoot } from "../../test/harness/issued.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { HostOptions } from "./host-options.ts";
import { readConfig } from "./read.ts";

async function read(tls: object, files: Readonly<Record<string, string>>) {
  await using folder = await tempFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(folder.file(name), text);
  const routes = { "a.test": { respond: { body: "" } } };
  const config = { listeners: { web: { bind: ":443", tls: true } }, routes, tls };
  const found = { file: "t", baseFolder: folder.path };
  const { snapshot, problems } = readConfig(JSON.stringify(config), found);
  return { tls: snapshot?.tls, told: problems.map(({ message, remedy }) => [message, remedy]) };
}

test("what a host does not say it takes from the next wider one, and that from what is said of all", async () => {
  const hosts = {
    "a.b.test": { strict: true },
    "*.b.test": { clientAuth: { ca: "ca.pem" } },
    "*.test": { profile: "old" },
    "c.test": { profile: "modern" },
  };
  const { tls } = await read({ hosts, profile: "modern" }, { "ca.pem": trustedRoot });
  assert.ok(tls);
  const options = new HostOptions(tls.hosts, tls.options);
  const of = (name: string) => {
    const { profile, strict, clientAuth } = options.of(name);
    return [profile, strict, clientAuth?.mode];
  };
  assert.deepEqual(of("a.b.test"), ["old", true, "require"]);
  assert.deepEqual(of("x.y.b.test"), ["old", false, "require"]);
  assert.deepEqual(of("b.test"), ["old", false, undefined]);
  assert.deepEqual(of("c.test"), ["modern", false, undefined]);
  assert.deepEqual(of("test"), ["modern", false, undefined]);
  assert.deepEqual(of(""), ["modern", false, undefined]);
});

for (const [what, text, told] of [
  ["another file", trustedRoot, /^holds no list of revoked certificates; .*openssl crl/],
  [
    "a broken list",
    "-----BEGIN X509 CRL-----\nrubbish\n-----END X509 CRL-----\n",
    /^holds a list that cannot be read; /,
  ],
] as const) {
  test(`clients are not judged by ${what} in the place of a list of revoked certificates`, async () => {
    const clientAuth = { ca: "ca.pem", crl: "crl.pem" };
    const { tls, told: problems } = await read(
      { clientAuth },
      { "ca.pem": trustedRoot, "crl.pem": text },
    );
    assert.equal(tls, undefined);
    assert.match(problems.map((each) => each.join("; ")).join("\n"), told);
  });
}
