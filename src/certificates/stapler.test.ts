import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { issued, issuer } from "../../test/harness/issued.ts";
import { needs } from "../../test/harness/needs.ts";
import { type LeafOptions, type OcspLeaf, ocspAuthority } from "../../test/harness/ocsp.ts";
import type { Certificate } from "../config/certificate.ts";
import { readBundle } from "../x509/bundle.ts";
import { Stapler } from "./stapler.ts";

const skip = needs("openssl");

function certificateOf({ chain, key }: Pick<OcspLeaf, "chain" | "key">): Certificate {
  const [pair] = readBundle(chain + key).pairs;
  assert.ok(pair);
  const { facts, cert } = pair;
  return {
    ...{ id: facts.fingerprint, origin: { provider: "file", place: "/a.pem" }, names: facts.names },
    ...{ chain: cert, key: pair.key, kind: "ec", staple: undefined },
    ...{ notBefore: facts.notBefore, notAfter: facts.notAfter },
  };
}

/** What the responder says: an answer of openssl, or what the test gives it instead. */
async function stand(options: LeafOptions = {}) {
  await using stack = new AsyncDisposableStack();
  const authority = stack.use(await ocspAuthority());
  const said = {
    ...{ questions: 0, types: new Set<string>(), instead: undefined as Buffer | undefined },
    until: Promise.resolve(),
  };
  let status = 200;
  const server: Server = createServer((request, response) => {
    said.questions++;
    said.types.add(`${request.method} ${request.headers["content-type"]}`);
    const chunks: Buffer[] = [];
    request.on("data", (bytes: Buffer) => chunks.push(bytes));
    request.on("end", () => {
      const answer = said.instead ?? authority.answer(Buffer.concat(chunks));
      void Promise.all([answer, said.until]).then(([bytes]) =>
        response.writeHead(status).end(bytes),
      );
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const leaf = await authority.issue("a.test", { url: `http://127.0.0.1:${port}/x`, ...options });
  let changes = 0;
  let ahead = 0;
  const stapler = stack.use(
    new Stapler({ onChange: () => changes++, now: () => Date.now() + ahead }),
  );
  const certificate = certificateOf(leaf);
  const held = stack.move();
  return {
    ...{ authority, leaf, said, stapler, certificate },
    refuse: (code: number) => (status = code),
    /** The clock is so much later. */
    later: (days: number) => (ahead += days * 86_400_000),
    shown: () => stapler.stapled([certificate])[0],
    trouble: () => stapler.troubleOf(certificate.id),
    told: (count: number) => eventually(`told ${count} times`, () => changes >= count || undefined),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

test("what an authority says is stapled, and asked for once while it lasts", { skip }, async () => {
  await using all = await stand();
  assert.equal(all.shown()?.staple, undefined);
  await all.told(1);
  const shown = all.shown();
  assert.ok((shown?.staple?.length ?? 0) > 200);
  assert.equal(all.shown(), shown, "the same object until it changes");
  assert.equal(all.trouble(), undefined);
  assert.deepEqual([...all.said.types], ["POST application/ocsp-request"]);
  assert.equal(all.said.questions, 1);
});

test("certificates that name nobody to be asked are passed through as they are", async () => {
  using stapler = new Stapler({ onChange: () => assert.fail("nothing changes") });
  const { cert, key } = issued(["plain.test"]);
  const certificate = certificateOf({ chain: cert + issuer, key });
  assert.equal(stapler.stapled([certificate])[0], certificate);
  assert.equal(stapler.troubleOf(certificate.id), undefined);
});

test("what is revoked is said, and its answer is not stapled", { skip }, async () => {
  await using all = await stand();
  await all.authority.revoke(all.leaf);
  all.shown();
  await all.told(1);
  assert.equal(all.shown()?.staple, undefined);
  assert.deepEqual(all.trouble(), { why: "its authority has revoked it", isBad: true });
});

test(
  "a responder that refuses, or lies, is named; without a staple only some certificates are bad",
  { skip },
  async () => {
    for (const mustStaple of [false, true]) {
      await using all = await stand({ mustStaple });
      all.refuse(503);
      all.shown();
      await all.told(1);
      assert.equal(all.trouble()?.isBad, mustStaple);
      assert.match(
        all.trouble()?.why ?? "",
        /responder 127\.0\.0\.1:\d+ answered with status 503$/,
      );
      assert.equal(all.shown()?.staple, undefined);
    }
    await using liar = await stand();
    liar.said.instead = Buffer.from("<html>welcome</html>");
    liar.shown();
    await liar.told(1);
    assert.match(liar.trouble()?.why ?? "", /no good: it is no OCSP answer$/);
  },
);

test(
  "a certificate without who signed it cannot be asked for, and that is said",
  { skip },
  async () => {
    await using all = await stand();
    const [own = ""] = all.leaf.chain.split(/(?<=-----END CERTIFICATE-----\n)/);
    const alone = certificateOf({ chain: own, key: all.leaf.key });
    all.stapler.stapled([alone]);
    assert.match(all.stapler.troubleOf(alone.id)?.why ?? "", /who signed it is not in its chain/);
    assert.equal(all.said.questions, 0);
  },
);

test(
  "what is no good without an answer waits for it, and nothing else does",
  { skip },
  async () => {
    await using all = await stand({ mustStaple: true });
    await all.stapler.prepare([all.certificate]);
    assert.ok(all.shown()?.staple !== undefined);
    await all.stapler.prepare([all.certificate]);
    assert.equal(all.said.questions, 1);
    await using other = await stand();
    await other.stapler.prepare([other.certificate]);
    assert.equal(other.shown()?.staple, undefined, "it can be shown without");
  },
);

test("an answer that comes after the wait is shown when it comes", { skip }, async () => {
  await using all = await stand({ mustStaple: true });
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  all.said.until = gate;
  await all.stapler.prepare([all.certificate]);
  assert.equal(all.shown()?.staple, undefined, "it does not wait for ever");
  open();
  await all.told(1);
  assert.ok(all.shown()?.staple !== undefined);
});

test("what is shown keeps its answer while others are prepared in vain", { skip }, async () => {
  await using all = await stand({ mustStaple: true });
  await all.stapler.prepare([all.certificate]);
  const shown = all.shown();
  const { cert, key } = issued(["plain.test"]);
  await all.stapler.prepare([certificateOf({ chain: cert + issuer, key })]);
  assert.equal(all.shown(), shown);
});

test("it is asked again in time, and what was had is stapled until it ends", { skip }, async () => {
  await using all = await stand({ mustStaple: true });
  all.shown();
  await all.told(1);
  const first = all.shown()?.staple;
  all.later(1.01);
  assert.equal(all.shown()?.staple, first);
  await all.told(2);
  const second = all.shown()?.staple;
  assert.ok(second !== undefined && second !== first);
  all.refuse(500);
  all.later(1.01);
  all.shown();
  await all.told(3);
  assert.equal(all.shown()?.staple, second);
  assert.match(all.trouble()?.why ?? "", /^its OCSP answer cannot be renewed: .* status 500$/);
  assert.equal(all.trouble()?.isBad, false);
  // The answers are for four days, and begin when they are made.
  all.later(2.1);
  all.shown();
  await all.told(4);
  assert.equal(all.shown()?.staple, undefined);
  assert.equal(all.trouble()?.isBad, true);
  all.later(1);
  assert.equal(all.shown(), all.certificate, "it has run out itself");
  assert.equal(all.trouble(), undefined);
});
