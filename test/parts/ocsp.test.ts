// OCSP answers of a real responder, stapled to handshakes of the real program and read by openssl.

import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { CertificateRow } from "../../src/admin/operations.ts";
import { eventually } from "../harness/barrier.ts";
import { runCommand } from "../harness/command.ts";
import { controlOf } from "../harness/control.ts";
import { freePort } from "../harness/free-port.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { ocspAuthority, type OcspLeaf } from "../harness/ocsp.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { skip: needsRoot() || needs("openssl", "setpriv"), timeout: 60_000 };

async function served(name: string, ...leaves: readonly OcspLeaf[]) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  chmodSync(folder.path, 0o755);
  const certs = folder.file("certs");
  await mkdir(certs);
  for (const { serial, chain, key } of leaves) {
    await writeFile(join(certs, `${serial}.pem`), chain + key);
  }
  const tidegate = stack.use(
    await startTidegate({
      config: {
        listeners: { secure: { bind: "127.0.0.1:0", tls: true } },
        routes: { [name]: { whoami: true } },
        tls: { certificates: certs },
      },
    }),
  );
  const held = stack.move();
  return { tidegate, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** What `openssl s_client` says of a handshake; with `-status` it asks for what the authority says. */
async function shaken(tidegate: Tidegate, name: string, ...more: readonly string[]) {
  const { stdout } = await runCommand("openssl", [
    ...["s_client", "-connect", `127.0.0.1:${tidegate.port("secure")}`, "-servername", name],
    ...more,
  ]);
  return stdout;
}

async function rowsOf(tidegate: Tidegate): Promise<readonly CertificateRow[]> {
  const { stdout } = await controlOf(tidegate.control).command("certs", "--json");
  return JSON.parse(stdout) as readonly CertificateRow[];
}

test(
  "what the responder says is stapled for who asks, and stays when the responder is gone",
  bounded,
  async () => {
    await using authority = await ocspAuthority();
    const port = await freePort();
    const leaf = await authority.issue("a.test", {
      url: `http://127.0.0.1:${port}`,
      mustStaple: true,
    });
    const responder = await authority.responder(port);
    try {
      await using stand = await served("a.test", leaf);
      for (const version of ["-tls1_2", "-tls1_3"]) {
        const said = await eventually(
          `a staple with ${version}`,
          async () => {
            const text = await shaken(stand.tidegate, "a.test", "-status", version);
            return text.includes("OCSP Response Status: successful") ? text : undefined;
          },
          20_000,
        );
        assert.match(said, /Cert Status: good/);
        assert.match(said, /Serial Number: 10[0-9A-F]{2}/);
      }
      assert.ok(!(await shaken(stand.tidegate, "a.test")).includes("OCSP Response Data"));
      const [row] = await rowsOf(stand.tidegate);
      assert.deepEqual([row?.state, row?.why], ["ok", ""]);
      await responder.end("SIGKILL");
      const after = await shaken(stand.tidegate, "a.test", "-status");
      assert.match(after, /Cert Status: good/);
    } finally {
      if (!responder.hasEnded()) await responder.end("SIGKILL");
    }
  },
);

test(
  "a certificate that is no good without a staple says so when nobody answers, and is shown on",
  bounded,
  async () => {
    await using authority = await ocspAuthority();
    const url = `http://127.0.0.1:${await freePort()}`;
    const leaf = await authority.issue("a.test", { url, mustStaple: true });
    await using stand = await served("a.test", leaf);
    const row = await eventually("the state", async () =>
      (await rowsOf(stand.tidegate)).find(({ state }) => state === "unusable"),
    );
    assert.match(row.why, /^it is no good without an OCSP answer, and there is none: cannot ask/);
    const shown = await shaken(stand.tidegate, "a.test", "-status");
    assert.match(shown, /OCSP response: no response sent/);
    assert.match(shown, /subject=CN = a\.test/);
  },
);

test("what is revoked is named, and nobody is told that it is good", bounded, async () => {
  await using authority = await ocspAuthority();
  const port = await freePort();
  const leaf = await authority.issue("a.test", { url: `http://127.0.0.1:${port}` });
  await authority.revoke(leaf);
  const responder = await authority.responder(port);
  try {
    await using stand = await served("a.test", leaf);
    const row = await eventually("the state", async () =>
      (await rowsOf(stand.tidegate)).find(({ state }) => state === "unusable"),
    );
    assert.equal(row.why, "its authority has revoked it");
    assert.match(await shaken(stand.tidegate, "a.test", "-status"), /no response sent/);
  } finally {
    await responder.end("SIGKILL");
  }
});

test(
  "of two certificates for a name each client gets the answer for the one it is shown",
  bounded,
  async () => {
    await using authority = await ocspAuthority();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const ec = await authority.issue("a.test", { url });
    const rsa = await authority.issue("a.test", { url, kind: "rsa" });
    const responder = await authority.responder(port);
    const cases: readonly (readonly [OcspLeaf, RegExp, readonly string[]])[] = [
      [ec, /Peer signature type: ECDSA/, []],
      [rsa, /Peer signature type: RSA-PSS/, ["-sigalgs", "rsa_pss_rsae_sha256"]],
      [rsa, /Peer signature type: RSA/, ["-tls1_2", "-sigalgs", "RSA+SHA256"]],
      [ec, /Peer signature type: ECDSA/, ["-tls1_2", "-sigalgs", "RSA+SHA256:ECDSA+SHA256"]],
    ];
    try {
      await using stand = await served("a.test", ec, rsa);
      for (const [leaf, type, words] of cases) {
        const said = await eventually(
          "a staple",
          async () => {
            const text = await shaken(stand.tidegate, "a.test", "-status", ...words);
            return text.includes("Cert Status: good") ? text : undefined;
          },
          20_000,
        );
        assert.match(said, type, words.join(" "));
        assert.match(said, new RegExp(`Serial Number: ${leaf.serial}`), words.join(" "));
      }
    } finally {
      await responder.end("SIGKILL");
    }
  },
);
