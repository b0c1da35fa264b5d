// What is told of certificates, posted to a server that is really there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { postReceiver } from "../../test/harness/post-receiver.ts";
import { silentLog } from "../../test/harness/watched-source.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import type { CertificateRow } from "../admin/operations.ts";
import { readConfig } from "../config/read.ts";
import { Alarms } from "./alarms.ts";

const row: CertificateRow = {
  ...{ names: ["a.test"], kind: "ec", fingerprint: "ab", issuer: "authority", from: undefined },
  ...{ until: "2027-01-30T00:00:00.000Z", state: "ok", since: undefined, why: "" },
  ...{ source: "/certs/a.pem", item: undefined, isNeeded: true },
};

test("each state of a certificate is told once, and its end", { timeout: 60_000 }, async () => {
  await using folder = await tempFolder();
  await using receiver = await postReceiver();
  const text = `alerts: { webhook: { url: "${receiver.origin}/hook" }, group: 0s, maxPerHour: 0 }`;
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
  assert.ok(snapshot, JSON.stringify(problems));
  const open = () => {
    const alarms = new Alarms({ log: silentLog, rows: () => [], folder: () => folder.path });
    alarms.update(snapshot);
    return alarms;
  };
  const titles = async (count: number) => {
    // What was on its way when a program ended is sent again, with the same id.
    const told = new Map<string, string>();
    await eventually("the messages", async () => {
      for (const { body } of receiver.posts) {
        const { id, title } = JSON.parse(body) as { id: string; title: string };
        told.set(id, title);
      }
      return told.size >= count || undefined;
    });
    return [...told.values()];
  };
  const soon: CertificateRow = { ...row, state: "expires soon", why: "10 days are left" };
  let alarms = open();
  alarms.onCertificates([row]);
  alarms.onCertificates([soon]);
  assert.deepEqual(await titles(1), ["the certificate for a.test expires soon"]);
  alarms.onCertificates([soon]);
  alarms.onCertificates([{ ...soon, why: "9 days are left" }]);
  await alarms.end();
  // Also by the next primary, which has it from the disk.
  alarms = open();
  alarms.onCertificates([soon]);
  alarms.onCertificates([row]);
  assert.deepEqual((await titles(2)).slice(1), ["over: the certificate for a.test expires soon"]);
  const bad: CertificateRow = { ...row, names: [], state: "unusable", why: "it is empty" };
  // It may be just being written.
  alarms.onCertificates([{ ...bad, why: "half", since: new Date().toISOString() }]);
  alarms.onCertificates([row]);
  alarms.onCertificates([{ ...bad, since: "2026-11-20T00:00:00.000Z" }]);
  // Not over, only another thing.
  alarms.onCertificates([{ ...bad, since: new Date().toISOString() }]);
  assert.deepEqual((await titles(3)).slice(2), ["the certificate in /certs/a.pem cannot be used"]);
  assert.match(receiver.posts.at(-1)?.body ?? "", /it is empty/);
  await alarms.end();
});
