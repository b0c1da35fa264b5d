import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { issued } from "../../test/harness/issued.ts";
import { MemoryShelf } from "../../test/harness/memory-shelf.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { CertificateOrders, type OrderingWish } from "./certificate-orders.ts";
import { acmeLimits as limits } from "../config/acme-limits.ts";
import { listAt, textAt } from "../lib/json.ts";
import type { Log } from "../lib/log.ts";
import type { AskedBy } from "./plan.ts";
import { Proofs } from "./proofs.ts";
import { FileShelf, type Shelf } from "./shelf.ts";
import { authorityId, Vault } from "./vault.ts";

const ignore = () => {};
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

const nobody: OrderingWish = {
  settings: {
    isSaid: true,
    ...{ contact: [], authorities: [], challenges: ["http-01"], dns: undefined },
    ...{ keyType: "ec", onDemand: undefined },
  },
  ...{ auto: [], internal: [], challenges: ["http-01"], isServed: () => false },
};

function ordersOn(shelf: Shelf, told: Log = log): CertificateOrders {
  return new CertificateOrders({
    ...{ log: told, vault: new Vault(shelf), proofs: new Proofs(() => Promise.resolve()) },
    ...{ notOurs: () => undefined, onChange: ignore },
  });
}

function wantedBy(by: AskedBy, count: number) {
  return Array.from({ length: count }, (_, at) => ({
    route: `${by}${at}`,
    hosts: [`${by}${at}.test`],
    by,
  }));
}

function namesIn(jws: unknown): string[] {
  const text = Buffer.from(textAt(jws, "payload"), "base64url").toString();
  return listAt(JSON.parse(text), "identifiers").map((each) => textAt(each, "value"));
}

