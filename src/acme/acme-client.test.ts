// What needs no authority. Everything else is in test/parts, with a real one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clientOf, refusalOf } from "../../test/harness/acme-client.ts";
import { keyPem, newKey } from "../x509/signed.ts";
import { AcmeError } from "./acme-error.ts";

const nowhere = { directory: "http://127.0.0.1:1/dir", ca: "" };

test("a kept key that cannot be read is said, and not shown", () => {
  const rubbish = "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----";
  assert.throws(
    () => clientOf(nowhere, { state: { keyPem: rubbish } }),
    (error: unknown) => {
      assert.ok(error instanceof AcmeError);
      assert.equal(error.kind, "account");
      assert.match(error.message, /^Pebble: the kept key of our account cannot be read/);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    },
  );
});

test("an account that is known is opened without asking anybody", async ({ signal }) => {
  const { states, client: first } = clientOf(nowhere);
  assert.equal((await refusalOf(first.account(signal))).kind, "unreachable");
  assert.deepEqual(states, []);
  const url = "https://ca.test/account/1";
  const contact = ["mailto:a@example.test"];
  const { client } = clientOf(nowhere, { state: { keyPem: keyPem(newKey()), url, contact } });
  assert.equal(await client.account(signal), url);
});

test("whoever gives up while others wait for the account leaves them nothing to fear", async ({
  signal,
}) => {
  const { client } = clientOf(nowhere);
  const gone = AbortSignal.abort(new Error("enough"));
  const outcomes = await Promise.allSettled([client.account(gone), client.account(signal)]);
  assert.match(String(outcomes[0]?.status === "rejected" && outcomes[0].reason), /enough/);
  assert.match(String(outcomes[1]?.status === "rejected" && outcomes[1].reason), /nobody listens/);
});

test("what is no name is not ordered", async ({ signal }) => {
  const { orders } = clientOf(nowhere).client;
  for (const names of [[], ["a b"], ["*"], Array.from({ length: 101 }, (_, at) => `a${at}.test`)]) {
    await assert.rejects(orders.place(names, {}, signal), TypeError);
  }
});
