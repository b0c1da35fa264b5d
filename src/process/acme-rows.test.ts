import assert from "node:assert/strict";
import { test } from "node:test";
import type { GroupState } from "../acme/certificate-orders.ts";
import { Vault } from "../acme/vault.ts";
import { issued } from "../../test/harness/issued.ts";
import { MemoryShelf } from "../../test/harness/memory-shelf.ts";
import { waitingRows, withoutUnwanted, withRenewals } from "./acme-rows.ts";

async function keptOf(...all: readonly (readonly string[])[]) {
  const vault = new Vault(new MemoryShelf());
  for (const names of all) {
    const { cert, key } = issued(names);
    await vault.keepCertificate("https://ca.test/dir", { chain: cert, key, names });
  }
  return vault.certificates();
}

function state(names: readonly string[], more: Partial<GroupState> = {}): GroupState {
  return { names, route: "r", state: "waiting", why: "so", failures: 1, ...more };
}

test("names without a certificate have a row of their own, with what is being done", async () => {
  const kept = await keptOf(["a.test"], ["*.w.test"]);
  const rows = waitingRows(kept, [
    state(["a.test"]),
    state(["x.w.test"]),
    state(["b.test"]),
    state(["c.test"], { state: "ordering", failures: 0, why: "orders it" }),
    state(["d.test"], { state: "ordering", failures: 2 }),
    state(["e.test"], { state: "well", failures: 0 }),
    state(["f.test"], { route: "on demand" }),
  ]);
  assert.deepEqual(
    rows.map((row) => `${row.names[0]} ${row.state} ${row.isNeeded} ${row.source}`),
    [
      "b.test waiting true route r",
      "c.test ordering true route r",
      // It is tried again, and told of until it goes well.
      "d.test waiting true route r",
      "f.test waiting false on demand",
    ],
  );
  assert.equal(rows[1]?.why, "orders it; until then one that nobody signed is shown");
});

test("one that is to be renewed says how far that is", async () => {
  const kept = await keptOf(["a.test"], ["b.test"]);
  const remarks = withRenewals(kept, [state(["a.test"]), state(["b.test"], { state: "well" })]);
  const byName = new Map(remarks.map((each) => [each.certificate.names[0], each.remarks]));
  assert.deepEqual(byName.get("a.test"), ["it is to be renewed: so"]);
  assert.deepEqual(byName.get("b.test"), []);
});

test("what others look after now is nobody's concern when it ends", async () => {
  const kept = await keptOf(["a.test"], ["b.test"]);
  const common = { kind: "ec", issuer: "", from: undefined, until: undefined } as const;
  const rows = kept.map(({ certificate: { id, names } }) => ({
    ...({ ...common, names, fingerprint: id, state: "ok", since: undefined } as const),
    ...{ why: "", source: "", item: undefined, isNeeded: true },
  }));
  const shown = withoutUnwanted(rows, kept, [state(["b.test"], { state: "well" })]);
  assert.deepEqual(shown.map(({ names, isNeeded }) => `${names[0]} ${isNeeded}`).toSorted(), [
    "a.test false",
    "b.test true",
  ]);
});
