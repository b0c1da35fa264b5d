import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { issued, issuer } from "../../test/harness/issued.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { silentLog } from "../../test/harness/watched-source.ts";
import { readConfig } from "../config/read.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { AcmeLink } from "./acme-link.ts";
import { CertificateKeeper } from "./certificate-keeper.ts";

function snapshotWith(tls: object): Snapshot {
  const listeners = { secure: { bind: ":0", tls: true } };
  const config = { listeners, routes: { "a.test": { whoami: true } }, tls };
  const { snapshot } = readConfig(JSON.stringify(config), { file: "t.yaml", baseFolder: "/" });
  assert.ok(snapshot);
  return snapshot;
}

/** What orders certificates, seen from here: it asks who is looked after with each snapshot. */
class Asking {
  readonly certificates = [];
  readonly kept = [];
  readonly states = [];
  readonly challenges = { http: {}, alpn: {} };
  isServed = false;

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  settled(_snapshot: Snapshot, isServed: (name: string) => boolean): void {
    this.isServed = isServed("a.test");
  }
}

test("a name whose files are configured no more is looked after by nobody from that snapshot on", async () => {
  await using folder = await tempFolder();
  const { cert, key } = issued(["a.test"]);
  const place = folder.file("a.pem");
  await writeFile(place, cert + issuer + key);
  const acme = new Asking();
  using keeper = new CertificateKeeper({
    ...{ log: silentLog, acme: acme as unknown as AcmeLink },
    inherited: () => Promise.resolve(undefined),
    ...{ onTicket: () => {}, onChange: () => {}, onLook: () => {} },
  });
  const filed = snapshotWith({ certificates: [{ cert: place, key: place }] });
  await keeper.prepare(filed);
  keeper.settled(filed, []);
  assert.equal(acme.isServed, true);
  const bare = snapshotWith({});
  await keeper.prepare(bare);
  keeper.settled(bare, []);
  assert.equal(acme.isServed, false);
});
