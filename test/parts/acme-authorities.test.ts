// Authorities as they should not be, and as pebble is not yet: a real pebble with somebody between who changes what
// it says. Each ends in a named refusal that says what is wrong, and what got lost on the way is found again.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { clientOf, finish, obtain, type Proving, refusalOf } from "../harness/acme-client.ts";
import { answerHttp } from "../harness/challenges.ts";
import { type Asked, type Said, startMeddler } from "../harness/meddler.ts";
import { needs } from "../harness/needs.ts";
import { pebbleNeeds, startPebble } from "../harness/pebble.ts";
import { certificateRequest } from "../../src/x509/certificate-request.ts";
import { issueCertificate, newAuthority } from "../../src/x509/issue-certificate.ts";
import { newKey } from "../../src/x509/signed.ts";

const skip = needs(...pebbleNeeds);
const problem = (status: number, type: string, more: object = {}): Said => ({
  status,
  headers: { "Content-Type": "application/problem+json" },
  body: JSON.stringify({
    type: `urn:ietf:params:acme:error:${type}`,
    detail: "it says so",
    ...more,
  }),
});
const asksFor = ({ path }: Asked, what: string) => path.includes(what);

/** Changes fields of the JSON that it says. */
function edit(said: Said, change: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(said.body) as Record<string, unknown>;
  change(json);
  said.body = JSON.stringify(json);
}

