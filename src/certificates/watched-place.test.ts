// Real folders and files, and certificates that were made for the test.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { chmod, mkdir, rename, rm, symlink, unlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { issued, issuedEd25519, issuer, trustedRoot } from "../../test/harness/issued.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { certificateLimits } from "../config/tls-limits.ts";
import type { CertificatePlace } from "../config/tls-settings.ts";
import { pemOf } from "../x509/signed.ts";
import { WatchedPlace } from "./watched-place.ts";

class Sample implements AsyncDisposable {
  readonly path: string;
  readonly place: WatchedPlace;
  readonly #dispose: () => Promise<void>;
  changes = 0;

  private constructor(path: string, place: CertificatePlace, dispose: () => Promise<void>) {
    this.path = path;
    this.place = new WatchedPlace(place, () => this.changes++);
    this.#dispose = dispose;
  }

  static async of(
    files: Readonly<Record<string, string>>,
    place?: (path: string) => CertificatePlace,
  ): Promise<Sample> {
    const folder = await tempFolder();
    const path = folder.file("certs");
    await writeAll(path, files);
    const wanted = place?.(path) ?? { kind: "folder", path };
    const sample = new Sample(path, wanted, async () => folder[Symbol.asyncDispose]());
    await sample.place.refresh();
    return sample;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  get names(): string[] {
    return this.place.held.map(({ certificate }) => certificate.names.join(" ")).sort();
  }

  get whys(): string[] {
    return this.place.faults.map(({ path, why }) => `${path.replace(this.path, "")}: ${why}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.place[Symbol.dispose]();
    await this.#dispose();
  }
}

async function writeAll(path: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
}

const one = issued(["one.test", "*.one.test"]);
const two = issued(["two.test"]);
const three = issued(["three.test"], { kind: "rsa" });

test("certificates are found in the layouts of all usual programs", async () => {
  const layouts: readonly Readonly<Record<string, string>>[] = [
    { "all.pem": one.cert + issuer + one.key },
    { "a.pem": one.key + one.cert },
    { "a.crt": one.cert, "a.key": one.key },
    { "a.cer": one.cert + issuer, "a.key": one.key },
    { "a.PEM": one.cert, "a.key": one.key },
    { "a.pem": one.cert, "a-key.pem": one.key },
    { "a.pem": one.cert, "a.key.pem": one.key },
    { "fullchain.pem": one.cert + issuer, "privkey.pem": one.key },
    // certbot, dehydrated
    {
      README: "x",
      "live/README": "x",
      "live/cert.pem": one.cert,
      "live/chain.pem": issuer,
      "live/fullchain.pem": one.cert + issuer,
      "live/privkey.pem": one.key,
    },
    // certbot's archive
    { "fullchain1.pem": one.cert, "privkey1.pem": one.key },
    // lego
    {
      "one.test.crt": one.cert + issuer,
      "one.test.issuer.crt": issuer,
      "one.test.json": "{}",
      "one.test.key": one.key,
    },
    // acme.sh
    {
      "one.test_ecc/ca.cer": issuer,
      "one.test_ecc/fullchain.cer": one.cert + issuer,
      "one.test_ecc/one.test.key": one.key,
      "one.test_ecc/one.test.conf": "x",
    },
    // Kubernetes
    { "tls.crt": one.cert + issuer, "tls.key": one.key, ".hidden.pem": "x", "..data/tls.crt": "x" },
    // A root beside them
    { "a.pem": one.cert + one.key, "root.pem": trustedRoot + issuer },
  ];
  for (const files of layouts) {
    await using sample = await Sample.of(files);
    const about = Object.keys(files).join(" ");
    assert.deepEqual(sample.names, ["one.test *.one.test"], about);
    assert.deepEqual(sample.whys, [], about);
  }
});

test("a place may be a file with all of it, or with its key beside it, or a pair of files", async () => {
  const files = { "a.pem": one.cert + one.key, "b.crt": two.cert, "b.key": two.key };
  const places: readonly [(path: string) => CertificatePlace, string][] = [
    [(path) => ({ kind: "folder", path: join(path, "a.pem") }), "one.test *.one.test"],
    [(path) => ({ kind: "folder", path: join(path, "b.crt") }), "two.test"],
    [
      (path) => ({ kind: "files", cert: join(path, "b.crt"), key: join(path, "b.key") }),
      "two.test",
    ],
    [
      (path) => ({ kind: "files", cert: join(path, "a.pem"), key: join(path, "a.pem") }),
      "one.test *.one.test",
    ],
  ];
  for (const [place, names] of places) {
    await using sample = await Sample.of(files, place);
    assert.deepEqual([sample.names, sample.whys], [[names], []]);
  }
});

test("both kinds are told apart, the chain is mended, and those that last longest come first", async () => {
  const long = issued(["long.test"], { days: 200 });
  await using sample = await Sample.of({
    "a.pem": issuer + three.key + three.cert + trustedRoot,
    "z.pem": long.cert + long.key,
  });
  const [first, second] = sample.place.held;
  assert.deepEqual(first?.certificate.names, ["long.test"]);
  assert.equal(first?.issuer, "test authority");
  assert.equal(second?.certificate.kind, "rsa");
  assert.equal(second?.certificate.chain, three.cert + issuer);
  assert.deepEqual(second?.certificate.origin, { provider: "file", place: sample.file("a.pem") });
});

test("what cannot be used is said with its file, and spoils no other", async () => {
  const nameless = issued([]);
  await using sample = await Sample.of({
    "good.pem": one.cert + one.key,
    "foreign.crt": one.cert,
    "foreign.key": two.key,
    "keyless.pem": two.cert,
    "half.pem": two.cert + two.key.slice(0, 100),
    "empty.pem": "",
    "rubbish.crt": "\0\xff".repeat(100),
    "large.pem": "x".repeat(certificateLimits.fileBytes + 1),
    "odd.pem": Object.values(issuedEd25519("odd.test")).join(""),
    "nameless.pem": nameless.cert + nameless.key,
    "folder.pem/x": "",
  });
  await symlink("/nowhere/at/all.pem", sample.file("lost.pem"));
  await sample.place.refresh();
  assert.deepEqual(sample.names, ["one.test *.one.test"]);
  const { whys } = sample;
  const said = (name: string) => whys.find((each) => each.startsWith(`/${name}: `)) ?? "nothing";
  assert.match(said("foreign.crt"), /does not belong to any certificate/);
  assert.match(
    said("keyless.pem"),
    /no key is in it, and none beside it: put it at .*keyless\.key$/,
  );
  assert.match(said("half.pem"), /half|end/i);
  assert.match(said("empty.pem"), /is empty/);
  assert.notEqual(said("rubbish.crt"), "nothing");
  assert.match(said("large.pem"), /larger than 512 KiB/);
  assert.match(said("odd.pem"), /ed25519, which browsers do not take/);
  assert.match(said("nameless.pem"), /for no host name/);
  assert.equal(said("lost.pem"), "/lost.pem: it is not there");
  assert.equal(whys.length, 9, whys.join("\n"));
});

test("what did not change is the same object, whatever is new beside it", async () => {
  await using sample = await Sample.of({
    "one.pem": one.cert + one.key,
    "two.pem": two.cert + two.key,
  });
  const before = sample.place.held;
  const old = new Date(Date.now() - 60_000);
  await utimes(sample.file("one.pem"), old, old);
  await sample.place.refresh();
  await sample.place.refresh();
  assert.equal(sample.place.held, before, "the list is the same, too");
  assert.equal(sample.changes, 1);
  await writeFile(sample.file("two.pem"), three.cert + three.key);
  await sample.place.refresh();
  const find = (name: string) =>
    sample.place.held.find(({ certificate }) => certificate.names.includes(name));
  assert.deepEqual(sample.names, ["one.test *.one.test", "three.test"]);
  assert.ok(find("one.test"));
  assert.equal(
    find("one.test"),
    before.find(({ certificate }) => certificate.names.includes("one.test")),
  );
});

test("a change is seen by itself: new files, other ones, by rename, and in a folder that is new", async () => {
  await using sample = await Sample.of({ "one.pem": one.cert + one.key });
  const seen = (wanted: string) =>
    eventually(wanted, () => Promise.resolve(sample.names.join() === wanted || undefined));
  await writeFile(sample.file("two.pem"), two.cert + two.key);
  await seen("one.test *.one.test,two.test");
  await writeFile(sample.file("next"), three.cert + three.key);
  await rename(sample.file("next"), sample.file("two.pem"));
  await seen("one.test *.one.test,three.test");
  await writeAll(sample.path, { "live/fullchain.pem": two.cert, "live/privkey.pem": two.key });
  await seen("one.test *.one.test,three.test,two.test");
  const four = issued(["four.test"]);
  await writeAll(sample.path, { "live/privkey.pem": four.key, "live/fullchain.pem": four.cert });
  await seen("four.test,one.test *.one.test,three.test");
});

test("a file that goes bad keeps what it held, until it is good again", async () => {
  await using sample = await Sample.of({ "a.crt": one.cert, "a.key": one.key });
  const [before] = sample.place.held;
  const renewed = issued(["one.test"]);
  const bads: readonly (() => Promise<void>)[] = [
    () => writeFile(sample.file("a.crt"), renewed.cert.slice(0, 200)),
    () => writeFile(sample.file("a.crt"), ""),
    () => writeFile(sample.file("a.crt"), renewed.cert),
    () => unlink(sample.file("a.key")),
  ];
  for (const make of bads) {
    await make();
    await sample.place.refresh();
    assert.deepEqual(sample.place.held, [before]);
    assert.equal(sample.whys.length, 1, sample.whys.join("\n"));
  }
  await writeFile(sample.file("a.key"), renewed.key);
  await sample.place.refresh();
  assert.deepEqual([sample.names, sample.whys], [["one.test"], []]);
});

test("of two kinds in one file the one that goes bad is kept, and the other one renewed", async () => {
  const ec = issued(["two.test"]);
  await using sample = await Sample.of({ "a.pem": ec.cert + ec.key + three.cert + three.key });
  assert.equal(sample.place.held.length, 2);
  const next = issued(["next.test"]);
  await writeFile(sample.file("a.pem"), next.cert + next.key + three.key.slice(0, 60));
  await sample.place.refresh();
  assert.deepEqual(sample.names, ["next.test", "three.test"]);
  assert.equal(sample.whys.length, 1);
});

/** The last bytes of a certificate are its signature. */
function damaged(cert: string): string {
  const raw = Buffer.from(new X509Certificate(cert).raw);
  raw.writeUInt8((raw.at(-5) ?? 0) ^ 1, raw.length - 5);
  return pemOf("CERTIFICATE", raw);
}

test("a damaged signature takes nobody's place, and is found soon after a start", async () => {
  await using sample = await Sample.of({
    "bad.pem": damaged(one.cert) + issuer + one.key,
    "good.pem": two.cert + issuer + two.key,
  });
  await eventually("what is wrong", () => sample.whys.length === 1 || undefined);
  assert.match(sample.whys.join(), /^\/bad\.pem: .* signed it, which did not: .* is damaged$/);
  assert.deepEqual(sample.names, ["two.test"]);
  const renewed = issued(["two.test"]);
  await writeFile(sample.file("good.pem"), damaged(renewed.cert) + issuer + renewed.key);
  await sample.place.refresh();
  assert.deepEqual(sample.place.held[0]?.certificate.chain, two.cert + issuer);
  assert.equal(sample.whys.length, 2);
  await writeFile(sample.file("good.pem"), renewed.cert + issuer + renewed.key);
  await sample.place.refresh();
  assert.deepEqual(sample.place.held[0]?.certificate.chain, renewed.cert + issuer);
});

test("what was odd about a file is said no more when it is mended", async () => {
  const text = one.cert + issuer + one.key;
  await using sample = await Sample.of({ "a.pem": text + two.cert });
  const [before] = sample.place.held;
  assert.match(before?.remarks.join() ?? "", /two\.test belongs to no chain/);
  await writeFile(sample.file("a.pem"), text);
  await sample.place.refresh();
  assert.deepEqual(sample.place.held[0]?.remarks, []);
  assert.equal(sample.place.held[0]?.certificate, before?.certificate, "workers see no change");
});

test("a file that may not be read is said, and read as soon as it may", async () => {
  await using sample = await Sample.of({ "a.crt": one.cert, "a.key": one.key });
  const [before] = sample.place.held;
  for (const path of [dirname(sample.path), sample.path]) await chmod(path, 0o755);
  await writeFile(sample.file("a.key"), one.key);
  await chmod(sample.file("a.key"), 0);
  // Root may read everything.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await sample.place.refresh();
    assert.match(
      sample.whys.join(),
      /a\.key: user \d+, as whom .* may not read it: give its group/,
    );
    assert.deepEqual(sample.place.held, [before]);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
  await chmod(sample.file("a.key"), 0o600);
  await sample.place.refresh();
  assert.deepEqual([sample.place.held, sample.whys], [[before], []]);
});

test("a folder that is not there keeps what was in it; one that appears is read", async () => {
  await using sample = await Sample.of({ "a.pem": one.cert + one.key });
  await rename(sample.path, `${sample.path}.old`);
  await sample.place.refresh();
  assert.deepEqual([sample.names, sample.whys], [["one.test *.one.test"], [": it is not there"]]);
  await writeAll(sample.path, { "b.pem": two.cert + two.key });
  await eventually("the new folder", () =>
    Promise.resolve(sample.names.includes("two.test") || undefined),
  );
  assert.deepEqual(sample.whys, []);
});

test("a file that is gone is forgotten after a while, and not when it comes back", async () => {
  await using sample = await Sample.of({
    "one.pem": one.cert + one.key,
    "two.pem": two.cert + two.key,
  });
  const [held] = sample.place.held;
  await Promise.all(["one.pem", "two.pem"].map((each) => rm(sample.file(each))));
  await sample.place.refresh();
  assert.equal(sample.place.held.length, 2, "it may be about to be written anew");
  await writeFile(sample.file("two.pem"), two.cert + two.key);
  await eventually(
    "the end of one",
    () => Promise.resolve(sample.place.held.length === 1 || undefined),
    certificateLimits.gone * 4,
  );
  assert.deepEqual(sample.names, ["two.test"]);
  assert.ok(held);
});

test("many files at once are one change, and the end of a place ends who waits for it", async () => {
  await using sample = await Sample.of({});
  const all = Array.from({ length: 50 }, (_, at) => issued([`n${at}.test`]));
  for (const [at, { cert, key }] of all.entries()) {
    await writeAll(sample.path, { [`${at}/a.pem`]: cert + key });
  }
  await eventually("all of them", () =>
    Promise.resolve(sample.place.held.length === all.length || undefined),
  );
  assert.ok(sample.changes < 10, `${sample.changes} changes`);
  const asked = sample.place.refresh();
  sample.place[Symbol.dispose]();
  await asked;
  await sample.place.refresh();
});
