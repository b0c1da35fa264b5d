// The ACME client against a real authority: pebble 2.4, which looks at the proofs itself. It knows neither renewal
// windows (RFC 9773) nor profiles: for those somebody stands between, in acme-authorities.test.ts.

import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { type TestContext, test } from "node:test";
import { writeFile } from "node:fs/promises";
import { clientOf, finish, obtain, type Proving, refusalOf } from "../harness/acme-client.ts";
import { answerHttp, answerTls } from "../harness/challenges.ts";
import { runCommand } from "../harness/command.ts";
import { startMeddler } from "../harness/meddler.ts";
import { needs } from "../harness/needs.ts";
import { type Pebble, pebbleNeeds, startPebble } from "../harness/pebble.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { alpnServerName, dnsRecordName } from "../../src/acme/challenge-place.ts";
import { readBundle } from "../../src/x509/bundle.ts";
import { keyPem, newKey } from "../../src/x509/signed.ts";

const skip = needs(...pebbleNeeds);

type Show = Proving["show"];

/** That openssl takes the chain, with the root of this start. */
async function assertGood(pebble: Pebble, chain: string, name: string): Promise<void> {
  await using folder = await tempFolder();
  const [leaf = "", ...above] = chain.split(/(?<=-----END CERTIFICATE-----\n)/);
  await writeFile(folder.file("root.pem"), await pebble.root());
  await writeFile(folder.file("leaf.pem"), leaf);
  await writeFile(folder.file("above.pem"), above.join(""));
  const which = /^[\d.:]+$/.test(name) ? "-verify_ip" : "-verify_hostname";
  const words = [
    "verify",
    which,
    name,
    "-CAfile",
    "root.pem",
    "-untrusted",
    "above.pem",
    "leaf.pem",
  ];
  const ended = await runCommand("openssl", words, { cwd: folder.path });
  assert.equal(ended.code, 0, ended.stderr + ended.stdout);
}

