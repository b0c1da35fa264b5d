// A program whose authority is not as it should be, or knows more than pebble does: somebody stands between. Whatever is wrong is a
// state that operators see, what served before serves on, and nobody is asked more often than they want.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  type AcmeProgram,
  acmeConfig,
  certificateRows,
  runCertificates,
  servedBy,
  shownFor,
  startAcmeProgram,
} from "../harness/acme-program.ts";
import { eventually } from "../harness/barrier.ts";
import { controlOf } from "../harness/control.ts";
import { type Asked, type Meddler, startMeddler } from "../harness/meddler.ts";
import { needs } from "../harness/needs.ts";
import { type Pebble, pebbleNeeds, startPebble } from "../harness/pebble.ts";
import { postReceiver } from "../harness/post-receiver.ts";
import type { Tidegate } from "../harness/tidegate.ts";
import { issueCertificate, newAuthority } from "../../src/x509/issue-certificate.ts";
import { newKey } from "../../src/x509/signed.ts";

const bounded = { skip: needs(...pebbleNeeds), timeout: 90_000 };
const ofPebble = /CN=Pebble Intermediate/;
const routes = { a: ["a.test"] };

const tooMany = {
  status: 429,
  headers: { "Content-Type": "application/problem+json", "Retry-After": "7200" },
  body: JSON.stringify({
    type: "urn:ietf:params:acme:error:rateLimited",
    detail: "too many orders this week",
  }),
};

interface Stand extends AsyncDisposable {
  readonly pebble: Pebble;
  readonly meddler: Meddler;
  /** The authority, as the program knows it. */
  readonly behind: Pebble;
}

