// A real etcd as a place of routes, and what the source says of it: what is put, changed and deleted there, and
// what becomes of it when a member, all of them, or the history is lost. Traffic is in etcd-routing.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { type Etcd, etcdNeeds, type EtcdOptions, startEtcd } from "../harness/etcd.ts";
import { needs } from "../harness/needs.ts";
import { commonSettings, watchSource } from "../harness/watched-source.ts";
import type { EtcdSettings } from "../../src/config/source-settings.ts";
import { etcdSource } from "../../src/providers/etcd/etcd.ts";

const skip = needs(...etcdNeeds);

function settingsFor(
  etcd: Pick<Etcd, "endpoints">,
  changes: Partial<EtcdSettings> = {},
): EtcdSettings {
  return {
    ...commonSettings,
    kind: "etcd",
    endpoints: etcd.endpoints,
    tls: undefined,
    username: undefined,
    password: undefined,
    prefix: "tidegate/",
    ...changes,
  };
}

function watchEtcd(etcd: Pick<Etcd, "endpoints">, changes: Partial<EtcdSettings> = {}) {
  return watchSource((log) => etcdSource(settingsFor(etcd, changes), { log }));
}

const backend = (port: number) => `http://127.0.0.1:${port}`;
const route = (host: string) => JSON.stringify({ host, service: backend(1000) });

async function leaseOf(etcd: Etcd, seconds: number): Promise<string> {
  const said = await etcd.ctl(["lease", "grant", String(seconds)]);
  return /^lease (\S+) granted/.exec(said)?.[1] ?? assert.fail(said);
}

