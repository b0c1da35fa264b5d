// What testssl.sh says of the default profile: it tries every old protocol and cipher, and the attacks that have names.
// Newer versions of it give a grade; the one of Debian 12 rates each finding alone.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { runCommand } from "../harness/command.ts";
import { issued, issuer, trustedRoot } from "../harness/issued.ts";
import { needs } from "../harness/needs.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

/** Of the certificates and not of the server: those made for a test name nobody who could say that they were revoked. */
const ofCertificates = /^cert_(revocation|expirationStatus|notAfter)\b/;

/** Its words, the worst last. */
const severities = ["OK", "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL"];

/** Protocols, ciphers, forward secrecy, preferences, certificates, fields, attacks. All ciphers one by one take too long. */
const checks = ["-p", "-s", "-f", "-P", "-S", "-h", "-U"];

test(
  "testssl.sh finds nothing of weight",
  { skip: needs("testssl"), timeout: 240_000 },
  async (context) => {
    await using folder = await tempFolder("tidegate-testssl-");
    const pairs = [
      issued(["a.test"], { days: 300 }),
      issued(["a.test"], { days: 300, kind: "rsa" }),
    ];
    const written = pairs.map(({ cert, key }) => key + cert + issuer).join("");
    await writeFile(folder.file("a.pem"), written);
    await writeFile(folder.file("root.pem"), trustedRoot);
    await using tidegate = await startTidegate({
      config: {
        listeners: { secure: { bind: "127.0.0.1:0", tls: true } },
        tls: { certificates: folder.file("a.pem") },
        routes: { "a.test": { respond: { body: "hello" }, hsts: true } },
      },
    });
    const findings = folder.file("findings.json");
    const said = await runCommand(
      "testssl",
      [
        ...["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", ...checks],
        ...["--ip", "127.0.0.1", "--add-ca", folder.file("root.pem"), "--jsonfile", findings],
        `https://a.test:${tidegate.port("secure")}/`,
      ],
      { timeoutMs: 230_000, cwd: folder.path },
    );
    const found = JSON.parse(await readFile(findings, "utf8")) as readonly Finding[];
    const byId = new Map(found.map(({ id, finding }) => [id, finding]));
    const counts = Object.entries(Object.groupBy(found, ({ severity }) => severity)).map(
      ([severity, all]) => `${all?.length} ${severity}`,
    );
    const grade = byId.get("overall_grade") ?? "no grade, its version gives none";
    const ofServer = found.filter(({ id }) => !ofCertificates.test(id));
    const worst = severities.findLast((each) => ofServer.some(({ severity }) => severity === each));
    context.diagnostic(`rating by testssl.sh: ${grade}; worst about the server: ${worst}`);
    context.diagnostic(`findings: ${counts.join(", ")}`);
    for (const { id, severity, finding } of found) {
      if (["OK", "INFO"].includes(severity)) continue;
      context.diagnostic(`${severity}: ${id}: ${finding}`);
    }
    // It came to its end, and looked.
    assert.match(byId.get("TLS1_3") ?? said.stdout, /offered/);
    assert.match(byId.get("secure_client_renego") ?? said.stdout, /not vulnerable/);
    assert.match(byId.get("RC4") ?? said.stdout, /not vulnerable/);
    const heavy = ["HIGH", "CRITICAL", "FATAL"];
    assert.deepEqual(
      ofServer.filter(({ severity }) => heavy.includes(severity)),
      [],
    );
  },
);
