// Two programs on one etcd: one orders, both prove, both serve.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { acmeConfig, certificateRows, servedBy, shownFor } from "../harness/acme-program.ts";
import { eventually } from "../harness/barrier.ts";
import { etcdNeeds, startEtcd } from "../harness/etcd.ts";
import { freePort } from "../harness/free-port.ts";
import { startMeddler } from "../harness/meddler.ts";
import { needs } from "../harness/needs.ts";
import { pebbleNeeds, startPebble } from "../harness/pebble.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const skip = needs(...pebbleNeeds, ...etcdNeeds);
const ofPebble = /CN=Pebble Intermediate/;

for (const type of ["http-01", "tls-alpn-01"]) {
  test(
    `one node orders, the other one proves it by ${type}`,
    { skip, timeout: 120_000 },
    async () => {
      await using etcd = await startEtcd();
      await using pebble = await startPebble({ validity: 30 });
      await using meddler = await startMeddler(pebble);
      await using folder = await tempFolder();
      await writeFile(folder.file("ca.pem"), meddler.ca);
      const config = (node: string, at: { httpPort: number; tlsPort: number }, isWanted = true) =>
        acmeConfig({ ...at, directory: meddler.directory }, folder, {
          routes: isWanted ? { app: ["app.test", "www.app.test"] } : {},
          acme: { challenges: [type] },
          more: { fleet: { etcd: { endpoints: etcd.endpoints }, node, ttl: "3s" } },
        });
      // Whatever stands there already.
      for (const name of ["certificates/x", "certificates/../../x", "shown/alpn/a", "asked/"]) {
        await etcd.ctl(["put", `tidegate-fleet-certificates/${name}`, "{rubbish"]);
      }
      // Nobody looks there.
      const elsewhere = { httpPort: await freePort(), tlsPort: await freePort() };
      await using two = await startTidegate({
        config: config("two", elsewhere, false),
        workers: 1,
      });
      const key = "tidegate-fleet-certificates/leader";
      await eventually("node two to lead", async () =>
        (await etcd.ctl(["get", key])).includes("two") ? true : undefined,
      );
      await using one = await startTidegate({ config: config("one", pebble), workers: 2 });
      const rows = await eventually("node one to leave it to node two", async () => {
        const found = await certificateRows(one);
        return found.some(({ why }) => why.includes("two orders for all")) ? found : undefined;
      });
      assert.deepEqual(
        rows.map(({ state }) => state),
        ["ordering"],
      );
      await two.writeConfig(config("two", elsewhere));
      two.signal("SIGHUP");
      const first = await servedBy(one.port("secure"), "app.test", ofPebble);
      const same = await servedBy(two.port("secure"), "www.app.test", ofPebble);
      assert.equal(first.serialNumber, same.serialNumber);
      const orders = () => meddler.asked.filter(({ path }) => path.includes("order-plz")).length;
      assert.equal(orders(), 1);
      // Whoever stays renews.
      await two[Symbol.asyncDispose]();
      await eventually(
        "another certificate",
        async () =>
          (await shownFor(one.port("secure"), "app.test")).serialNumber === first.serialNumber
            ? undefined
            : true,
        40_000,
      );
      const { issuer } = await shownFor(one.port("secure"), "app.test");
      assert.match(issuer, ofPebble);
    },
  );
}

test(
  "a node that is killed in the middle of an order leaves it to another one",
  { skip, timeout: 120_000 },
  async () => {
    await using etcd = await startEtcd();
    await using pebble = await startPebble();
    await using meddler = await startMeddler(pebble);
    await using folder = await tempFolder();
    await writeFile(folder.file("ca.pem"), meddler.ca);
    let isHung = false;
    meddler.meddle({
      before({ path }) {
        if (isHung || !path.startsWith("/finalize-order/")) return undefined;
        isHung = true;
        return "hang";
      },
    });
    const config = (node: string, at: { httpPort: number; tlsPort: number }) =>
      acmeConfig({ ...at, directory: meddler.directory }, folder, {
        routes: { app: ["app.test"] },
        more: { fleet: { etcd: { endpoints: etcd.endpoints }, node, ttl: "3s" } },
      });
    await using one = await startTidegate({ config: config("one", pebble) });
    await eventually("the order to hang", () => isHung || undefined, 20_000);
    const elsewhere = { httpPort: await freePort(), tlsPort: await freePort() };
    await using two = await startTidegate({ config: config("two", elsewhere) });
    await eventually("node two to leave it to node one", async () =>
      (await certificateRows(two)).some(({ why }) => why.includes("one orders for all"))
        ? true
        : undefined,
    );
    for (const pid of one.pids()) process.kill(pid, "SIGKILL");
    await servedBy(two.port("secure"), "app.test", ofPebble);
    assert.equal(meddler.asked.filter(({ path }) => path.includes("order-plz")).length, 1);
  },
);
