import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeldCertificate } from "../certificates/certificate-file.ts";
import { readConfig } from "../config/read.ts";
import { LeftOut } from "./left-out.ts";
import { NeededNames } from "./needed-names.ts";

function needed(...hosts: readonly string[]): NeededNames {
  const routes = Object.fromEntries(hosts.map((host) => [host, { whoami: true }]));
  const { snapshot } = readConfig(JSON.stringify({ routes }), { file: "t.yaml", baseFolder: "/" });
  assert.ok(snapshot);
  return new NeededNames(snapshot);
}

function held(place: string, names: readonly string[], more: object = {}): HeldCertificate {
  return {
    certificate: {
      ...{ id: `${place} ${names.join()}`, origin: { provider: "file", place }, names },
      ...{ chain: "", key: "", kind: "ec", staple: undefined, notBefore: 0, notAfter: 9e15 },
      ...more,
    },
    ...{ issuer: "", remarks: [] },
  };
}

const idsOf = (list: readonly HeldCertificate[]) => list.map(({ certificate: { id } }) => id);

test("a certificate is kept for names that routes have, as long as its file is there and none else is for them", () => {
  const leftOut = new LeftOut();
  const names = needed("a.test", "b.test", "*.w.test");
  const old = held("f", ["a.test", "b.test", "c.test"]);
  assert.deepEqual(leftOut.of([old], [], names), []);
  const now = [held("f", ["a.test"])];
  const [kept] = leftOut.of(now, [], names);
  assert.equal(kept?.certificate, old.certificate);
  assert.match(
    kept.refused ?? "",
    /^what is in the file now is not for b\.test, which a route needs/,
  );
  assert.deepEqual(idsOf(leftOut.of(now, [], names)), [old.certificate.id]);
  // Somebody else has it, and it does not come back.
  assert.deepEqual(leftOut.of(now, [held("x", ["*.test"]).certificate], names), []);
  assert.deepEqual(leftOut.of(now, [], names), []);
});

test("of one replaced again and again those are kept that are needed, the latest first", () => {
  const leftOut = new LeftOut();
  const names = needed("a.test", "b.test");
  leftOut.of([held("f", ["a.test", "b.test"])], [], names);
  leftOut.of([held("f", ["b.test"])], [], names);
  const list = [held("f", ["x.test"])];
  assert.deepEqual(idsOf(leftOut.of(list, [], names)), ["f b.test", "f a.test,b.test"]);
  assert.deepEqual(leftOut.of(list, [], needed("other.test")), []);
});

test("a file that is gone, an end, a catch-all and names that nobody routes keep nothing", () => {
  const names = needed("a.test", "*");
  const cases: readonly (readonly [before: HeldCertificate, now: readonly HeldCertificate[]])[] = [
    [held("f", ["a.test"]), []],
    [held("f", ["a.test"]), [held("g", ["z.test"])]],
    [held("f", ["a.test"], { notAfter: 1 }), [held("f", ["z.test"])]],
    [held("f", ["y.test"]), [held("f", ["z.test"])]],
    [held("f", ["a.test"]), [held("f", ["*.test"])]],
  ];
  for (const [before, now] of cases) {
    const leftOut = new LeftOut();
    leftOut.of([before], [], names);
    assert.deepEqual(leftOut.of(now, [], names), [], idsOf(now).join());
  }
});

test("a star is needed by each name below it", () => {
  const leftOut = new LeftOut();
  const names = needed("a.w.test", "deep.a.w.test");
  leftOut.of([held("f", ["*.w.test"])], [], names);
  const [kept] = leftOut.of([held("f", ["z.test"])], [], names);
  assert.match(kept?.refused ?? "", /is not for a\.w\.test, which/);
});
