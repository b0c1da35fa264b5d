import assert from "node:assert/strict";
import { test } from "node:test";
import { issued } from "../../test/harness/issued.ts";
import { MemoryShelf } from "../../test/harness/memory-shelf.ts";
import { keyPem, newKey } from "../x509/signed.ts";
import { Renewals } from "./renewals.ts";
import { Vault } from "./vault.ts";

const directory = "https://ca.test/dir";
const day = 86_400_000;

function made({ cert, key }: { cert: string; key: string }, names: readonly string[] = ["a.test"]) {
  return { chain: cert, key, names };
}

test("certificates come back as they were, the latest first, and the same is the same object", async () => {
  const shelf = new MemoryShelf();
  const vault = new Vault(shelf);
  const now = Date.now();
  const old = issued(["a.test"], { now: now - day, days: 365 });
  const young = issued(["a.test", "b.test"], { now, days: 6 });
  await vault.keepCertificate(directory, made(old));
  const kept = await vault.keepCertificate(directory, made(young, ["a.test", "b.test"]));
  const again = new Vault(shelf);
  const [first, second] = again.certificates();
  assert.deepEqual(first, kept);
  assert.deepEqual(first?.certificate.names, ["a.test", "b.test"]);
  assert.equal(first?.certificate.origin.place, "acme ca.test");
  assert.deepEqual(second?.certificate.names, ["a.test"]);
  assert.equal(again.certificates()[0], first);
  // By a clock that is two days slow nothing is valid yet; the older one is nearer to it.
  const slow = again.certificates(now - 2 * day);
  assert.equal(slow.length, 2);
  const inBetween = again.certificates(now - day / 2);
  assert.deepEqual(inBetween[0], second);
  await again.forgetCertificate(kept.certificate.id);
  assert.equal(again.certificates().length, 1);
});

test("what an authority certifies unasked is for nobody, and what has ended already comes last", async () => {
  const shelf = new MemoryShelf();
  const vault = new Vault(shelf);
  const now = Date.now();
  const good = issued(["a.test"], { now: now - 30 * day, days: 90 });
  const kept = await vault.keepCertificate(directory, made(good));
  const lie = issued(["a.test", "shop.test"], { now: now - 3 * day, days: 2 });
  const { certificate } = await vault.keepCertificate("https://liar.test/dir", made(lie));
  assert.deepEqual(certificate.names, ["a.test"]);
  assert.deepEqual(
    vault.certificates().map((each) => each.certificate.id),
    [kept.certificate.id, certificate.id],
  );
  const renewals = new Renewals(vault);
  const superfluous = renewals.superfluous(vault.certificates(), ["a.test"], now);
  assert.deepEqual(
    superfluous.map((each) => each.directory),
    ["https://liar.test/dir"],
  );
  await assert.rejects(vault.keepCertificate(directory, made(good, ["b.test"])), /cannot be used/);
});

test("what is damaged counts as absent, and spoils nothing else", async () => {
  const shelf = new MemoryShelf();
  const vault = new Vault(shelf);
  const { cert, key } = issued(["a.test"]);
  await vault.keepCertificate(directory, made({ cert, key }));
  const other = keyPem(newKey());
  const rubbish = [
    ...["", "{", "[]", "null", '{"chain":1}', JSON.stringify({ directory, chain: cert })],
    ...[JSON.stringify({ names: ["a.test"], directory, keyPem: "-----BEGIN PRIVATE KEY-----" })],
    ...[JSON.stringify({ directory, chain: cert, key: other }), '{"__proto__":{"chain":"x"}}'],
  ];
  for (const [at, text] of rubbish.entries()) {
    shelf.texts.set(`certificates/x${at}`, text);
    shelf.texts.set(`orders/x${at}`, text);
    shelf.texts.set(`waits/x${at}`, text);
    shelf.texts.set(`windows/x${at}`, text);
    assert.equal(vault.order(`x${at}`), undefined, text);
    assert.equal(vault.waits(`x${at}`).size, 0, text);
    assert.equal(vault.window(`x${at}`), undefined, text);
  }
  assert.equal(vault.certificates().length, 1);
  await assert.rejects(
    vault.keepCertificate(directory, made({ cert, key: other })),
    /cannot be used/,
  );
});

test("accounts are kept for each authority and customer, with all that they have", async () => {
  const shelf = new MemoryShelf();
  const vault = new Vault(shelf);
  const state = { keyPem: keyPem(newKey()), url: "https://ca.test/acct/1", contact: ["mailto:a"] };
  await vault.keepAccount(directory, undefined, state);
  await vault.keepAccount(directory, "kid", { keyPem: state.keyPem });
  const again = new Vault(shelf);
  assert.deepEqual(again.account(directory, undefined), state);
  assert.deepEqual(again.account(directory, "kid"), { keyPem: state.keyPem });
  assert.equal(again.account("https://other.test/dir", undefined), undefined);
});

test("what was in work for names that nobody wants is forgotten when it is of no use", async () => {
  const shelf = new MemoryShelf();
  const vault = new Vault(shelf);
  const begunAt = Date.now();
  const url = "https://ca.test/order/1";
  const record = { names: ["a.test"], directory, keyPem: keyPem(newKey()), begunAt };
  const wait = {
    failures: 1,
    at: begunAt,
    wait: day,
    isLimit: true,
    why: "so",
    refused: ["b.test"],
  };
  for (const id of ["one", "two"]) {
    await vault.keepOrder(id, { ...record, url });
    await vault.keepWaits(id, new Map([[directory, wait]]));
  }
  const names = () => [...shelf.texts.keys()].toSorted();
  await vault.forgetOld(new Set(["one"]), begunAt + day / 2);
  assert.equal(names().length, 4);
  await vault.forgetOld(new Set(["one"]), begunAt + 2 * day);
  assert.deepEqual(names(), ["orders/one", "waits/one"]);
  assert.deepEqual(vault.order("one"), { ...record, url });
  assert.deepEqual([...vault.waits("one")], [[directory, wait]]);
});