test("routes and services in etcd", { skip, timeout: 120_000 }, async (context) => {
  await using etcd = await startEtcd();
  await using watch = watchEtcd(etcd);

  await context.test("there may be none at first", async () => {
    await watch.until("the first word", ({ words }) => words.length > 0);
    assert.deepEqual(watch.routes(), []);
    assert.deepEqual(watch.notes(), []);
  });

  await context.test(
    "what is put is there at once, changed at once, and goes when deleted",
    async () => {
      await etcd.ctl(["put", "tidegate/routes/a", route("a.test")]);
      await etcd.ctl(["put", "tidegate/services/pool", JSON.stringify([backend(1), backend(2)])]);
      await watch.until(
        "both",
        () => watch.routes().length === 1 && watch.backends("pool") !== undefined,
      );
      assert.deepEqual(watch.backends("pool"), [backend(1), backend(2)]);
      await etcd.ctl(["put", "tidegate/services/pool", JSON.stringify(backend(3))]);
      await watch.until("the change", () => watch.backends("pool")?.[0] === backend(3));
      await etcd.ctl(["del", "tidegate/routes/a"]);
      await watch.until("its end", () => watch.routes().length === 0);
      await etcd.ctl(["del", "--prefix", "tidegate/"]);
      await watch.until("nothing", () => watch.backends("pool") === undefined);
    },
  );

  await context.test("keys of others, also those that begin alike, do not matter", async () => {
    await etcd.ctl(["put", "tidegate0/routes/x", route("x.test")]);
    await etcd.ctl(["put", "other", "x"]);
    await etcd.ctl(["put", "tidegate/routes/b", route("b.test")]);
    await watch.until("ours", () => watch.routes().length === 1);
    assert.deepEqual(watch.routes(), ["b"]);
    assert.deepEqual(watch.notes(), []);
  });

  await context.test("rubbish is named, and spoils nothing", async () => {
    await etcd.ctl(["put", "tidegate/routes/bad"], { input: "\xff\x00{" });
    await etcd.ctl(["put", "tidegate/routes/list", "[1, 2]"]);
    await etcd.ctl(["put", "tidegate/nonsense", "x"]);
    await etcd.ctl(["put", "tidegate/backends/lonely", "x"]);
    await etcd.ctl(["put", "tidegate/routes/__proto__", route("p.test")]);
    await etcd.ctl(["put", "tidegate/routes/long"], { input: `"${"x".repeat(300 * 1024)}"` });
    await etcd.ctl(["put", "tidegate/routes/deep", "[".repeat(2000) + "]".repeat(2000)]);
    await etcd.ctl(["put", "tidegate/routes/c", route("c.test")]);
    await watch.until("c", () => watch.routes().includes("c"));
    assert.deepEqual(watch.routes(), ["b", "c"]);
    const notes = watch.notes().join("\n");
    for (const wanted of [
      /reading: key tidegate\/nonsense: is no key that means anything/,
      /reading: key tidegate\/backends\/lonely: is no key/,
      /not routed: key tidegate\/routes\/bad: is not JSON/,
      /not routed: key tidegate\/routes\/list/,
      /not routed: key tidegate\/routes\/long: is longer than 256 KiB/,
      /not routed: key tidegate\/routes\/deep: has more than 12 levels/,
      /not routed: key tidegate\/routes\/__proto__/,
    ]) {
      assert.match(notes, wanted);
    }
    // A good one that goes bad stays as it was.
    await etcd.ctl(["put", "tidegate/routes/c", "{"]);
    await watch.until("the note", () =>
      watch.notes().some((each) => /as it was before.*routes\/c/.test(each)),
    );
    assert.deepEqual(watch.routes(), ["b", "c"]);
    await etcd.ctl(["del", "--prefix", "tidegate/"]);
    await watch.until("nothing", () => watch.routes().length === 0);
  });

  await context.test("a backend joins its service, and leaves with its lease", async () => {
    const lease = await leaseOf(etcd, 2);
    await etcd.ctl([
      "put",
      "tidegate/services/web",
      JSON.stringify({ backends: [backend(1)], retry: { attempts: 2 } }),
    ]);
    await etcd.ctl(["put", "--lease", lease, "tidegate/backends/web/node-7", backend(7)]);
    await watch.until("it", () => watch.backends("web")?.length === 2);
    assert.deepEqual(watch.backends("web"), [backend(1), backend(7)]);
    await etcd.ctl(["put", "tidegate/backends/web/rubbish", "ftp://x"]);
    await etcd.ctl(["put", "tidegate/backends/web/stranger", "tcp://127.0.0.1:5"]);
    await etcd.ctl(["put", "tidegate/backends/web/again", backend(1)]);
    await etcd.ctl([
      ...["put", "tidegate/backends/new/one"],
      JSON.stringify({ url: backend(8), weight: 3, tier: 1 }),
    ]);
    await watch.until("the service that nobody wrote", () => watch.backends("new") !== undefined);
    const made = watch.words.at(-1)?.collection.services.find(({ name }) => name === "new@kept");
    assert.ok(made?.kind === "backends");
    assert.deepEqual([made.backends[0]?.weight, made.backends[0]?.tier], [3, 1]);
    assert.deepEqual(watch.backends("web"), [backend(1), backend(7)]);
    assert.match(watch.notes().join("\n"), /backends\/web\/rubbish: .*ftp/);
    assert.match(watch.notes().join("\n"), /backends\/web\/stranger: is a tcp backend/);
    await watch.until("the end of the lease", () => watch.backends("web")?.length === 1, 5000);
    assert.deepEqual(watch.backends("web"), [backend(1)]);
  });

  await context.test("a service waits with its settings while nobody has registered", async () => {
    await etcd.ctl(["put", "tidegate/services/idle", JSON.stringify({ holdFor: "5s" })]);
    await watch.until("the service", () => watch.backends("idle") !== undefined);
    assert.deepEqual(watch.backends("idle"), []);
    const idle = watch.words.at(-1)?.collection.services.find(({ name }) => name === "idle@kept");
    assert.ok(idle?.kind === "backends");
    assert.equal(idle.hold.holdFor, 5000);
    assert.equal(idle.absent[0]?.why, "no program has registered for it");
    await etcd.ctl(["put", "tidegate/backends/idle/1", backend(9)]);
    await watch.until("the backend", () => watch.backends("idle")?.length === 1);
    await etcd.ctl(["del", "tidegate/backends/idle/1"]);
    await watch.until("nobody", () => watch.backends("idle")?.length === 0);
    assert.deepEqual(watch.troubles, []);
  });
});

