// Certificates of files and folders in the real program: which are shown, what happens when they change or go bad, and
// what outlives an upgrade.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { chmodSync, readFileSync } from "node:fs";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "node:test";
import type { CertificateRow } from "../../src/admin/operations.ts";
import { eventually } from "../harness/barrier.ts";
import { controlOf } from "../harness/control.ts";
import { issued, issuer } from "../harness/issued.ts";
import { postReceiver } from "../harness/post-receiver.ts";
import { type Tidegate, type TidegateOptions, startTidegate } from "../harness/tidegate.ts";
import { askTls } from "../harness/tls-asker.ts";
import { tempFolder } from "../harness/temp-folder.ts";

const hosts = ["a.test", "b.test", "x.c.test", "none.test"];

interface Stand extends AsyncDisposable {
  readonly tidegate: Tidegate;
  readonly port: number;
  put(files: Readonly<Record<string, string>>): Promise<void>;
  file(name: string): string;
  /** As `tidegate certs` shows them, and its exit code. */
  rows(): Promise<{ rows: readonly CertificateRow[]; code: number | null }>;
}

interface StandOptions extends Partial<TidegateOptions> {
  readonly files?: Readonly<Record<string, string>>;
  readonly tls?: Record<string, unknown>;
  /** Beside it, in the configuration. */
  readonly more?: Record<string, unknown>;
}

