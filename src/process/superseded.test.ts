import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateRow } from "../admin/operations.ts";
import { withoutSuperseded } from "./superseded.ts";

function row(names: string, more: Partial<CertificateRow> = {}): CertificateRow {
  return {
    ...{ names: names.split(" "), kind: "ec", issuer: "", fingerprint: names, source: "/a.pem" },
    ...{ from: undefined, until: undefined, since: undefined, item: undefined },
    ...{ state: "ok", why: "", isNeeded: true, ...more },
  };
}

const expired = { state: "expired", why: "it ended" } as const;
const soon = { state: "expires soon" } as const;

/** The first of them. */
function isNeeded(rows: readonly CertificateRow[]): boolean | undefined {
  return withoutSuperseded(rows)[0]?.isNeeded;
}

test("one that has ended beside its renewal wakes nobody", () => {
  const rows = [row("a.test b.test", expired), row("a.test"), row("*.test", { kind: "rsa" })];
  const [first, ...others] = withoutSuperseded(rows);
  assert.deepEqual(first, {
    ...rows[0],
    isNeeded: false,
    why: "it ended; another one is there for its names",
  });
  assert.deepEqual(others, rows.slice(1));
});

test("one that is alone for any of its names is missed", () => {
  assert.equal(isNeeded([row("a.test b.test", expired), row("a.test")]), true);
  assert.equal(isNeeded([row("*.a.test", expired), row("x.a.test")]), true);
  assert.equal(isNeeded([row("x.y.test", expired), row("*.test")]), true);
  assert.equal(isNeeded([row("a.test", expired), row("a.test", expired)]), true);
  assert.equal(isNeeded([row("a.test", expired), row("a.test", { state: "unusable" })]), true);
});

test("one that is still valid is missed by clients that know its kind alone", () => {
  assert.equal(isNeeded([row("a.test", { ...soon, kind: "rsa" }), row("a.test")]), true);
  assert.equal(isNeeded([row("a.test", soon), row("a.test")]), false);
});

test("where all is well the rows are the same", () => {
  const rows = [row("a.test"), row("b.test", { ...expired, isNeeded: false })];
  assert.equal(withoutSuperseded(rows), rows);
});
