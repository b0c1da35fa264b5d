// What is written in `ca`, wherever it stands: read here as the one for backends.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { issuer, trustedRoot } from "../../test/harness/issued.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

const text =
  'services: { a: { backends: ["https://x"], tls: { ca: ca.pem } } }\nroutes: { a.test: { service: a } }';

test("authorities are read all of them, or refused with the line of the damaged one", async () => {
  await using folder = await tempFolder();
  const told = async (pem: string) => {
    await writeFile(folder.file("ca.pem"), pem);
    const { problems } = readConfig(text, { file: "t.yaml", baseFolder: folder.path });
    return problems.map(formatProblem).join("\n");
  };
  const remark = "# the house\n";
  assert.equal(await told(remark + trustedRoot + remark + issuer), "");
  assert.equal(await told(issuer.replaceAll("\n", "\r\n")), "");
  const lines = trustedRoot.split("\n").length;
  const damaged = [
    issuer.slice(0, 200),
    issuer.replace("MII", "XII"),
    "-----BEGIN CERTIFICATE-----",
  ];
  for (const each of damaged) {
    const line = await told(trustedRoot + each);
    assert.match(line, /services\.a\.tls\.ca: the certificate in line \d+ of .*ca\.pem cannot be/);
    assert.ok(line.includes(`line ${lines} `), line);
  }
  assert.match(await told("hello"), /ca\.pem holds no PEM certificate/);
});

test("a server name that is too long for TLS is refused where it is written", () => {
  const told = (name: string) => {
    const named = text.replace("ca: ca.pem", `serverName: ${name}`);
    return readConfig(named, { file: "t.yaml", baseFolder: "/" }).problems.map(formatProblem);
  };
  assert.deepEqual(told(`${"a.".repeat(126)}a`), []);
  assert.match(told("a".repeat(254)).join(), /serverName: "a+" is not a host name/);
});