test("an etcd that is lost", { skip, timeout: 180_000 }, async (context) => {
  await using etcd = await startEtcd();
  await using watch = watchEtcd(etcd);
  await etcd.ctl(["put", "tidegate/routes/a", route("a.test")]);
  await watch.until("a", () => watch.routes().length === 1);

  await context.test("killed, it takes nothing along, and is caught up with", async () => {
    await etcd.kill();
    await watch.until("the trouble", ({ troubles }) => troubles.at(-1) !== undefined, 2000);
    assert.match(
      watch.troubles.at(-1) ?? "",
      /^cannot ask etcd at http:.*: |answered 200: transport is closing/,
    );
    assert.deepEqual(watch.routes(), ["a"]);
    await etcd.startAgain();
    await etcd.ctl(["put", "tidegate/routes/b", route("b.test")]);
    await watch.until("b", () => watch.routes().length === 2);
    await watch.until("no trouble", ({ troubles }) => troubles.at(-1) === undefined);
  });

  await context.test("hanging, it is noticed, and caught up with when it goes on", async () => {
    etcd.signal("SIGSTOP");
    await watch.until("the trouble", ({ troubles }) => troubles.at(-1) !== undefined, 15_000);
    assert.match(watch.troubles.at(-1) ?? "", /has not answered within (5|10) s/);
    assert.deepEqual(watch.routes(), ["a", "b"]);
    etcd.signal("SIGCONT");
    await etcd.ctl(["put", "tidegate/routes/c", route("c.test")]);
    await watch.until("c", () => watch.routes().length === 3, 15_000);
  });

  await context.test("what was compacted meanwhile is not missed", async () => {
    await etcd.kill();
    // A second one changes everything while the first has no connection: as after a long cut.
    await etcd.startAgain();
    await etcd.ctl(["del", "tidegate/routes/a"]);
    await etcd.ctl(["put", "tidegate/routes/d", route("d.test")]);
    await etcd.compact();
    await watch.until("the change", () => watch.routes().join() === "b,c,d");
    // While it watches, compaction is none of its business.
    const { length } = watch.troubles;
    await etcd.ctl(["put", "tidegate/routes/e", route("e.test")]);
    await etcd.compact();
    await etcd.ctl(["put", "tidegate/routes/f", route("f.test")]);
    await watch.until("f", () => watch.routes().includes("f"));
    assert.equal(watch.troubles.length, length);
  });

  await context.test("at no time were there fewer routes than there should be", () => {
    const first = watch.words.findIndex(({ collection }) => collection.routes.length > 0);
    assert.ok(watch.words.slice(first).every(({ collection }) => collection.routes.length > 0));
  });
});

test(
  "an etcd that comes back without its data is believed, and whoever looks is told of it",
  { skip, timeout: 60_000 },
  async () => {
    await using etcd = await startEtcd();
    await etcd.putAll(["a", "b"].map((each) => [`tidegate/routes/${each}`, route(`${each}.test`)]));
    await using watch = watchEtcd(etcd);
    await watch.until("both", () => watch.routes().length === 2);
    await etcd.kill();
    await etcd.startEmpty();
    await watch.until("nothing", () => watch.routes().length === 0);
    const said = /etcd was at revision 2 and is at 1: it has lost its data/;
    assert.match(watch.warnings.join(), said);
    assert.match(watch.notes().join(), said);
    await etcd.putAll([["tidegate/routes/a", route("a.test")]]);
    await watch.until("a", () => watch.routes().length === 1);
  },
);

test("a cluster goes on without one of its members", { skip, timeout: 180_000 }, async () => {
  await using etcd = await startEtcd({ members: 3 });
  await using watch = watchEtcd(etcd);
  await etcd.ctl(["put", "tidegate/routes/a", route("a.test")]);
  await watch.until("a", () => watch.routes().length === 1);
  await etcd.kill(0);
  // The others have to choose a leader first.
  const put = () => etcd.ctl(["put", "tidegate/routes/b", route("b.test")]);
  await eventually("a put", () => put().catch(() => undefined), 30_000);
  await watch.until("b", () => watch.routes().length === 2);
  assert.match(watch.warnings.join("\n"), /a member of etcd is lost; the next one is asked/);
  // The next one hangs: nobody hears of that but by asking it.
  etcd.signal("SIGSTOP", 1);
  await etcd.startAgain(0);
  await etcd
    .ctl(["put", "tidegate/routes/c", route("c.test")])
    .catch(() => "asked the one that hangs");
  await watch.until("c", () => watch.routes().length === 3, 30_000);
  etcd.signal("SIGCONT", 1);
  assert.deepEqual(watch.troubles, []);
});

const twoMembersLost =
  "a member without a majority is no source, and keeps nobody from what was known";
