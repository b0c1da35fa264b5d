// `tidegate trust` as a process of its own, where it changes nothing: what it prints, and what it says when there is nothing.

import assert from "node:assert/strict";
import { writeFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand, tidegate } from "../../test/harness/command.ts";
import { issued, trustedRoot } from "../../test/harness/issued.ts";
import { sampleHost } from "../../test/harness/sample-host.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";

test("the certificate is printed as it can be used, or as JSON", async () => {
  await using host = await sampleHost();
  host.operations.ownAuthority = `somebody's remark\n${trustedRoot}`;
  const { code, stdout } = await host.run("trust", "--print");
  assert.deepEqual([code, stdout], [0, trustedRoot]);
  const inJson = await host.run("trust", "--print", "--json");
  assert.deepEqual(JSON.parse(inJson.stdout), { certificate: trustedRoot });
});

test("what is no authority is never trusted, and without one it says how to have it", async () => {
  await using host = await sampleHost();
  const none = await host.run("trust");
  assert.equal(none.code, 1);
  assert.match(none.stderr, /there is no authority yet: .* tls: internal/);
  for (const pem of ["rubbish", issued(["a.test"]).cert]) {
    host.operations.ownAuthority = pem;
    const { code, stderr } = await host.run("trust");
    assert.equal(code, 1);
    assert.match(stderr, /no certificate of an authority/);
  }
});

test("the state folder is read where nobody runs; what is missing or damaged is named", async () => {
  await using folder = await tempFolder();
  const print = () => runCommand(tidegate, ["trust", "--print", "--folder", folder.path]);
  assert.match((await print()).stderr, /root\.json: there is no authority yet/);
  const kept = join(folder.path, "acme", "authority");
  await mkdir(kept, { recursive: true });
  for (const text of ["{", "[]", "null", "{}"]) {
    await writeFile(join(kept, "root.json"), text);
    const { code, stderr } = await print();
    assert.equal(code, 1);
    assert.match(stderr, /root\.json is damaged/, text);
  }
  await writeFile(join(kept, "root.json"), JSON.stringify({ cert: trustedRoot, key: "SECRET" }));
  assert.equal((await print()).stdout, trustedRoot);
});
