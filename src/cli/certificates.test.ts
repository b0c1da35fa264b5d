// `tidegate certs` as a process of its own, against a control socket that this test serves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand, tidegate } from "../../test/harness/command.ts";
import { sampleHost } from "../../test/harness/sample-host.ts";
import type { CertificateRow } from "../admin/operations.ts";

const good: CertificateRow = {
  ...{ names: ["a.test", "*.a.test"], kind: "ec", fingerprint: "ab", issuer: "authority" },
  ...{ from: "2026-11-01T00:00:00.000Z", until: "2027-01-30T00:00:00.000Z", state: "ok" },
  ...{ since: undefined, why: "", source: "/certs/a.pem", item: undefined, isNeeded: true },
};
const bad: CertificateRow = {
  ...{ names: [], kind: undefined, fingerprint: undefined, issuer: "", from: undefined },
  ...{ until: undefined, state: "unusable", since: "2026-11-01T00:00:00.000Z" },
  ...{ why: "it is \u001B[31mempty", source: "/certs/b.pem", item: undefined, isNeeded: true },
};

async function shown(rows: readonly CertificateRow[], ...words: string[]) {
  await using host = await sampleHost();
  host.operations.certificateRows = rows;
  return await runCommand(tidegate, ["certs", ...words, "--control", host.path]);
}

test("without certificates it says how to have some", async () => {
  const { code, stdout } = await shown([]);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^there is no certificate: none is configured, or .*\n\ntls:\n {2}certificates: /s,
  );
});

test("certificates stand in a table, and below it what is wrong with them", async () => {
  const unused: CertificateRow = { ...good, names: ["c.test"], state: "expired", isNeeded: false };
  const { code, stdout } = await shown([good, { ...unused, why: "it ended" }, bad]);
  assert.equal(code, 1, "one that is needed is no good");
  const lines = stdout.split("\n");
  assert.match(lines[0] ?? "", /^NAMES +STATE +UNTIL +KIND +ISSUER +SOURCE$/);
  assert.match(lines[1] ?? "", /^a\.test \+1 +ok +2027-01-30 +ec +authority +\/certs\/a\.pem$/);
  assert.match(lines[2] ?? "", /^c\.test +unused, expired +2027/);
  assert.match(lines[3] ?? "", /^- +unusable +\/certs\/b\.pem$/);
  assert.equal(lines[5], "/certs/a.pem: it ended");
  assert.equal(lines[6], "/certs/b.pem: it is \\x1b[31mempty");
});

test("the exit code is 1 for what is needed and no good, and for nothing else; JSON is the answer", async () => {
  const cases: readonly [Partial<CertificateRow>, number][] = [
    [{}, 0],
    [{ state: "expires soon" }, 0],
    [{ state: "not yet valid" }, 0],
    [{ state: "expired" }, 1],
    [{ state: "unusable" }, 1],
    [{ state: "expired", isNeeded: false }, 0],
    [{ state: "ordering" }, 0],
    [{ state: "waiting" }, 1],
  ];
  for (const [change, code] of cases) {
    const row = { ...good, ...change };
    const result = await shown([row], "--json");
    assert.equal(result.code, code, row.state);
    assert.deepEqual(JSON.parse(result.stdout), JSON.parse(JSON.stringify([row])));
  }
});

test("one is renewed by a name of it, wherever the options stand", async () => {
  await using host = await sampleHost();
  const control = ["--control", host.path];
  const orders = [
    ["renew", "a.test", ...control],
    [...control, "renew", "A.test"],
    ["renew", "--json", "ab", ...control],
  ];
  for (const words of orders) {
    const { code, stderr } = await runCommand(tidegate, ["certs", ...words]);
    assert.equal(code, 0, stderr);
  }
  assert.deepEqual(host.operations.calls, ["renew a.test", "renew A.test", "renew ab"]);
  host.operations.next = { ok: false, message: "nobody wants it" };
  const refused = await runCommand(tidegate, ["certs", "renew", "b.test", ...control]);
  assert.deepEqual([refused.code, refused.stderr], [1, "tidegate: nobody wants it\n"]);
});
