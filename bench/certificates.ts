// Claim: 10,000 certificates of a folder are read within 2 s, take a worker less than 10 kB each, and which one is shown
// for a name takes no time that could be measured beside a handshake. Prints also what a look costs when nothing changed,
// and one renewal of them all the way to a worker. On a busy machine look at the processor time.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { WatchedPlace } from "../src/certificates/watched-place.ts";
import { noCredentials } from "../src/config/certificate.ts";
import { defaultSnapshot } from "../src/config/read.ts";
import type { Snapshot } from "../src/config/snapshot.ts";
import { assemble } from "../src/process/assembly.ts";
import { Publisher } from "../src/process/publication.ts";
import { CertificateIndex } from "../src/tls/certificate-index.ts";
import { damageOf } from "../src/x509/bundle.ts";
import { issueCertificate, newAuthority } from "../src/x509/issue-certificate.ts";
import { keyPem, newKey } from "../src/x509/signed.ts";

const count = 10_000;
const lookups = 1_000_000;
/** Until the place has done so as well. */
const behindMs = 4000;

const root = newAuthority({ name: "bench root", days: 3650 });
const issuer = newAuthority({ name: "bench authority", days: 3600, by: root });

async function put(folder: string, at: number): Promise<void> {
  const key = newKey("ec");
  const names = [`site-${at}.example.com`, `www.site-${at}.example.com`];
  const cert = issueCertificate(issuer, { names, key, days: 90 });
  await writeFile(join(folder, `${at}.pem`), cert + issuer.cert + keyPem(key));
}

async function timed<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  const began = performance.now();
  const cpu = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(cpu);
  const wall = performance.now() - began;
  console.log(
    `${what}: ${wall.toFixed(0)} ms, ${((user + system) / 1000).toFixed(0)} ms of a processor`,
  );
  return value;
}

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const folder = await mkdtemp(join(tmpdir(), "tidegate-bench-"));
try {
  for (let at = 0; at < count; at++) await put(folder, at);
  using place = new WatchedPlace({ kind: "folder", path: folder }, () => {});
  await timed(`${count} certificates read`, () => place.refresh());
  if (place.held.length !== count) throw new Error(`${place.held.length} were read`);
  await timed("their signatures checked, as is done behind them", () => {
    for (const { certificate } of place.held) damageOf(certificate.chain);
  });
  await pause(behindMs);
  await place.refresh();
  await timed("looked at again, with nothing changed", () => place.refresh());

  const base = defaultSnapshot(0);
  const publisher = new Publisher();
  let worker: Snapshot | undefined;
  const publish = (version: number) => {
    const certificates = place.held.map(({ certificate }) => certificate);
    publisher.take({ ...base, version, credentials: { ...noCredentials, certificates } });
    return publisher.publicationFor(worker?.version);
  };
  const first = await timed("written for the workers", () => publish(1));
  const before = heapUsed();
  worker = await timed("taken by a worker", () => assemble(undefined, first));
  const { certificates } = worker.credentials;
  const index = await timed("sorted by name", () => new CertificateIndex(certificates, Date.now));
  const each = (heapUsed() - before) / count;
  const hasGc = globalThis.gc !== undefined;
  console.log(
    `memory of a worker: ${(each / 1000).toFixed(1)} kB each${hasGc ? "" : " (with --expose-gc: exact)"}`,
  );

  await put(folder, 0);
  await timed("one renewed: read", () => place.refresh());
  const change = await timed("one renewed: written", () => publish(2));
  worker = await timed("one renewed: taken", () => assemble(worker, change));
  console.log(
    `one renewed: ${change.text.length} characters to each worker, ${first.text.length} at first`,
  );

  const names = Array.from({ length: 997 }, (_, at) => `www.site-${at * 10}.example.com`);
  const began = performance.now();
  for (let at = 0; at < lookups; at++) index.find(names[at % names.length] ?? "");
  console.log(`choice by name: ${(((performance.now() - began) * 1e6) / lookups).toFixed(0)} ns`);
} finally {
  await rm(folder, { recursive: true });
}