/** Says no to orders, or nothing at all. */
async function startAuthority(
  onOrder: (
    refuse: (names?: readonly string[], more?: { type?: string; detail?: string }) => void,
    names: string[],
  ) => void,
) {
  const server = createServer((request, response) => {
    const base = `http://${request.headers.host}`;
    const said = (status: number, value: unknown) => {
      response.statusCode = status;
      response.setHeader("Replay-Nonce", "abc");
      response.setHeader("Location", `${base}/account/1`);
      response.end(JSON.stringify(value));
    };
    const services = ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"];
    const refuse = (
      names: readonly string[] = [],
      { type = "rejectedIdentifier", detail = "not you" } = {},
    ) => {
      const problem = { type: `urn:ietf:params:acme:error:${type}`, detail };
      const subproblems = names.map((value) => ({ ...problem, identifier: { value } }));
      said(403, { ...problem, subproblems });
    };
    if (request.url === "/dir") {
      said(200, Object.fromEntries(services.map((each) => [each, `${base}/${each}`])));
    } else if (request.url === "/newOrder") {
      void json(request).then((jws) => onOrder(refuse, namesIn(jws)));
    } else said(200, { status: "valid" });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const directory = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/dir`;
  const authority = {
    ...{ directory, who: "the authority", place: "t.yaml:1:1", ca: undefined },
    ...{ binding: undefined, profile: undefined, preferredChain: undefined },
  };
  return {
    settings: { ...nobody.settings, authorities: [authority] },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

test("labels that never come to an end leave room for what operators want", async () => {
  let asked = 0;
  await using authority = await startAuthority(() => asked++);
  await using orders = ordersOn(new MemoryShelf());
  const wish = { ...nobody, settings: authority.settings };
  const strangers = [...wantedBy("label", 10), ...wantedBy("client", 10)];
  orders.update({ ...wish, auto: strangers });
  await eventually("some of them", () => (asked >= limits.ordersOfOthers ? true : undefined));
  orders.update({ ...wish, auto: [...wantedBy("operator", 1), ...strangers] });
  await eventually("another one", () => (asked > limits.ordersOfOthers ? true : undefined));
  const under = orders.states().filter(({ why }) => why.startsWith("orders it from"));
  assert.deepEqual(
    under.map(({ route }) => route),
    ["operator0", "label0", "label1", "label2"],
  );
});

test("labels get so many first certificates in a while, and operators theirs all the same", async () => {
  const asked: number[] = [];
  await using authority = await startAuthority((answer) => {
    asked.push(1);
    answer();
  });
  await using orders = ordersOn(new MemoryShelf());
  const { count } = limits.firstsOfLabels;
  const wish = { ...nobody, settings: authority.settings };
  const labels = wantedBy("label", count + 5);
  orders.update({ ...wish, auto: labels });
  const refused = () => orders.states().filter(({ state }) => state === "waiting").length;
  await eventually("the ration", () => (refused() === count ? true : undefined), 20_000);
  orders.update({ ...wish, auto: [...wantedBy("operator", 3), ...labels] });
  await eventually("those of operators", () => (refused() === count + 3 ? true : undefined));
  assert.equal(asked.length, count + 3);
  const last = orders.states().at(-1);
  assert.equal(last?.state, "ordering");
  assert.match(last.why, /^labels get at most 200 first certificates in 3 hours, .* in 180 min$/);
});

test("a name that is refused keeps those beside it waiting for nothing, also after a restart", async () => {
  const asked: string[][] = [];
  await using authority = await startAuthority((answer, names) => {
    asked.push(names);
    // What is not refused is on its way for ever.
    if (names.includes("bad.test")) answer(["bad.test", "stranger.test"]);
  });
  const shelf = new MemoryShelf();
  const hosts = ["a.test", "b.test", "bad.test"];
  const wish = { ...nobody, settings: authority.settings };
  const auto = [{ route: "r", hosts, by: "operator" }] as const;
  const shown = (orders: CertificateOrders) =>
    orders.states().map(({ names, state }) => `${names.join(" ")}: ${state}`);
  {
    await using orders = ordersOn(shelf);
    orders.update({ ...wish, auto });
    await eventually("the others", () => (asked.length === 2 ? true : undefined));
    assert.deepEqual(shown(orders), ["a.test b.test: ordering", "bad.test: waiting"]);
    assert.match(orders.states()[1]?.why ?? "", /because .*bad\.test: not you/);
  }
  await using again = ordersOn(shelf);
  again.update({ ...wish, auto });
  await eventually("the others again", () => (asked.length === 3 ? true : undefined));
  assert.deepEqual(asked, [hosts, ["a.test", "b.test"], ["a.test", "b.test"]]);
  assert.deepEqual(shown(again), ["a.test b.test: ordering", "bad.test: waiting"]);
  // Refused alone it is as it was.
  again.renew("bad.test");
  await eventually("another try", () => (asked.length === 4 ? true : undefined));
  await eventually("the refusal", () =>
    again.states()[1]?.state === "waiting" ? true : undefined,
  );
  assert.deepEqual(asked[3], ["bad.test"]);
});

test("of one that names the only bad name in its words alone, those beside it are had all the same", async () => {
  for (const type of ["rejectedIdentifier", "malformed"]) {
    const asked: string[][] = [];
    await using authority = await startAuthority((answer, names) => {
      asked.push(names);
      // As Let's Encrypt does.
      const detail = 'Invalid identifiers requested :: Cannot issue for "a.lan": it is not public';
      if (names.includes("a.lan")) answer([], { type, detail });
    });
    await using orders = ordersOn(new MemoryShelf());
    const hosts = ["a.lan", "a.test", "lan"];
    orders.update({
      ...{ ...nobody, settings: authority.settings },
      auto: [{ route: "r", hosts, by: "operator" }],
    });
    await eventually("the others", () => (asked.length === 2 ? true : undefined));
    assert.deepEqual(asked[1], ["a.test", "lan"], type);
    const [, waiting] = orders.states();
    assert.deepEqual([waiting?.names, waiting?.state], [["a.lan"], "waiting"], type);
    assert.match(waiting?.why ?? "", /Cannot issue for "a\.lan": it is not public/);
  }
});

test("what an authority as a whole failed at is counted also while nobody waits for it", async () => {
  let asked = 0;
  await using authority = await startAuthority(() => asked++);
  const [second] = authority.settings.authorities;
  assert.ok(second !== undefined);
  const first = { ...second, directory: "http://127.0.0.1:1/dir" };
  const shelf = new MemoryShelf();
  const wait = { at: Date.now() - 70_000, wait: 60_000, isLimit: false, why: "", refused: [] };
  const failures = limits.failures - 1;
  const waits = new Map([[first.directory, { ...wait, failures }]]);
  await new Vault(shelf).keepWaits(authorityId(first.directory), waits);
  await using orders = ordersOn(shelf);
  const settings = { ...authority.settings, authorities: [first, second] };
  orders.update({ ...nobody, auto: wantedBy("operator", 1), settings });
  await eventually("the next one to be asked", () => (asked > 0 ? true : undefined));
});

test("whoever goes over to another authority is not told that it renews without end", async () => {
  const shelf = new MemoryShelf();
  const names = ["operator0.test"];
  const { cert, key } = issued(names);
  const tests = "https://staging.test/dir";
  await new Vault(shelf).keepCertificate(tests, { chain: cert, key, names });
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  await using orders = ordersOn(shelf, { ...log, warn });
  orders.update({ ...nobody, internal: wantedBy("operator", 1) });
  await eventually("another one", () => {
    const isAlone = orders.kept.length === 1 && orders.kept[0]?.directory === "internal";
    return isAlone ? true : undefined;
  });
  assert.deepEqual(
    warnings.filter((each) => !each.startsWith("an authority of our own")),
    [],
  );
});

test("an old certificate that cannot be removed says nothing against the new one", async () => {
  const shelf = new MemoryShelf();
  await using orders = ordersOn(shelf);
  orders.update({ ...nobody, internal: wantedBy("operator", 1) });
  const count = (most: number) => () => (orders.certificates.length === most ? true : undefined);
  await eventually("the first one", count(1));
  shelf.remove = () => Promise.reject(new Error("the disk can only be read"));
  orders.renew("operator0.test");
  await eventually("the second one", count(2));
  await eventually("the end", () => (orders.states()[0]?.state === "well" ? true : undefined));
  assert.equal(orders.states()[0]?.failures, 0);
});

test("whoever changes the settings may have mended them, and a reload of the same has not", async () => {
  let asked = 0;
  await using authority = await startAuthority((refuse) => {
    asked++;
    refuse();
  });
  await using orders = ordersOn(new MemoryShelf());
  const { settings } = authority;
  const wish = { ...nobody, auto: wantedBy("operator", 1), settings };
  orders.update(wish);
  const refused = () => (orders.states()[0]?.state === "waiting" ? true : undefined);
  await eventually("the refusal", refused);
  orders.update({ ...wish, settings: { ...settings } });
  assert.ok(refused(), "the same is asked again");
  orders.update({ ...wish, settings: { ...settings, contact: ["mailto:you@example.test"] } });
  await eventually("another question", () => (asked === 2 ? true : undefined));
});

test("a person who wants another certificate is told when nobody is asked for it yet", async () => {
  await using authority = await startAuthority((refuse) => refuse());
  await using orders = ordersOn(new MemoryShelf());
  const star = { route: "r", hosts: ["*.a.test"], by: "operator" } as const;
  orders.update({ ...nobody, auto: [star], settings: authority.settings });
  assert.match(
    orders.renew("*.a.test") ?? "",
    /^a certificate for \*\.a\.test is ordered as soon as it can be: .* set tls\.acme\.dns$/,
  );
  assert.equal(orders.renew("b.test"), undefined);
});

test("certificates of our own that are made at the same time have one root", async () => {
  await using folder = await tempFolder();
  const shelf = await FileShelf.open(folder.path);
  await using orders = ordersOn(shelf);
  const internal = Array.from({ length: 8 }, (_, at) => {
    return { route: `r${at}`, hosts: [`n${at}.test`], by: "operator" } as const;
  });
  orders.update({ ...nobody, internal });
  await eventually("all of them", () => (orders.certificates.length === 8 ? true : undefined));
  const authority = new Vault(shelf).authority();
  assert.ok(authority !== undefined);
  const root = new X509Certificate(authority.cert);
  for (const { names, chain } of orders.certificates) {
    assert.ok(new X509Certificate(chain).verify(root.publicKey), `${names[0]}: another root`);
  }
});
