import assert from "node:assert/strict";
import { test } from "node:test";
import { Proofs } from "./proofs.ts";

const http = (token: string) => ({ http: { token, answer: `${token}.key` } });

test("who shows something waits until it was published as it is then", async () => {
  const published: string[][] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const proofs: Proofs = new Proofs(async () => {
    published.push(Object.keys(proofs.value.http));
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    await gate.promise;
  });
  const done: string[] = [];
  const first = proofs.show([http("a")]).then(() => done.push("a"));
  const second = proofs.show([http("b")]).then(() => done.push("b"));
  const third = proofs.show([http("c")]).then(() => done.push("c"));
  gates[0]?.resolve();
  await first;
  assert.deepEqual(done, ["a"]);
  while (gates.length < 2) await Promise.resolve();
  gates[1]?.resolve();
  await Promise.all([second, third]);
  // Two who wait share one.
  assert.deepEqual(published, [["a"], ["a", "b", "c"]]);
});

test("a publication that fails is told to who waits for it, and the next one is tried", async () => {
  let fails = true;
  const proofs = new Proofs(() => (fails ? Promise.reject(new Error("no")) : Promise.resolve()));
  await assert.rejects(proofs.show([http("a")]), /no/);
  fails = false;
  await proofs.show([http("b")]);
  assert.deepEqual(Object.keys(proofs.value.http), ["a", "b"]);
});

test("what is hidden is gone, and the value is the same until something changes", async () => {
  const proofs = new Proofs(() => Promise.resolve());
  const alpn = { alpn: { name: "__proto__", chain: "c", key: "k" } };
  const shown = [http("a"), alpn];
  await proofs.show(shown);
  const { value } = proofs;
  assert.equal(proofs.value, value);
  assert.ok(Object.hasOwn(value.alpn, "__proto__"));
  proofs.hide(shown);
  assert.deepEqual(proofs.value, { http: {}, alpn: {} });
  await proofs.show([]);
});
