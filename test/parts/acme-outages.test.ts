// A certificate is served and to be renewed, and its authority is away, hangs, refuses what it gave out itself, or moves: each
// is a state that operators see, the certificate serves on, and what comes back is used at once when somebody asks for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  certificateRows,
  runCertificates,
  servedBy,
  shownFor,
  startAcmeProgram,
} from "../harness/acme-program.ts";
import { eventually } from "../harness/barrier.ts";
import { type Asked, type Meddling, startMeddler } from "../harness/meddler.ts";
import { needs } from "../harness/needs.ts";
import { pebbleNeeds, startPebble } from "../harness/pebble.ts";
import type { Tidegate } from "../harness/tidegate.ts";

const ofPebble = /CN=Pebble Intermediate/;
const routes = { a: ["a.test"] };

const badNonce = {
  status: 400,
  headers: { "Content-Type": "application/problem+json" },
  body: JSON.stringify({ type: "urn:ietf:params:acme:error:badNonce", detail: "never heard of" }),
};

const isOrder = ({ path }: Asked) => path === "/order-plz";

const outages: readonly (readonly [what: string, says: RegExp, meddling: Meddling])[] = [
  ["breaks every connection off", /it broke off the connection/, { before: () => "cut" }],
  [
    "refuses every nonce",
    /refuses every nonce that it gives out/,
    { before: (it) => (it.method === "POST" ? badNonce : undefined) },
  ],
  [
    "gives out no nonces",
    /it gives out no nonces/,
    { after: (_, said) => void delete said.headers["replay-nonce"] },
  ],
  // Thirty seconds.
  ["never answers", /has not answered within 30 s; it hangs/, { before: () => "hang" }],
];

test(
  "whatever its authority does, a certificate serves on, and it is said why there is no other",
  { skip: needs(...pebbleNeeds), timeout: 150_000 },
  async (context) => {
    await using pebble = await startPebble();
    await using meddler = await startMeddler(pebble);
    const behind = { ...pebble, directory: meddler.directory, ca: meddler.ca };
    await using program = await startAcmeProgram(behind, { routes }, { workers: 1 });
    const { tidegate } = program;
    const port = tidegate.port("secure");
    const { serialNumber } = await servedBy(port, "a.test", ofPebble);
    for (const [what, says, meddling] of outages) {
      await context.test(`one that ${what}`, async () => {
        meddler.meddle(meddling);
        await runCertificates(tidegate, ["renew", "a.test"]);
        const row = await rowWith(tidegate, says, 45_000);
        assert.match(row.why, /it is to be renewed: it is tried again at 20/);
        assert.equal(row.state, "ok");
        assert.equal((await shownFor(port, "a.test")).serialNumber, serialNumber);
      });
    }
    await context.test("one that changes its directory in the middle of an order", async () => {
      let hasMoved = false;
      meddler.meddle({
        before(asked) {
          // As soon as an order is there, nothing of before is.
          if (asked.path.startsWith("/authZ/")) hasMoved = true;
          const isGone = hasMoved && (asked.path === "/nonce-plz" || isOrder(asked));
          return isGone ? { status: 404, headers: {}, body: "" } : undefined;
        },
        whither: ({ path }) => path.replace("/moved", ""),
        after({ path }, said) {
          if (!hasMoved) return;
          if (path === "/dir") {
            said.body = said.body.replace(/\/(?=nonce-plz|order-plz)/g, "/moved/");
          }
          // Others have to be had where they are now.
          if (path !== "/moved/nonce-plz") delete said.headers["replay-nonce"];
        },
      });
      await runCertificates(tidegate, ["renew", "a.test"]);
      await eventually("another certificate", async () => {
        const shown = await shownFor(port, "a.test");
        return shown.serialNumber !== serialNumber || undefined;
      });
      assert.ok(hasMoved);
      assert.ok(meddler.asked.some(({ path }) => path === "/moved/nonce-plz"));
    });
  },
);

function rowWith(tidegate: Tidegate, pattern: RegExp, ms = 20_000) {
  return eventually(
    `a row like ${pattern}`,
    async () => (await certificateRows(tidegate)).find(({ why }) => pattern.test(why)),
    ms,
  );
}
