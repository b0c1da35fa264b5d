// Certificates in a real etcd: shown by all workers as soon as they are written, and not taken away by rubbish or by an
// etcd that is gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { certificateStand, pairText } from "../harness/certificate-stand.ts";
import { etcdNeeds, startEtcd } from "../harness/etcd.ts";
import { issued, issuer } from "../harness/issued.ts";
import { needs } from "../harness/needs.ts";

const options = { skip: needs(...etcdNeeds), timeout: 90_000 };

test(
  "what is put is shown, what is bad keeps what was there, and so does an etcd that is away",
  options,
  async () => {
    await using etcd = await startEtcd();
    await using stand = await certificateStand(["a.test", "b.test"], {
      etcd: { endpoints: etcd.endpoints },
    });
    const { shows } = stand;
    const put = (key: string, value: string) => etcd.putAll([[`tidegate/${key}`, value]]);
    await put("certificates/shop", pairText(issued(["a.test"])));
    await shows("a.test", "DNS:a.test");
    const b = issued(["b.test"]);
    await put("tls/b.test", b.key + b.cert + issuer);
    await shows("b.test", "DNS:b.test");
    await put("certificates/shop", pairText(issued(["a.test", "www.a.test"])));
    await shows("a.test", "DNS:a.test, DNS:www.a.test");
    await put("tls/b.test", pairText(issued(["c.test"])));
    const row = await stand.row(
      "etcd: key tidegate/tls/b.test",
      ({ state }) => state === "unusable",
    );
    assert.match(
      row.why,
      /is for c\.test, and not for "b\.test".*what was there before is shown on/,
    );
    assert.deepEqual(row.names, ["b.test"]);
    await shows("b.test", "DNS:b.test");
    await etcd.remove("tidegate/tls/b.test");
    await shows("b.test", "");
    await etcd.kill();
    await shows("a.test", "DNS:a.test, DNS:www.a.test");
  },
);