test(
  "authorities that are not as they should be",
  { skip, timeout: 120_000 },
  async (context: TestContext) => {
    const { signal } = context;
    await using pebble = await startPebble();
    await using http = await answerHttp(pebble.httpPort);
    await using meddler = await startMeddler(pebble);
    const { client } = clientOf(meddler);
    const { orders } = client;
    const show: Proving["show"] = (_, token) =>
      void http.answers.set(token, client.keyAuthorization(token));
    const proving: Proving = { kind: "http-01", show, signal };
    const names = ["a.test"];
    await client.account(signal);

    const lies: readonly { what: string; says: RegExp; lie: (asked: Asked, said: Said) => void }[] =
      [
        {
          what: "an order in a state that there is not",
          says: /Pebble: its order is in no state that there is/,
          lie: (asked, said) =>
            void (asksFor(asked, "order-plz") && edit(said, (json) => (json["status"] = "great"))),
        },
        {
          what: "an order for other names",
          says: /its order is for b\.test, and not for a\.test/,
          lie: (asked, said) =>
            void (
              asksFor(asked, "order-plz") &&
              edit(said, (json) => (json["identifiers"] = [{ type: "dns", value: "b.test" }]))
            ),
        },
        {
          what: "an order without an address",
          says: /names no address of our order/,
          lie: (asked, said) =>
            void (asksFor(asked, "order-plz") && delete said.headers["location"]),
        },
        {
          what: "addresses in plain text",
          says: /its finalize is no address of https that can be asked/,
          lie: (asked, said) =>
            void (
              asksFor(asked, "order-plz") &&
              edit(said, (json) => (json["finalize"] = "http://127.0.0.1/f"))
            ),
        },
        {
          what: "a token that is a path",
          says: /the token of its [a-z-]+-01 challenge is none/,
          lie: (asked, said) => {
            if (asksFor(asked, "authZ"))
              said.body = said.body.replaceAll(/"token": *"/g, '"token": "../');
          },
        },
        {
          what: "proof for somebody else's name",
          says: /it wants proof for evil\.test, which is not in the order/,
          lie: (asked, said) => {
            if (asksFor(asked, "authZ")) said.body = said.body.replaceAll("a.test", "evil.test");
          },
        },
        {
          what: "an order that is done without a certificate",
          says: /its order is done, without a certificate/,
          lie: (asked, said) =>
            void (asksFor(asked, "my-order") && edit(said, (json) => (json["status"] = "valid"))),
        },
        {
          what: "a certificate for another key",
          says: /the certificate that it sends belongs to another key/,
          lie: (asked, said) => {
            const root = newAuthority({ name: "x", days: 1 });
            const foreign = () => issueCertificate(root, { names, key: newKey(), days: 1 });
            if (asksFor(asked, "certZ")) said.body = foreign();
          },
        },
        {
          what: "no certificate at all",
          says: /what it sends as a certificate is none/,
          lie: (asked, said) => void (asksFor(asked, "certZ") && (said.body = "<html>")),
        },
        {
          what: "a page for humans",
          says: /it answers with no JSON of ACME/,
          lie: (asked, said) => void (asksFor(asked, "order-plz") && (said.body = "<html>")),
        },
        {
          what: "another address to go to",
          says: /it sends us elsewhere \(302\), which ACME does not know; see t\.yaml:1/,
          lie: (asked, said) => {
            if (!asksFor(asked, "order-plz")) return;
            said.status = 302;
            said.headers["location"] = "http://127.0.0.1:1/";
          },
        },
        {
          what: "more than anybody wants to read",
          says: /answered with more than 1MiB/,
          lie: (asked, said) =>
            void (asksFor(asked, "order-plz") && (said.body = " ".repeat(2 ** 21))),
        },
      ];
    for (const { what, says, lie } of lies) {
      await context.test(`${what} is not believed`, async () => {
        meddler.meddle({ after: lie });
        const { kind, message } = await refusalOf(obtain(client, names, proving));
        assert.match(message, says);
        assert.equal(kind, "malformed", message);
        assert.match(message, /Pebble/);
      });
    }

    await context.test("a storm of nonces that are all refused ends", async () => {
      meddler.meddle({
        before: ({ method }) => (method === "POST" ? problem(400, "badNonce") : undefined),
      });
      const before = meddler.asked.length;
      const { kind, message } = await refusalOf(orders.place(names, {}, signal));
      assert.equal(kind, "unreachable");
      assert.match(message, /refuses every nonce that it gives out/);
      assert.ok(meddler.asked.length - before <= 60, String(meddler.asked.length - before));
    });

    await context.test("one that gives out no nonces is named", async () => {
      meddler.meddle({ after: (_, said) => void delete said.headers["replay-nonce"] });
      const { client: other } = clientOf(meddler);
      const { kind, message } = await refusalOf(other.account(signal));
      assert.equal(kind, "malformed");
      assert.match(message, /gives out no nonces/);
    });

    await context.test("rate limits say until when, within reason", async () => {
      const rows: readonly [retry: string | undefined, least: number, most: number][] = [
        ["120", 110_000, 120_000],
        [new Date(Date.now() + 3_600_000).toUTCString(), 3_500_000, 3_600_000],
        [undefined, 3_590_000, 3_600_000],
        ["99999999999", 3_590_000, 3_600_000],
        ["999999999", 8 * 86_400_000 - 10_000, 8 * 86_400_000],
      ];
      for (const [retry, least, most] of rows) {
        const limited = problem(429, "rateLimited");
        if (retry !== undefined) limited.headers["Retry-After"] = retry;
        meddler.meddle({ before: (asked) => (asksFor(asked, "order-plz") ? limited : undefined) });
        const { kind, retryAt = 0, message } = await refusalOf(orders.place(names, {}, signal));
        assert.equal(kind, "rateLimited");
        const wait = retryAt - Date.now();
        assert.ok(wait > least && wait <= most, `${retry}: ${wait}`);
        assert.match(
          message,
          /^Pebble wants fewer orders \(429 it says so\); it is asked again at 20/,
        );
      }
    });

    await context.test("names that it does not want are named, each with its reason", async () => {
      const subproblems = ["b.test", "c.test"].map((value) => ({
        type: "urn:ietf:params:acme:error:caa",
        detail: `CAA of ${value}\nforbids`,
        identifier: { type: "dns", value },
      }));
      const refusal = problem(403, "rejectedIdentifier", { subproblems });
      meddler.meddle({ before: (asked) => (asksFor(asked, "order-plz") ? refusal : undefined) });
      const { kind, failures, message } = await refusalOf(orders.place(names, {}, signal));
      assert.equal(kind, "rejected");
      assert.deepEqual(
        failures.map(({ name }) => name),
        ["b.test", "c.test"],
      );
      assert.match(message, /b\.test: CAA of b\.test forbids \(the CAA record of the name/);
    });

    await context.test(
      "whoever is out of order for a moment is waited for while it works on an order",
      async () => {
        let faults = 0;
        meddler.meddle({
          before(asked) {
            if (!asksFor(asked, "my-order") || faults === 2) return undefined;
            faults += 1;
            return faults === 1 ? "cut" : problem(500, "serverInternal");
          },
        });
        await obtain(client, names, proving);
        assert.equal(faults, 2);
        meddler.meddle({
          before: (asked) =>
            asksFor(asked, "order-plz") ? problem(500, "serverInternal") : undefined,
        });
        const { kind, message } = await refusalOf(orders.place(names, {}, signal));
        assert.equal(kind, "unreachable");
        assert.match(message, /out of order \(500 it says so\)/);
      },
    );

    await context.test(
      "an answer to the request for the certificate that got lost does no harm",
      async () => {
        let lost = 0;
        meddler.meddle({
          after(asked) {
            if (!asksFor(asked, "finalize") || lost > 0) return undefined;
            lost += 1;
            return "cut";
          },
        });
        const order = await orders.place(names, {}, signal);
        const { kind } = await refusalOf(finish(orders, order, proving));
        assert.equal(kind, "unreachable");
        const found = await orders.resume(order.url, names, signal);
        assert.ok(["processing", "valid"].includes(found.status), found.status);
        const again = certificateRequest({ key: newKey(), names });
        assert.equal((await orders.finalize(found, again, signal)).status, "valid");
      },
    );

    await context.test(
      "an order that it gives up is of no use any more, and it says why",
      async () => {
        const order = await orders.place(names, {}, signal);
        meddler.meddle({
          after: (asked, said) =>
            void (
              asksFor(asked, "my-order") &&
              edit(said, (json) => {
                json["status"] = "invalid";
                json["error"] = {
                  type: "urn:ietf:params:acme:error:serverInternal",
                  detail: "a bad day",
                };
              })
            ),
        });
        const { kind, message } = await refusalOf(orders.resume(order.url, names, signal));
        assert.equal(kind, "order");
        assert.match(message, /given up the order of a\.test: a bad day/);
      },
    );

    await context.test(
      "a directory that changes in the middle of an order is read again",
      async () => {
        meddler.meddle({});
        const order = await orders.place(names, {}, signal);
        let isMoved = false;
        meddler.meddle({
          before(asked) {
            // What was there before is gone.
            return asksFor(asked, "order-plz") || asksFor(asked, "nonce-plz")
              ? { status: 404, headers: {}, body: "" }
              : undefined;
          },
          after(asked, said) {
            if (!asksFor(asked, "/dir")) return;
            isMoved = true;
            said.body = said.body
              .replaceAll("order-plz", "moved-order")
              .replaceAll("nonce-plz", "moved-nonce");
          },
        });
        // The real one does not know the new addresses: that they are asked is what counts.
        const { status } = await refusalOf(orders.place(names, {}, signal));
        assert.equal(status, 404);
        assert.ok(isMoved);
        assert.ok(meddler.asked.some((asked) => asksFor(asked, "moved-")));
        meddler.meddle({});
        const { orders: anew } = clientOf(meddler).client;
        assert.equal((await refusalOf(anew.resume(order.url, names, signal))).kind, "order");
      },
    );

    await context.test("profiles are asked for where there are some", async () => {
      const { client: other } = clientOf(meddler);
      const ordered = () => meddler.asked.findLast((asked) => asksFor(asked, "order-plz"))?.payload;
      meddler.meddle({});
      await other.orders.place(names, { profile: "short" }, signal);
      assert.deepEqual(ordered(), { identifiers: [{ type: "dns", value: "a.test" }] });
      const profiles = { short: "six days", classic: "90 days" };
      meddler.meddle({
        after: (asked, said) =>
          void (asksFor(asked, "/dir") && edit(said, (json) => (json["meta"] = { profiles }))),
      });
      const { client: knowing } = clientOf(meddler);
      await knowing.orders.place(names, { profile: "short" }, signal);
      assert.deepEqual(ordered(), {
        identifiers: [{ type: "dns", value: "a.test" }],
        profile: "short",
      });
      const { kind, message } = await refusalOf(
        knowing.orders.place(names, { profile: "long" }, signal),
      );
      assert.equal(kind, "refused");
      assert.match(message, /has no profile long; it has short, classic/);
    });

    await context.test(
      "a certificate that was replaced already is ordered as another one",
      async () => {
        meddler.meddle({
          before: (asked) =>
            asksFor(asked, "order-plz") && Object.hasOwn(Object(asked.payload), "replaces")
              ? problem(409, "alreadyReplaced")
              : undefined,
        });
        const { status } = await orders.place(names, { replaces: "abc.def" }, signal);
        assert.equal(status, "pending");
        const [first, second] = meddler.asked
          .filter((asked) => asksFor(asked, "order-plz"))
          .slice(-2);
        assert.equal(Reflect.get(Object(first?.payload), "replaces"), "abc.def");
        assert.ok(!Object.hasOwn(Object(second?.payload), "replaces"));
      },
    );

    await context.test("renewal windows are asked for without an account", async () => {
      meddler.meddle({});
      assert.equal(await clientOf(meddler).client.renewalInfo("abc.def", signal), undefined);
      const start = "2026-12-01T00:00:00Z";
      const end = "2026-12-03T00:00:00Z";
      const answer = { suggestedWindow: { start, end }, explanationURL: "https://pebble.test/why" };
      meddler.meddle({
        before: (asked) =>
          asked.path === "/renew/abc.def"
            ? { status: 200, headers: { "Retry-After": "7200" }, body: JSON.stringify(answer) }
            : undefined,
        after: (asked, said) =>
          void (
            asksFor(asked, "/dir") &&
            edit(said, (json) => (json["renewalInfo"] = new URL("/renew", meddler.directory).href))
          ),
      });
      const { client: other } = clientOf(meddler);
      const info = await other.renewalInfo("abc.def", signal);
      assert.equal(info?.start, Date.parse(start));
      assert.equal(info.end, Date.parse(end));
      assert.equal(info.explanation, "https://pebble.test/why");
      const wait = info.askAgainAt - Date.now();
      assert.ok(wait > 7_190_000 && wait <= 7_200_000);
      assert.equal((await refusalOf(other.renewalInfo("no.such", signal))).status, 404);
    });
  },
);

test(
  "an address that is no authority is said to be none",
  { timeout: 20_000 },
  async ({ signal }) => {
    const server = createServer((request, response) => {
      if (request.url === "/list") response.end("[]");
      else if (request.url === "/empty") response.end("{}");
      else response.writeHead(404).end("<html>");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const rows: readonly [path: string, kind: string, says: RegExp][] = [
        ["/list", "malformed", /no JSON of ACME; is the address of its directory right\?/],
        ["/empty", "malformed", /its newNonce is no address that can be asked/],
        ["/gone", "malformed", /there is no directory at its address \(404\); see t\.yaml:1/],
      ];
      for (const [path, kind, says] of rows) {
        const { client } = clientOf({ directory: base + path, ca: "" });
        const error = await refusalOf(client.account(signal));
        assert.equal(error.kind, kind);
        assert.match(error.message, says);
      }
    } finally {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    }
  },
);
