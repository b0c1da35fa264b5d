import assert from "node:assert/strict";
import { test } from "node:test";
import { deadKey, nodeKey, type Order, orderKey, readFleetKey, secretKey } from "./fleet-keys.ts";

const names = ["pool", "pool@etcd", "a/b", "%2F", "ä ö", "__proto__", ".."];
const urls = ["http://10.0.0.1:80", "unix:/run/a b.sock", "https://[::1]/x?y=%zz"];

test("whatever services and backends are called, a key is read as what it was made of", () => {
  for (const service of names) {
    const maintenance: Order = { kind: "maintenance", service, backend: undefined };
    assert.deepEqual(readFleetKey(orderKey(maintenance)), { kind: "order", order: maintenance });
    for (const backend of urls) {
      assert.deepEqual(readFleetKey(deadKey(service, backend)), { kind: "dead", service, backend });
      const drain: Order = { kind: "drain", service, backend };
      assert.deepEqual(readFleetKey(orderKey(drain)), { kind: "order", order: drain });
    }
  }
  assert.deepEqual(readFleetKey(nodeKey("web-1.test")), { kind: "node", name: "web-1.test" });
  assert.deepEqual(readFleetKey(secretKey), { kind: "secret" });
});

test("a name that no URL can have has a key all the same", () => {
  assert.deepEqual(readFleetKey(deadKey("half \uD800", "b")), {
    ...{ kind: "dead", service: "half \uFFFD", backend: "b" },
  });
});

for (const key of [
  "",
  "nodes",
  "nodes/",
  "nodes/a/b",
  "dead/a",
  "dead//b",
  "dead/a/b/c",
  "dead/%/b",
  "orders/maintenance",
  "orders/maintenance/a/b",
  "orders/drain/a",
  "orders/drain/a/b/c",
  "orders/pause/a",
  "secrets",
  "secret/",
]) {
  test(`${JSON.stringify(key)} is none of ours`, () => {
    assert.equal(readFleetKey(key), undefined);
  });
}