async function startStand(options: Parameters<typeof startPebble>[0] = {}): Promise<Stand> {
  await using stack = new AsyncDisposableStack();
  const pebble = stack.use(await startPebble(options));
  const meddler = stack.use(await startMeddler(pebble));
  const behind = { ...pebble, directory: meddler.directory, ca: meddler.ca };
  const held = stack.move();
  return { pebble, meddler, behind, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const ordersIn = (asked: readonly Asked[]) => asked.filter(({ path }) => path === "/order-plz");

function rowWith(tidegate: Tidegate, pattern: RegExp) {
  return eventually(`a row like ${pattern}`, async () =>
    (await certificateRows(tidegate)).find(({ why }) => pattern.test(why)),
  );
}

async function serial({ tidegate }: AcmeProgram, name = "a.test"): Promise<string> {
  return (await shownFor(tidegate.port("secure"), name)).serialNumber;
}

/** Has the authority tell of renewal windows that are this many days away. */
function meddleWindows(meddler: Meddler, daysFor: (id: string) => number): void {
  const iso = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
  meddler.meddle({
    before({ path }) {
      if (!path.startsWith("/ari/")) return undefined;
      const days = daysFor(path.slice("/ari/".length));
      const body = JSON.stringify({ suggestedWindow: { start: iso(days), end: iso(days + 1) } });
      return { status: 200, headers: { "Retry-After": "21600" }, body };
    },
    after({ path }, said) {
      if (path !== "/dir") return;
      const directory = JSON.parse(said.body) as Record<string, unknown>;
      const renewalInfo = meddler.directory.replace("/dir", "/ari");
      said.body = JSON.stringify({ ...directory, renewalInfo });
    },
  });
}

test(
  "an authority that wants everything to be renewed at once is not obeyed for ever",
  bounded,
  async () => {
    await using stand = await startStand();
    meddleWindows(stand.meddler, () => -2);
    await using program = await startAcmeProgram(stand.behind, { routes });
    const row = await rowWith(program.tidegate, /it is tried again at .*renewed again and again/);
    assert.equal(row.state, "ok");
    const count = () => ordersIn(stand.meddler.asked).length;
    assert.equal(count(), 2);
    await pause(3000);
    assert.equal(count(), 2);
  },
);

test(
  "a certificate is renewed when its authority says so, in the place of the old one",
  bounded,
  async () => {
    await using stand = await startStand();
    const { meddler } = stand;
    const ids: string[] = [];
    meddleWindows(meddler, (id) => {
      if (!ids.includes(id)) ids.push(id);
      // The first one is about to be revoked.
      return id === ids[0] ? -2 : 30;
    });
    await using program = await startAcmeProgram(stand.behind, { routes });
    await servedBy(program.tidegate.port("secure"), "a.test", ofPebble);
    await eventually(
      "a second order",
      () => ordersIn(meddler.asked).length === 2 || undefined,
      20_000,
    );
    await eventually("the window of the second one", () => ids.length === 2 || undefined, 20_000);
    const [first, second] = ordersIn(meddler.asked).map(
      ({ payload }) => (payload as Record<string, unknown>)["replaces"],
    );
    assert.deepEqual([first, second], [undefined, ids[0]]);
    await eventually("one certificate", async () => {
      const rows = await certificateRows(program.tidegate);
      return (rows.length === 1 && rows[0]?.state === "ok") || undefined;
    });
    assert.equal(ordersIn(meddler.asked).length, 2);
  },
);

test("an authority's limit outlives restarts, and no person overrules it", bounded, async () => {
  await using stand = await startStand();
  const { meddler } = stand;
  meddler.meddle({ before: ({ path }) => (path === "/order-plz" ? tooMany : undefined) });
  await using program = await startAcmeProgram(stand.behind, { routes });
  const row = await rowWith(program.tidegate, /too many orders this week/);
  assert.equal(row.state, "waiting");
  const [, at = ""] = /tried again at (\S+),/.exec(row.why) ?? [];
  const wait = Date.parse(at) - Date.now();
  assert.ok(wait > 7_000_000 && wait <= 7_200_000, row.why);
  assert.equal((await program.tidegate.stop()).code, 0);
  await using again = await program.tidegate.startAgain();
  await rowWith(again, /too many orders this week/);
  assert.equal((await runCertificates(again, ["renew", "a.test"])).code, 0);
  await rowWith(again, /too many orders this week/);
  assert.equal(ordersIn(meddler.asked).length, 1);
});

test("when one authority wants no more, the next one is asked", bounded, async () => {
  await using stand = await startStand();
  stand.meddler.meddle({ before: ({ path }) => (path === "/order-plz" ? tooMany : undefined) });
  const authority = [
    { directory: stand.meddler.directory, ca: "{folder}/first.pem" },
    { directory: stand.pebble.directory, ca: "{folder}/ca.pem" },
  ];
  await using program = await startAcmeProgram(
    stand.pebble,
    { routes, acme: { authority } },
    { files: { "first.pem": stand.meddler.ca } },
  );
  await servedBy(program.tidegate.port("secure"), "a.test", ofPebble);
  const [row] = await certificateRows(program.tidegate);
  assert.equal(row?.source, `acme ${new URL(stand.pebble.directory).host}`);
  assert.equal(ordersIn(stand.meddler.asked).length, 1);
});

test("what would have to be renewed at once is not ordered again and again", bounded, async () => {
  // As with a clock that is years ahead: whatever is made is over.
  await using stand = await startStand({ validity: 3 });
  await using program = await startAcmeProgram(stand.behind, { routes });
  const row = await rowWith(program.tidegate, /is the clock of this machine right\?/);
  assert.match(row.why, /it is to be renewed: it is tried again at /);
  await pause(8000);
  assert.equal(ordersIn(stand.meddler.asked).length, 1);
});

test("an authority that lies changes nothing: what served before serves on", bounded, async () => {
  await using stand = await startStand();
  const { meddler } = stand;
  await using program = await startAcmeProgram(stand.behind, { routes });
  const { tidegate } = program;
  await servedBy(tidegate.port("secure"), "a.test", ofPebble);
  const before = await serial(program);
  const root = newAuthority({ name: "x", days: 1 });
  meddler.meddle({
    after({ path }, said) {
      if (!path.startsWith("/certZ/")) return;
      said.body = issueCertificate(root, { names: ["a.test"], key: newKey(), days: 1 });
    },
  });
  await runCertificates(tidegate, ["renew", "a.test"]);
  const row = await rowWith(tidegate, /it is to be renewed: it is tried again at .*another key/);
  assert.equal(row.state, "ok");
  assert.equal(await serial(program), before);
  // What it has made meanwhile is fetched, and not ordered again.
  meddler.meddle({});
  const orders = ordersIn(meddler.asked).length;
  await runCertificates(tidegate, ["renew", "a.test"]);
  await eventually("another one", async () => (await serial(program)) !== before || undefined);
  assert.equal(ordersIn(meddler.asked).length, orders);
});

test(
  "a name that leads elsewhere is named, the one beside it served, and somebody told until it is mended",
  bounded,
  async () => {
    await using pebble = await startPebble();
    await using receiver = await postReceiver();
    await pebble.dns("set-servfail", { host: "b.test." });
    const more = { alerts: { webhook: { url: `${receiver.origin}/hook` }, group: "1s" } };
    const wishes = { routes: { ...routes, b: ["b.test", "beside.test"] }, more };
    await using program = await startAcmeProgram(pebble, wishes);
    const { tidegate } = program;
    const row = await rowWith(tidegate, /does not certify b\.test/);
    assert.equal(row.state, "waiting");
    assert.deepEqual(row.names, ["b.test"]);
    const shown = await runCertificates(tidegate, []);
    assert.equal(shown.code, 1);
    assert.match(shown.stdout, /b\.test +waiting/);
    const told = (pattern: RegExp) =>
      eventually(
        `to be told ${pattern}`,
        () => receiver.posts.some(({ body }) => pattern.test(body)) || undefined,
        30_000,
      );
    await told(/the certificate for b\.test could not be had/);
    await servedBy(tidegate.port("secure"), "a.test", ofPebble);
    const beside = await servedBy(tidegate.port("secure"), "beside.test", ofPebble);
    assert.equal(beside.subjectAltName, "DNS:beside.test");
    await pebble.dns("clear-servfail", { host: "b.test." });
    await runCertificates(tidegate, ["renew", "b.test"]);
    await servedBy(tidegate.port("secure"), "b.test", ofPebble);
    await told(/over: the certificate for b\.test could not be had/);
  },
);

test("whoever goes over to another authority gets its certificates", bounded, async () => {
  await using stand = await startStand();
  await using program = await startAcmeProgram(stand.pebble, { routes });
  const { tidegate, folder } = program;
  await servedBy(tidegate.port("secure"), "a.test", ofPebble);
  const before = await serial(program);
  const [row] = await certificateRows(tidegate);
  await writeFile(folder.file("meddler.pem"), stand.meddler.ca);
  const authority = { directory: stand.meddler.directory, ca: "{folder}/meddler.pem" };
  await tidegate.writeConfig(acmeConfig(stand.pebble, folder, { routes, acme: { authority } }));
  tidegate.signal("SIGHUP");
  await eventually("another one", async () => (await serial(program)) !== before || undefined);
  await eventually("the old one to go", async () => {
    const rows = await certificateRows(tidegate);
    return (rows.length === 1 && rows[0]?.source !== row?.source) || undefined;
  });
});

test("a successor goes on with an order that was begun before it", bounded, async () => {
  await using stand = await startStand();
  const { meddler } = stand;
  let isHung = false;
  meddler.meddle({
    before({ path }) {
      if (isHung || !path.startsWith("/finalize-order/")) return undefined;
      isHung = true;
      return "hang";
    },
  });
  await using program = await startAcmeProgram(stand.behind, { routes }, { workers: 1 });
  const { tidegate } = program;
  await eventually("the order to hang", () => isHung || undefined, 20_000);
  assert.ok((await controlOf(tidegate.control).order("upgrade")).ok);
  await servedBy(tidegate.port("secure"), "a.test", ofPebble);
  assert.equal(ordersIn(meddler.asked).length, 1);
});

test(
  "a name that no route names gets one when a client asks for it, if it may",
  bounded,
  async () => {
    await using pebble = await startPebble();
    await using receiver = await postReceiver();
    receiver.answer = (response, { target }) => {
      response.statusCode = target.includes("domain=yes.customers.test") ? 200 : 403;
      response.end();
    };
    const acme = { onDemand: { hosts: "*.customers.test", ask: `${receiver.origin}/may?key=1` } };
    await using program = await startAcmeProgram(pebble, { routes: {}, acme }, { workers: 2 });
    const port = program.tidegate.port("secure");
    for (const name of ["no.customers.test", "yes.elsewhere.test", "yes.customers.test"]) {
      const { issuer } = await shownFor(port, name);
      assert.match(issuer, /no certificate for this name/);
    }
    await servedBy(port, "yes.customers.test", ofPebble);
    const rows = await certificateRows(program.tidegate);
    assert.deepEqual(
      rows.map(({ names }) => names),
      [["yes.customers.test"]],
    );
    const asked = receiver.posts.map(({ target }) => target);
    assert.equal(asked.filter((each) => each.includes("no.customers.test")).length, 1);
    assert.ok(!asked.some((each) => each.includes("elsewhere")));
  },
);