test("a real authority", { skip, timeout: 120_000 }, async (context: TestContext) => {
  const { signal } = context;
  await using pebble = await startPebble({ alternateRoots: 1 });
  await using http = await answerHttp(pebble.httpPort);
  await using tls = await answerTls(pebble.tlsPort);

  const { client, states } = clientOf(pebble);
  const { orders } = client;
  const showHttp: Show = (_, token) => void http.answers.set(token, client.keyAuthorization(token));

  await context.test(
    "an account is kept before it is used, and found again by its key",
    async () => {
      const url = await client.account(signal);
      assert.deepEqual(
        states.map((state) => state.url),
        [url],
      );
      const [state = assert.fail()] = states;
      assert.deepEqual(state.contact, ["mailto:a@example.test"]);
      const again = clientOf(pebble, { state: { keyPem: state.keyPem } });
      const all = await Promise.all([1, 2, 3].map(() => again.client.account(signal)));
      assert.deepEqual(all, [url, url, url]);
      assert.equal(again.states.length, 1);
      const changed = clientOf(pebble, { state, contact: ["mailto:b@example.test"] });
      assert.equal(await changed.client.account(signal), url);
      assert.deepEqual(changed.states, [{ ...state, contact: ["mailto:b@example.test"] }]);
    },
  );

  await context.test("http-01 proves names and addresses, in one order", async () => {
    const names = ["B.example.test", "a.example.test", "127.0.0.1"];
    const { chain, key, order } = await obtain(client, names, {
      kind: "http-01",
      show: showHttp,
      signal,
    });
    assert.deepEqual(order.names, ["127.0.0.1", "a.example.test", "b.example.test"]);
    assert.ok(http.asked.some((host) => host.startsWith("a.example.test")));
    const { pairs, problems, remarks } = readBundle(chain + keyPem(key));
    assert.deepEqual({ problems, remarks }, { problems: [], remarks: [] });
    assert.deepEqual(pairs[0]?.facts.names.toSorted(), order.names);
    assert.equal(pairs[0]?.chainLength, 2);
    for (const name of order.names) await assertGood(pebble, chain, name);
  });

  await context.test("tls-alpn-01 proves both with our own certificate", async () => {
    const show: Show = (name, token) =>
      void tls.answers.set(alpnServerName(name), [name, client.alpnDigest(token)]);
    const names = ["c.example.test", "127.0.0.1"];
    const { chain } = await obtain(client, names, { kind: "tls-alpn-01", show, signal });
    for (const name of names) await assertGood(pebble, chain, name);
  });

  await context.test("dns-01 proves a wildcard and the name itself", async () => {
    const shown: string[] = [];
    const show: Show = async (name, token) => {
      const host = `${dnsRecordName(name)}.`;
      shown.push(host);
      await pebble.dns("set-txt", { host, value: client.dnsValue(token) });
    };
    const names = ["*.w.test", "w.test"];
    const { chain, authorizations } = await obtain(client, names, { kind: "dns-01", show, signal });
    assert.deepEqual(shown, ["_acme-challenge.w.test.", "_acme-challenge.w.test."]);
    assert.deepEqual(authorizations.map(({ isWildcard }) => String(isWildcard)).toSorted(), [
      "false",
      "true",
    ]);
    await assertGood(pebble, chain, "any.w.test");
    await assertGood(pebble, chain, "w.test");
  });

  await context.test(
    "whoever shows the wrong thing is told which name, and what to look at",
    async () => {
      const wrong: Show = (_, token) => void http.answers.set(token, `${token}.wrong`);
      const asked = obtain(client, ["d.example.test", "e.example.test"], {
        kind: "http-01",
        show: wrong,
        signal,
      });
      const { kind, failures, message } = await refusalOf(asked);
      assert.equal(kind, "rejected");
      assert.deepEqual(failures.map(({ name = "" }) => name).toSorted(), [
        "d.example.test",
        "e.example.test",
      ]);
      assert.match(
        message,
        /^Pebble does not certify [de]\.example\.test: .*somebody else answered: does the name lead here/s,
      );
    },
  );

  await context.test(
    "a name that leads nowhere is told from one that leads to somebody else",
    async () => {
      await pebble.dns("set-servfail", { host: "f.example.test." });
      const asked = obtain(client, ["f.example.test"], { kind: "http-01", show: showHttp, signal });
      const { kind, failures } = await refusalOf(asked);
      assert.equal(kind, "rejected");
      assert.equal(failures[0]?.name, "f.example.test");
    },
  );

  await context.test(
    "an order is found again by its address, in whichever state it was left",
    async () => {
      const kept: string[] = [];
      const keep = async (url: string) => void kept.push(url);
      const names = ["g.example.test"];
      const first = await orders.place(names, { keep }, signal);
      assert.deepEqual(kept, [first.url]);
      // As after a kill: nothing but what was kept.
      const [state = assert.fail()] = states;
      const later = clientOf(pebble, { state }).client;
      const found = await later.orders.resume(first.url, names, signal);
      assert.deepEqual(found, first);
      const { order } = await finish(later.orders, found, {
        kind: "http-01",
        show: showHttp,
        signal,
      });
      const done = await later.orders.resume(first.url, names, signal);
      assert.equal(done.status, "valid");
      assert.equal(done.certificate, order.certificate);
      const stale = await refusalOf(orders.resume(`${first.url}x`, names, signal));
      assert.equal(stale.kind, "order");
      const rubbish = await refusalOf(orders.resume("rubbish", names, signal));
      assert.equal(rubbish.kind, "order");
      const other = await refusalOf(orders.resume(first.url, ["h.example.test"], signal));
      assert.equal(other.kind, "malformed");
    },
  );

  await context.test("another chain is taken where it leads to the wanted root", async () => {
    const key = newKey();
    const wanted = new X509Certificate(await pebble.root(1)).subject.replace(/^CN=/, "");
    const { order } = await obtain(client, ["i.example.test"], {
      kind: "http-01",
      show: showHttp,
      signal,
    });
    const foreign = await refusalOf(orders.certificate(order, { key }, signal));
    assert.match(foreign.message, /belongs to another key/);
    const again = await orders.place(["i.example.test"], {}, signal);
    const { order: done, key: own } = await finish(orders, again, {
      kind: "http-01",
      show: showHttp,
      signal,
    });
    const chosen = await orders.certificate(done, { key: own, preferred: wanted }, signal);
    const usual = await orders.certificate(done, { key: own, preferred: "Nobody" }, signal);
    assert.equal(chosen.isPreferred, true);
    assert.equal(usual.isPreferred, false);
    assert.notEqual(chosen.chain, usual.chain);
  });

  await context.test(
    "a certificate is revoked by its account or by its key, and once is enough",
    async () => {
      for (const byKey of [false, true]) {
        const { chain, key } = await obtain(client, ["j.example.test"], {
          kind: "http-01",
          show: showHttp,
          signal,
        });
        const how = byKey ? { key: keyPem(key), reason: 1 } : {};
        await client.revoke(chain, how, signal);
        await client.revoke(chain, how, signal);
      }
    },
  );

  await context.test(
    "an account gets another key, also when that was cut off in the middle",
    async () => {
      const own = clientOf(pebble);
      const url = await own.client.account(signal);
      const next = keyPem(newKey());
      await own.client.rollOver(next, signal);
      assert.deepEqual(
        own.states.map(({ nextKeyPem }) => nextKeyPem),
        [undefined, next, undefined],
      );
      const [before = assert.fail(), during = assert.fail(), after = assert.fail()] = own.states;
      assert.equal(after.keyPem, next);
      await own.client.orders.place(["k.example.test"], {}, signal);
      // Killed after the authority had changed it, and before that was kept.
      const cut = clientOf(pebble, { state: during });
      assert.equal(await cut.client.account(signal), url);
      assert.deepEqual(cut.states.at(-1), after);
      // Killed before the authority heard of it.
      const early = clientOf(pebble, { state: { ...after, nextKeyPem: before.keyPem } });
      await early.client.orders.place(["k.example.test"], {}, signal);
      assert.deepEqual(early.states.at(-1), after);
      await early.client.deactivate(signal);
      const dead = await refusalOf(
        clientOf(pebble, { state: after }).client.orders.place(["k.example.test"], {}, signal),
      );
      assert.equal(dead.kind, "account");
    },
  );

  await context.test("terms that nobody agreed to are shown", async () => {
    const { kind, message } = await refusalOf(
      clientOf(pebble, { termsAgreed: false }).client.account(signal),
    );
    assert.equal(kind, "account");
    assert.match(message, /^Pebble: agree to its terms: .*\(t\.yaml:1\)$/);
  });

  await context.test(
    "an authority that is gone, or hangs and is given up, is unreachable",
    async () => {
      const own = clientOf(pebble).client;
      pebble.freeze();
      const aborting = new AbortController();
      const hanging = own.account(aborting.signal);
      setTimeout(() => aborting.abort(new Error("enough")), 200);
      await assert.rejects(hanging, /enough/);
      pebble.thaw();
      await pebble.kill();
      const { kind, message } = await refusalOf(own.account(signal));
      assert.equal(kind, "unreachable");
      assert.match(message, /^cannot ask Pebble: nobody listens there/);
      await pebble.start();
      const before = states.length;
      // It has lost everything: the account is made anew, with the same key, and said.
      await orders.place(["l.example.test"], {}, signal);
      assert.equal(states.length, before + 1);
      assert.ok(
        createPrivateKey(states.at(-1)?.keyPem ?? "").equals(
          createPrivateKey(states[0]?.keyPem ?? ""),
        ),
      );
    },
  );
});