test(twoMembersLost, { skip, timeout: 180_000 }, async () => {
  await using etcd = await startEtcd({ members: 3 });
  await using watch = watchEtcd({ endpoints: etcd.endpoints.slice(0, 1) });
  await etcd.ctl(["put", "tidegate/routes/a", route("a.test")]);
  await watch.until("a", () => watch.routes().length === 1);
  await Promise.all([etcd.kill(1), etcd.kill(2)]);
  await watch.until("the trouble", ({ troubles }) => troubles.at(-1) !== undefined, 30_000);
  assert.deepEqual(watch.routes(), ["a"]);
  await Promise.all([etcd.startAgain(1), etcd.startAgain(2)]);
  await etcd.ctl(["put", "tidegate/routes/b", route("b.test")]);
  await watch.until("b", () => watch.routes().length === 2, 30_000);
});

test("users and their rights", { skip, timeout: 120_000 }, async (context) => {
  // Tokens of two seconds run out while we look.
  await using etcd = await startEtcd({ args: ["--auth-token-ttl", "2"] });
  const root = { user: "root:secret-of-root" };
  await etcd.ctl(["put", "tidegate/routes/a", route("a.test")]);
  for (const words of [
    ["user", "add", "root:secret-of-root"],
    ["user", "grant-role", "root", "root"],
    ["role", "add", "reader"],
    ["role", "grant-permission", "--prefix=true", "reader", "read", "tidegate/"],
    ["user", "add", "gate:secret-of-gate"],
    ["user", "grant-role", "gate", "reader"],
  ]) {
    await etcd.ctl(words);
  }
  const gate = { username: "gate", password: "secret-of-gate" };

  await context.test("a user is no harm while etcd asks for none", async () => {
    await using watch = watchEtcd(etcd, gate);
    await watch.until("a", () => watch.routes().length === 1);
  });
  await etcd.ctl(["auth", "enable"]);

  await context.test(
    "with its password it may read its keys, also when tokens run out",
    async () => {
      await using watch = watchEtcd(etcd, gate);
      await watch.until("a", () => watch.routes().length === 1);
      await etcd.ctl(["put", "tidegate/routes/b", route("b.test")], root);
      await watch.until("b", () => watch.routes().length === 2);
      // A change of rights makes the tokens void, and a restart forgets all.
      await etcd.ctl(["role", "grant-permission", "reader", "read", "more"], root);
      await etcd.kill();
      await etcd.startAgain();
      await etcd.ctl(["put", "tidegate/routes/c", route("c.test")], root);
      await watch.until("c", () => watch.routes().length === 3);
      assert.deepEqual(JSON.stringify(watch.troubles).includes("secret"), false);
    },
  );

  for (const { what, changes, says } of [
    {
      what: "without a user",
      changes: {},
      says: /user name is empty; write username and password at tidegate.yaml:3/,
    },
    {
      what: "with a wrong password",
      changes: { username: "gate", password: "secret-but-wrong" },
      says: /authentication failed.*see username and password at tidegate.yaml:3/,
    },
    {
      what: "where it may not read",
      changes: { ...gate, prefix: "other/" },
      says: /permission denied; its user may not do that: etcdctl role grant-permission/,
    },
  ]) {
    await context.test(`${what} it says what is missing, and no secret`, async () => {
      await using watch = watchEtcd(etcd, changes);
      await watch.until("the trouble", ({ troubles }) => troubles.at(-1) !== undefined);
      assert.match(watch.troubles[0] ?? "", says);
      assert.doesNotMatch(watch.troubles[0] ?? "", /secret/);
    });
  }
});

test(
  "TLS with certificates on both sides",
  { skip: skip || needs("openssl"), timeout: 120_000 },
  async () => {
    const { ca, cert, key } = await certificates();
    const options: EtcdOptions = { tls: { ca, cert, key } };
    await using etcd = await startEtcd(options);
    await etcd.ctl(["put", "tidegate/routes/a", route("a.test")]);
    await using watch = watchEtcd(etcd, { tls: { ca, certificate: cert, key } });
    await watch.until("a", () => watch.routes().length === 1);
    await using untrusted = watchEtcd(etcd);
    await untrusted.until("the trouble", ({ troubles }) => troubles.length > 0);
    assert.match(
      untrusted.troubles[0] ?? "",
      /its certificate is not trusted .*`tls\.ca` at tidegate/,
    );
    await using nobody = watchEtcd(etcd, { tls: { ca, certificate: undefined, key: undefined } });
    await nobody.until("the trouble", ({ troubles }) => troubles.length > 0);
    assert.match(nobody.troubles[0] ?? "", /client certificate/);
    const plain = { endpoints: etcd.endpoints.map((each) => each.replace("https:", "http:")) };
    await using bare = watchEtcd(plain);
    await bare.until("the trouble", ({ troubles }) => troubles.length > 0);
    assert.match(bare.troubles[0] ?? "", /HTTP|TLS|https/);
  },
);

