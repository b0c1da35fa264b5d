import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateItem } from "../config/certificate-item.ts";
import type { Certificate } from "../config/certificate.ts";
import { readConfig } from "../config/read.ts";
import { certificateItemRows } from "./certificate-item-rows.ts";
import { NeededNames } from "./needed-names.ts";

const config = 'listeners: { web: ":0" }\nroutes: { "a.test": { whoami: true } }';
const { snapshot } = readConfig(config, { file: "t.yaml", baseFolder: "/" });
assert.ok(snapshot);
const needed = new NeededNames(snapshot);
const now = Date.UTC(2026, 10, 21);
const day = 86_400_000;

interface Changes {
  readonly name?: string;
  readonly names?: readonly string[];
  readonly trouble?: string;
  readonly provider?: string;
}

function item({ name = "x", names = [], trouble = "", provider = "redis" }: Changes) {
  const origin = { provider, place: `key ${name}` };
  const certificate: Certificate = {
    ...{ id: name, names, chain: "", key: "", kind: "ec", origin, staple: undefined },
    ...{ notBefore: now - day, notAfter: now + 80 * day },
  };
  const held = names.length === 0 ? [] : [{ certificate, issuer: "i", remarks: [] }];
  const made: CertificateItem = { name: `${name}@${provider}`, origin, held, trouble, since: now };
  return made;
}

function rowsFor(...items: readonly CertificateItem[]) {
  const guests = new Set(["guest"]);
  return certificateItemRows({ items, needed, guests, now, withStaple: (held) => held }).map(
    ({ source, item: name, state, isNeeded, why }) => [source, name, state, isNeeded, why],
  );
}

test("each says where it stands and under which name it is asked for", () => {
  assert.deepEqual(rowsFor(item({ names: ["a.test"] }), item({ name: "y", names: ["b.test"] })), [
    ["redis: key x", "x@redis", "ok", true, ""],
    ["redis: key y", "y@redis", "ok", false, ""],
  ]);
});

test("one that went bad says what is shown instead; whose it is decides who is told", () => {
  const trouble = "it is no good";
  const kept = `${trouble}; what was there before is shown on`;
  assert.deepEqual(
    rowsFor(
      item({ names: ["a.test"], trouble }),
      item({ name: "tls:a.test", trouble }),
      item({ name: "tls:b.test", trouble }),
      item({ name: "tls:session:1", trouble }),
      item({ name: "y", trouble }),
      item({ name: "y", trouble, provider: "guest" }),
    ).map(([, name, state, isNeeded, why]) => [name, state, isNeeded, why]),
    [
      ["x@redis", "unusable", true, kept],
      ["tls:a.test@redis", "unusable", true, trouble],
      ["tls:b.test@redis", "unusable", false, trouble],
      ["tls:session:1@redis", "unusable", false, trouble],
      ["y@redis", "unusable", true, trouble],
      ["y@guest", "unusable", false, trouble],
    ],
  );
});

test("a key that names no host is somebody else's, also where a route takes every host", () => {
  const all = 'listeners: { web: ":0" }\nroutes: { all: { host: "*", whoami: true } }';
  const { snapshot: open } = readConfig(all, { file: "t.yaml", baseFolder: "/" });
  assert.ok(open);
  const items = ["tls:session:1", "tls:a.test"].map((name) => item({ name, trouble: "bad" }));
  const more = { needed: new NeededNames(open), guests: new Set<string>(), now };
  const rows = certificateItemRows({ items, ...more, withStaple: (held) => held });
  assert.deepEqual(
    rows.map(({ isNeeded }) => isNeeded),
    [false, true],
  );
});

test("of very many bad ones some are told of, and of good ones all", () => {
  const bad = Array.from({ length: 3000 }, (_, at) => item({ name: `${at}`, trouble: "bad" }));
  const rows = rowsFor(...bad, item({ names: ["a.test"] }));
  assert.equal(rows.length, 1001);
  assert.equal(rows.at(-1)?.[2], "ok");
});