test(
  "half of all nonces refused, and authorizations that are valid still",
  { skip, timeout: 60_000 },
  async ({ signal }) => {
    await using pebble = await startPebble({ nonceReject: 50, reuse: 100, validity: 3600 });
    await using http = await answerHttp(pebble.httpPort);
    await using meddler = await startMeddler(pebble);
    const { client } = clientOf(meddler);
    let refused = 0;
    meddler.meddle({ after: (_, { body }) => void (refused += Number(body.includes("badNonce"))) });
    let shown = 0;
    const show: Show = (_, token) => {
      shown += 1;
      http.answers.set(token, client.keyAuthorization(token));
    };
    const names = ["a.test", "b.test"];
    const first = await obtain(client, names, { kind: "http-01", show, signal });
    const second = await obtain(client, names, { kind: "http-01", show, signal });
    assert.equal(shown, 2);
    assert.ok(refused > 0, "no nonce was refused");
    const [one, two] = [first, second].map(({ chain }) => new X509Certificate(chain));
    assert.notEqual(one?.serialNumber, two?.serialNumber);
    const left = (two?.validToDate.getTime() ?? 0) - Date.now();
    assert.ok(left > 3_000_000 && left <= 3_600_000, String(left));
  },
);

test(
  "customers of an authority show who they are",
  { skip, timeout: 60_000 },
  async ({ signal }) => {
    const secret = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    await using pebble = await startPebble({ bindings: { "kid-1": secret } });
    const binding = { keyId: "kid-1", hmacKey: secret };
    await clientOf(pebble, { binding }).client.account(signal);
    const none = await refusalOf(clientOf(pebble).client.account(signal));
    assert.equal(none.kind, "account");
    assert.match(none.message, /external account binding/);
    for (const wrong of [
      { ...binding, keyId: "kid-2" },
      { ...binding, hmacKey: `x${secret}` },
      { ...binding, hmacKey: "no key" },
    ]) {
      const { kind, message } = await refusalOf(
        clientOf(pebble, { binding: wrong }).client.account(signal),
      );
      assert.equal(kind, "account", message);
      assert.ok(!message.includes(wrong.hmacKey), "a secret is said");
    }
  },
);