test(
  "with users switched on, a certificate with a name is refused, and it says so",
  { skip: skip || needs("openssl"), timeout: 60_000 },
  async () => {
    const { ca, cert, key } = await certificates();
    await using etcd = await startEtcd({ tls: { ca, cert, key } });
    for (const words of [
      ["user", "add", "root:secret"],
      ["user", "grant-role", "root", "root"],
      ["auth", "enable"],
    ]) {
      await etcd.ctl(words);
    }
    const user = { username: "root", password: "secret" };
    await using watch = watchEtcd(etcd, { tls: { ca, certificate: cert, key }, ...user });
    await watch.until("the trouble", ({ troubles }) => troubles.length > 0);
    assert.match(watch.troubles[0] ?? "", /answered 400: CommonName .*make one with an empty CN/);
  },
);

test(
  "between the listing and the watch nothing is missed",
  { skip, timeout: 120_000 },
  async () => {
    await using etcd = await startEtcd();
    await using sources = new AsyncDisposableStack();
    const watches: ReturnType<typeof watchEtcd>[] = [];
    const count = 300;
    for (let at = 0; at < count; at++) {
      // Each key is written once: whoever misses it does not hear of it again.
      await etcd.putAll([[`tidegate/routes/r${at}`, route(`r${at}.test`)]]);
      if (at % 25 === 0) watches.push(sources.use(watchEtcd(etcd)));
    }
    for (const watch of watches) {
      await watch.until("all of them", () => watch.routes().length === count);
      assert.deepEqual(watch.troubles, []);
    }
    assert.equal(watches.length, 12);
  },
);

test(
  "listing everything again, as is done at times, is no trouble",
  { skip, timeout: 60_000 },
  async () => {
    await using etcd = await startEtcd();
    await using watch = watchSource((log) => etcdSource(settingsFor(etcd), { log, verify: 100 }));
    for (let round = 0; round < 20; round++) {
      await etcd.putAll([["tidegate/routes/a", route(`r${round}.test`)]]);
      const isThere = () => JSON.stringify(watch.words.slice(-1)).includes(`"r${round}.test"`);
      await watch.until(`change ${round}`, isThere, 2000);
    }
    assert.deepEqual(watch.troubles, []);
    assert.deepEqual(watch.warnings, []);
  },
);

test(
  "ten thousand keys are listed in pages, and one change is one change",
  { skip, timeout: 180_000 },
  async () => {
    await using etcd = await startEtcd();
    const count = 10_000;
    const names = Array.from({ length: count }, (_, at) => `r${String(at).padStart(5, "0")}`);
    await etcd.putAll(names.map((name) => [`tidegate/routes/${name}`, route(`${name}.test`)]));
    const startedAt = performance.now();
    await using watch = watchEtcd(etcd);
    await watch.until("all of them", () => watch.routes().length === count, 60_000);
    const listed = performance.now() - startedAt;
    const before = watch.words.at(-1)?.collection.routes;
    const putAt = performance.now();
    await etcd.ctl(["put", "tidegate/routes/r00007", route("new.test")]);
    const changed = ({ words }: typeof watch) => words.at(-1)?.collection.routes[7] !== before?.[7];
    await watch.until("the change", changed);
    const seen = performance.now() - putAt;
    console.log(
      `10,000 keys listed in ${listed.toFixed(0)} ms, a change (with etcdctl) in ${seen.toFixed(0)} ms`,
    );
    const after = watch.words.at(-1)?.collection.routes ?? [];
    // What did not change is the very same object.
    assert.equal(after.filter((each, at) => each !== before?.[at]).length, 1);
    await etcd.ctl(["del", "--prefix", "tidegate/routes/r0"]);
    await watch.until("none", () => watch.routes().length === 0);
    assert.deepEqual(watch.troubles, []);
  },
);