async function stand({
  files = {},
  tls = {},
  more = {},
  ...options
}: StandOptions = {}): Promise<Stand> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  chmodSync(folder.path, 0o755);
  const certs = folder.file("certs");
  const put = async (all: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(all)) {
      await mkdir(dirname(join(certs, name)), { recursive: true });
      await writeFile(join(certs, name), text);
    }
  };
  await put(files);
  const tidegate = stack.use(
    await startTidegate({
      ...options,
      config: {
        listeners: { secure: { bind: "127.0.0.1:0", tls: true } },
        routes: Object.fromEntries(hosts.map((host) => [host, { whoami: true }])),
        tls: { certificates: certs, ...tls },
        ...more,
      },
    }),
  );
  const held = stack.move();
  return {
    ...{ tidegate, port: tidegate.port("secure"), put, file: (name) => join(certs, name) },
    async rows() {
      const { stdout, code } = await controlOf(tidegate.control).command("certs", "--json");
      return { rows: JSON.parse(stdout) as CertificateRow[], code };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function pem({ cert, key }: { readonly cert: string; readonly key: string }): string {
  return key + cert + issuer;
}

/** Waits until a certificate of these names is shown for the host. */
function shown(port: number, host: string, names: string): Promise<boolean> {
  return eventually(
    `${names} for ${host}`,
    async () => (await askTls(port, host)).names === names || undefined,
    10_000,
  );
}

test("each name is shown its certificate, and one without the one that says so", async () => {
  const files = {
    "a.pem": pem(issued(["a.test"], { days: 80 })),
    "unused.pem": pem(issued(["unused.test"], { days: 60 })),
    "wild.pem": pem(issued(["*.c.test"], { kind: "rsa", days: 40 })),
  };
  await using it = await stand({ files, workers: 1 });
  for (const [host, names, isTrusted] of [
    ["a.test", "DNS:a.test", true],
    ["x.c.test", "DNS:*.c.test", true],
  ] as const) {
    const answer = await askTls(it.port, host);
    assert.deepEqual([answer.status, answer.names, answer.isTrusted], [200, names, isTrusted]);
  }
  const other = await askTls(it.port, "none.test");
  assert.deepEqual([other.status, other.isTrusted], [200, false]);
  assert.equal(other.issuer, "tidegate: no certificate for this name");
  const { rows, code } = await it.rows();
  assert.equal(code, 0);
  assert.deepEqual(
    rows.map(({ names, state, kind, isNeeded }) => [names.join(), state, kind, isNeeded]),
    [
      ["a.test", "ok", "ec", true],
      ["unused.test", "ok", "ec", false],
      ["*.c.test", "ok", "rsa", true],
    ],
  );
  // Nothing that an operator can see has a key in it.
  const control = controlOf(it.tidegate.control);
  const { stdout: dump } = await control.command("dump");
  const { stdout: certs } = await control.command("certs", "--json");
  assert.match(dump, /certificates:/);
  assert.doesNotMatch(dump + certs + it.tidegate.stderr() + it.tidegate.stdout(), /PRIVATE KEY/);
});

test("no request fails while a certificate is replaced again and again, whatever comes first", async () => {
  const make = () => issued(["a.test"]);
  const first = make();
  const files = { "live/fullchain.pem": first.cert + issuer, "live/privkey.pem": first.key };
  await using it = await stand({ files, workers: 2 });
  const stopping = new AbortController();
  const failures: string[] = [];
  let done = 0;
  const client = async () => {
    while (!stopping.signal.aborted) {
      try {
        const { status, isTrusted } = await askTls(it.port, "a.test", { requests: 3 });
        if (status === 200 && isTrusted) done += 3;
        else failures.push(`${status} ${isTrusted}`);
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const clients = Array.from({ length: 4 }, client);
  const keeper = askTls(it.port, "a.test", { requests: 2 });
  for (let round = 0; round < 8; round++) {
    const { cert, key } = make();
    const parts: readonly [string, string][] = [
      ["live/fullchain.pem", cert + issuer],
      ["live/privkey.pem", key],
    ];
    for (const [name, text] of round % 2 === 0 ? parts : parts.toReversed()) {
      await it.put({ [name]: text });
      // Longer than changes count as one: the pair does not fit together meanwhile.
      if (round < 4) await pause(300);
    }
    const wanted = it.file("live/fullchain.pem");
    await eventually(
      "the new one",
      async () => {
        const { rows } = await fingerprints(it);
        return rows.includes(fingerprintOf(cert)) || undefined;
      },
      15_000,
    );
    assert.ok(readFileSync(wanted, "utf8").startsWith(cert));
  }
  stopping.abort();
  await Promise.all([...clients, keeper]);
  assert.deepEqual(failures.slice(0, 5), []);
  assert.ok(done > 50, `${done} requests`);
});

async function fingerprints(it: Stand): Promise<{ rows: readonly string[] }> {
  const { rows } = await it.rows();
  const good = rows.filter(({ state }) => state === "ok");
  return { rows: good.map(({ fingerprint = "" }) => fingerprint) };
}

function fingerprintOf(cert: string): string {
  return new X509Certificate(cert).fingerprint256.replaceAll(":", "").toLowerCase();
}

test("what goes bad is shown on, and said: half-written, of another key, empty, and gone with its folder", async () => {
  const good = issued(["a.test"]);
  const other = issued(["b.test"]);
  await using it = await stand({
    files: { "a.crt": good.cert + issuer, "a.key": good.key, "b.pem": pem(other) },
    workers: 1,
  });
  const bads: readonly [() => Promise<void>, RegExp][] = [
    [() => it.put({ "a.crt": good.cert.slice(0, 300) }), /half|end/i],
    [() => it.put({ "a.crt": "" }), /no certificate is in it/],
    [() => it.put({ "a.crt": good.cert, "a.key": other.key }), /does not belong/],
    [() => rename(it.file("."), `${it.file(".")}.away`), /is not there/],
  ];
  for (const [make, why] of bads) {
    await make();
    await eventually(
      `a row that says ${String(why)}`,
      async () => {
        const { rows, code } = await it.rows();
        const bad = rows.filter(({ state }) => state === "unusable");
        return (code === 1 && bad.some((each) => why.test(each.why))) || undefined;
      },
      15_000,
    );
    const answer = await askTls(it.port, "a.test");
    assert.deepEqual([answer.status, answer.names, answer.isTrusted], [200, "DNS:a.test", true]);
    assert.equal((await askTls(it.port, "b.test")).isTrusted, true);
  }
  await it.tidegate.waitForLog(/is not there.*a certificate cannot be used/);
  await it.put({ "b.pem": pem(issued(["b.test", "new.test"])) });
  await shown(it.port, "b.test", "DNS:b.test, DNS:new.test");
  assert.doesNotMatch(it.tidegate.stderr() + it.tidegate.stdout(), /PRIVATE KEY/);
});

test("what is replaced by one that is not for all of its names is shown on for those that routes have, and said", async () => {
  const both = issued(["a.test", "b.test", "x.c.test", "nobody.test"], { days: 50 });
  await using it = await stand({ files: { "site.crt": both.cert + issuer, "site.key": both.key } });
  const old = "DNS:a.test, DNS:b.test, DNS:x.c.test, DNS:nobody.test";
  await shown(it.port, "b.test", old);
  const one = issued(["a.test", "new.test"], { days: 80 });
  await it.put({ "site.crt": one.cert + issuer, "site.key": one.key });
  await shown(it.port, "a.test", "DNS:a.test, DNS:new.test");
  assert.equal((await askTls(it.port, "b.test")).names, old);
  assert.equal((await askTls(it.port, "x.c.test")).names, old);
  const { rows, code } = await it.rows();
  assert.equal(code, 1);
  const said = rows.map(({ state, source, why }) => `${state} ${source} ${why}`).toSorted();
  assert.deepEqual(said, [
    `ok ${it.file("site.crt")} `,
    `unusable ${it.file("site.crt")} what is in the file now is not for b.test and 1 more, which a route needs: what was there before is shown on for that; put one there that is for it, or take the route away`,
  ]);
  // Another file is for one of them, and then this one is for all again.
  await it.put({ "b.pem": pem(issued(["b.test"])) });
  await shown(it.port, "b.test", "DNS:b.test");
  assert.equal((await askTls(it.port, "x.c.test")).names, old);
  const all = issued(["a.test", "x.c.test"], { days: 80 });
  await it.put({ "site.crt": all.cert + issuer, "site.key": all.key });
  await shown(it.port, "x.c.test", "DNS:a.test, DNS:x.c.test");
  const after = await it.rows();
  assert.deepEqual([after.code, after.rows.map(({ state }) => state)], [0, ["ok", "ok"]]);
});

test("a route that has everybody come by https without a certificate is said, until there is one", async () => {
  const routes = {
    "a.test": { whoami: true, redirect: "https" },
    "b.test": { whoami: true },
  };
  await using it = await stand({ files: { "c.pem": pem(issued(["c.test"])) }, more: { routes } });
  const row = () =>
    it.rows().then(({ rows, code }) => {
      const found = rows.find(({ source }) => source === "route a.test");
      return { names: found?.names, state: found?.state, code };
    });
  assert.deepEqual(await row(), { names: ["a.test"], state: "unusable", code: 1 });
  await it.put({ "a.pem": pem(issued(["a.test"])) });
  await shown(it.port, "a.test", "DNS:a.test");
  assert.deepEqual(await row(), { names: undefined, state: undefined, code: 0 });
});

test("who wants to be told is told that a certificate has expired, and that it was renewed", async () => {
  await using receiver = await postReceiver();
  const old = issued(["a.test"], { now: Date.now() - 90 * 86_400_000, days: 89 });
  const unused = issued(["unused.test"], { now: Date.now() - 90 * 86_400_000, days: 89 });
  const alerts = { webhook: { url: `${receiver.origin}/hook` }, group: "0s", maxPerHour: 0 };
  await using it = await stand({
    files: { "a.pem": pem(old), "unused.pem": pem(unused) },
    more: { alerts },
    workers: 1,
  });
  const titleOf = ({ body }: { readonly body: string }) =>
    (JSON.parse(body) as { title: string }).title;
  const [first] = await receiver.arrived(1);
  assert.equal(first && titleOf(first), "the certificate for a.test has expired");
  assert.equal((await askTls(it.port, "a.test")).names, "DNS:a.test", "better than none");
  assert.equal((await it.rows()).code, 1);
  await it.put({ "a.pem": pem(issued(["a.test"])) });
  const [, second] = await receiver.arrived(2);
  assert.equal(second && titleOf(second), "over: the certificate for a.test has expired");
  assert.equal((await it.rows()).code, 0);
  assert.doesNotMatch(receiver.posts.map(({ body }) => body).join(""), /unused|PRIVATE KEY/);
});

test("an authority between that was forgotten can be appended: the same certificate gets another chain", async () => {
  const { cert, key } = issued(["a.test"]);
  await using it = await stand({ files: { "a.crt": cert, "a.key": key }, workers: 1 });
  assert.equal((await askTls(it.port, "a.test")).isTrusted, false);
  await it.put({ "a.crt": cert + issuer });
  await eventually(
    "the whole chain",
    async () => (await askTls(it.port, "a.test")).isTrusted || undefined,
    10_000,
  );
});

test("a folder that appears later is read; SIGHUP reads what no hint tells of", async () => {
  await using elsewhere = await tempFolder();
  await writeFile(elsewhere.file("b.pem"), pem(issued(["b.test"])));
  await using it = await stand({ workers: 1 });
  assert.equal((await askTls(it.port, "a.test")).isTrusted, false);
  await it.put({ "site/a.pem": pem(issued(["a.test"])) });
  await shown(it.port, "a.test", "DNS:a.test");
  await symlink(elsewhere.file("b.pem"), it.file("b.pem"));
  await shown(it.port, "b.test", "DNS:b.test");
  const began = performance.now();
  await writeFile(elsewhere.file("b.pem"), pem(issued(["b.test", "new.test"])));
  it.tidegate.signal("SIGHUP");
  await shown(it.port, "b.test", "DNS:b.test, DNS:new.test");
  assert.ok(performance.now() - began < 9000, "the poll would have found it, too");
});

test("a place that is added or taken away with the configuration comes and goes at once", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("b.pem"), pem(issued(["b.test"])));
  await using it = await stand({ files: { "a.pem": pem(issued(["a.test"])) }, workers: 1 });
  const config = (certificates: unknown) => ({
    listeners: { secure: { bind: "127.0.0.1:0", tls: true } },
    routes: Object.fromEntries(hosts.map((host) => [host, { whoami: true }])),
    tls: { certificates },
  });
  await it.tidegate.writeConfig(config([it.file("."), folder.path]));
  await shown(it.port, "b.test", "DNS:b.test");
  assert.equal((await askTls(it.port, "a.test")).isTrusted, true);
  await it.tidegate.writeConfig(config(folder.path));
  await eventually(
    "the end of a.test",
    async () => !(await askTls(it.port, "a.test")).isTrusted || undefined,
    10_000,
  );
  assert.deepEqual(
    (await it.rows()).rows.map(({ names }) => names),
    [["b.test"]],
  );
});

test("sessions are resumed by any of two workers, and after an upgrade; nobody can read their secret", async (context) => {
  await using it = await stand({ files: { "a.pem": pem(issued(["a.test"])) }, workers: 2 });
  const control = controlOf(it.tidegate.control);
  const before = await control.settled(2);
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const { session } = await askTls(it.port, "a.test", { maxVersion });
    assert.ok(session, maxVersion);
    let resumed = 0;
    for (let count = 0; count < 100; count++) {
      const { isResumed } = await askTls(it.port, "a.test", { session, maxVersion });
      if (isResumed) resumed++;
    }
    context.diagnostic(
      `${resumed} of 100 handshakes with two workers were resumed (${maxVersion})`,
    );
    assert.ok(resumed > 95, `${resumed} of 100 with ${maxVersion}`);
  }
  await control.until("both served", (rows) => rows.every(({ counts }) => counts.answered > 10));
  const { session } = await askTls(it.port, "a.test");
  assert.equal((await control.order("upgrade")).ok, true);
  await control.settled(2, before);
  for (let count = 0; count < 10; count++) {
    const { isResumed, status } = await askTls(it.port, "a.test", { session });
    assert.deepEqual([isResumed, status], [true, 200]);
  }
  const pids = it.tidegate.pids();
  assert.ok(pids.length >= 4);
  for (const pid of pids) {
    for (const what of ["cmdline", "environ"]) {
      const text = readFileSync(`/proc/${pid}/${what}`, "latin1");
      assert.doesNotMatch(text, /[0-9a-f]{64}/, `${what} of ${pid}`);
    }
  }
});
