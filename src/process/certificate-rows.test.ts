import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeldCertificate } from "../certificates/certificate-file.ts";
import { certificateRows } from "./certificate-rows.ts";
import { NeededNames } from "./needed-names.ts";

const day = 86_400_000;
const now = Date.parse("2026-11-21T12:00:00Z");

function held(name: string, from: number, until: number, remarks: string[] = []): HeldCertificate {
  return {
    certificate: {
      ...{ id: "ab", names: [name], chain: "CHAIN", key: "KEY", kind: "ec", staple: undefined },
      origin: { provider: "file", place: `/certs/${name}.pem` },
      ...{ notBefore: now + from * day, notAfter: now + until * day },
    },
    ...{ issuer: "authority", remarks },
  };
}

const rule = { kind: "host", host: "a.test" } as const;
const needed = new NeededNames({
  routes: [{ rule }],
  streamRoutes: [],
  tls: { places: [], defaultName: undefined, hosts: [], acme: undefined },
} as unknown as ConstructorParameters<typeof NeededNames>[0]);

test("each state is a word and a sentence, and no row has a key", () => {
  const rows = certificateRows({
    ...{ needed, now, faults: [] },
    held: [
      held("a.test", -10, 80, ["odd"]),
      held("a.test", -80, 10),
      held("a.test", -90, -1),
      held("b.test", 1, 80),
    ],
  });
  assert.deepEqual(
    rows.map(({ state, why, isNeeded }) => [state, why, isNeeded]),
    [
      ["ok", "odd", true],
      ["expires soon", "10 days are left of 90 days, and nobody has renewed it", true],
      ["expired", "it ended 24 hours ago, and clients refuse it", true],
      ["not yet valid", "it begins in 24 hours, unless the clock of this machine is wrong", false],
    ],
  );
  assert.equal(rows[0]?.until, "2027-02-09T12:00:00.000Z");
  assert.ok(!JSON.stringify(rows).includes("KEY"));
});

test("what is wrong with a file is said where its certificate stands, or by itself", () => {
  const faults = [
    { path: "/certs/a.test.pem", why: "it is empty", since: now },
    { path: "/certs/b.test.pem", why: "it is not there", since: now },
    { path: "/other", why: "it is not there", since: now },
  ];
  const both = [held("a.test", -10, 80), held("b.test", -90, -3)];
  const rows = certificateRows({ needed, now, faults, held: both });
  assert.deepEqual(
    rows.map(({ source, state, names }) => [source, state, names.length]),
    [
      ["/certs/a.test.pem", "unusable", 1],
      ["/certs/b.test.pem", "expired", 1],
      ["/other", "unusable", 0],
    ],
  );
  assert.equal(rows[0]?.why, "it is empty; what was there before is shown on");
  assert.equal(rows[0]?.since, "2026-11-21T12:00:00.000Z");
});

test("what clients refuse is unusable, whatever its file says, unless it has expired anyway", () => {
  const refused = "its authority has revoked it";
  const rows = certificateRows({
    ...{ needed, now, faults: [] },
    held: [held("a.test", -10, 80, ["odd"]), held("a.test", -90, -1)].map((each) => ({
      ...each,
      refused,
    })),
  });
  assert.deepEqual(
    rows.map(({ state, why }) => [state, why]),
    [
      ["unusable", `${refused}; odd`],
      ["expired", `${refused}; it ended 24 hours ago, and clients refuse it`],
    ],
  );
});

test("times that no date can say do no harm", () => {
  const far = { ...held("a.test", 0, 0).certificate, notAfter: 9e15 };
  const [row] = certificateRows({
    ...{ needed, now, faults: [] },
    held: [{ certificate: far, issuer: "", remarks: [] }],
  });
  assert.deepEqual([row?.until, row?.state], [undefined, "ok"]);
});
