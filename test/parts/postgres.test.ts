// Real PostgreSQL servers behind one TCP listener, told apart by the name that `psql` asks for in TLS: passed
// through, ended here, or not spoken at all.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { type Certificates, certificates } from "../harness/certificates.ts";
import { type Ended, runCommand } from "../harness/command.ts";
import { needs } from "../harness/needs.ts";
import { needsPostgres, type Postgres, postgresNeeds, startPostgres } from "../harness/postgres.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needs(...postgresNeeds, "openssl") || needsPostgres();

/** Which server it is, and whether it sees TLS. */
const who = `SELECT concat_ws(' ', current_setting('cluster_name'), ssl::text, version)
  FROM pg_stat_ssl WHERE pid = pg_backend_pid()`;

type Words = Readonly<Record<string, string | number>>;

interface Stand {
  readonly program: Tidegate;
  readonly folder: TempFolder;
  readonly one: Postgres;
  readonly plain: Postgres;
}

/** `psql`, as somebody whose DNS leads this name to the proxy. */
function psql({ program }: Stand, words: Words, sql = who): Promise<Ended> {
  const all = {
    hostaddr: "127.0.0.1",
    port: program.port("pg"),
    user: "app",
    password: "app",
    dbname: "app",
    connect_timeout: 10,
    ...words,
  };
  const info = Object.entries(all).map(([key, value]) => `${key}=${value}`);
  return runCommand("psql", ["-X", "-A", "-t", "-q", "-c", sql, info.join(" ")]);
}

/** With the certificate verified against the authority of that name alone. */
function verified(stand: Stand, name: string, words: Words = {}, sql?: string): Promise<Ended> {
  const sslrootcert = stand.folder.file(`${name}.ca`);
  return psql(stand, { host: name, sslmode: "verify-full", sslrootcert, ...words }, sql);
}

function assertSays(ended: Ended, pattern: RegExp): void {
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout.trim(), pattern);
}

function assertFails(ended: Ended, pattern: RegExp): void {
  assert.equal(ended.code, 2, ended.stdout);
  assert.match(ended.stderr, pattern);
}

interface Line {
  readonly host: string | null;
  readonly route: string | null;
  readonly failure: string | null;
  readonly service: string | null;
}

async function lineOf(program: Tidegate, pattern: RegExp): Promise<Line> {
  return JSON.parse(await program.waitForLog(pattern)) as Line;
}

async function passedThrough(stand: Stand): Promise<void> {
  assertSays(await verified(stand, "pg1.test"), /^one true TLSv1\.3$/);
  assertSays(await verified(stand, "pg2.test"), /^two true TLSv1\.3$/);
  // What only works when both ends see the same TLS.
  assertSays(await verified(stand, "pg1.test", { channel_binding: "require" }), /^one /);
  const old = { ssl_max_protocol_version: "TLSv1.2" };
  assertSays(await verified(stand, "pg2.test", old), /^two true TLSv1\.2$/);
  const line = await lineOf(stand.program, /"host":"pg1\.test"/);
  assert.deepEqual([line.route, line.service], ["one", "one"]);
  // The other's authority: it is really the server's own certificate that comes.
  const wrong = { sslrootcert: stand.folder.file("pg2.test.ca") };
  assertFails(await verified(stand, "pg1.test", wrong), /certificate verify failed/);
}

async function muchGoesThrough(stand: Stand): Promise<void> {
  const sql = "SELECT sum(length(x)) || ' ' || md5(string_agg(x, '')) FROM t";
  const make =
    "CREATE TABLE t AS SELECT repeat(md5(n::text), 32) AS x FROM generate_series(1, 20000) n";
  const table = async (name: string, query: string) => {
    const ended = await verified(stand, name, {}, query);
    assert.equal(ended.code, 0, ended.stderr);
    return ended.stdout;
  };
  await table("pg1.test", make);
  const copy = await table("pg1.test", "COPY t TO STDOUT");
  assert.equal(copy.length, 20_000 * (32 * 32 + 1));
  await table("ended.test", "CREATE TABLE t (x text)");
  const path = stand.folder.file("rows");
  await writeFile(path, copy);
  await table("ended.test", `\\copy t FROM '${path}'`);
  assert.equal(await table("ended.test", sql), await table("pg1.test", sql));
}

async function endedHere(stand: Stand): Promise<void> {
  assertSays(await verified(stand, "ended.test"), /^plain false$/);
  const line = await lineOf(stand.program, /"host":"ended\.test"/);
  assert.deepEqual([line.route, line.service, line.failure], ["ended", "plain", null]);
  // The server cannot know what the client and we agreed on.
  const bound = { channel_binding: "require" };
  assertFails(await verified(stand, "ended.test", bound), /channel binding/i);
}

async function withoutName(stand: Stand): Promise<void> {
  const host = "pg1.test";
  assertSays(await psql(stand, { host, sslmode: "disable" }), /^plain false$/);
  // Names that nobody has, and TLS without a name, go the same way; the server has none.
  const unknown = await psql(stand, { host: "other.test", sslmode: "require" });
  assertFails(unknown, /SSL error|server closed|tlsv1 alert/);
  const nameless = await psql(stand, { host, sslmode: "require", sslsni: 0 });
  assertFails(nameless, /SSL error|server closed|tlsv1 alert/);
}

async function plainBehindName(stand: Stand): Promise<void> {
  const ended = await verified(stand, "naked.test");
  assertFails(ended, /SSL error: \w+ alert internal error/);
  const line = await lineOf(stand.program, /"host":"naked\.test"/);
  assert.deepEqual([line.route, line.failure], ["naked", "TLS_FAILED"]);
  assert.match(await stand.program.waitForLog(/asked for TLS/), /it did not agree/);
}

async function killed(stand: Stand): Promise<void> {
  await stand.one.kill();
  assertFails(await verified(stand, "pg1.test"), /SSL error: \w+ alert internal error/);
  await stand.plain.kill();
  assertFails(await verified(stand, "ended.test"), /FATAL:\s+\S/);
  await Promise.all([stand.one.start(), stand.plain.start()]);
  assertSays(await verified(stand, "pg1.test"), /^one true/);
  assertSays(await verified(stand, "ended.test"), /^plain false/);
}

const tcp = ({ port }: Postgres) => [`tcp://127.0.0.1:${port}`];

function named(name: string, tls?: Certificates): Promise<Postgres> {
  const settings = [`cluster_name=${name}`];
  return startPostgres(tls === undefined ? { settings } : { settings, tls, tlsOnly: true });
}

test("PostgreSQL behind a TCP listener", { skip, timeout: 200_000 }, async (context) => {
  await using folder = await tempFolder();
  const names = ["pg1.test", "pg2.test", "ended.test", "naked.test"] as const;
  for (const name of names) {
    const { ca, cert, key } = await certificates(name);
    await writeFile(folder.file(`${name}.ca`), ca);
    await writeFile(folder.file(`${name}.pem`), cert);
    await writeFile(folder.file(`${name}.key`), key, { mode: 0o600 });
  }
  await using one = await named("one", await certificates("pg1.test"));
  await using two = await named("two", await certificates("pg2.test"));
  await using plain = await named("plain");
  const own = { cert: folder.file("ended.test.pem"), key: folder.file("ended.test.key") };
  await using program = await startTidegate({
    config: {
      listeners: { pg: { bind: "127.0.0.1:0", protocol: "tcp", service: "plain" } },
      tcpRoutes: {
        one: { listener: "pg", sni: "pg1.test", service: "one" },
        two: { listener: "pg", sni: "pg2.test", service: "two" },
        naked: { listener: "pg", sni: "naked.test", service: "plain" },
        ended: { rule: "HostSNI(`ended.test`)", service: "plain", tls: own },
      },
      services: {
        one: { backends: tcp(one), check: { postgres: true } },
        two: { backends: tcp(two) },
        plain: { backends: tcp(plain) },
      },
    },
    workers: 2,
  });
  const stand = { program, folder, one, plain };
  await context.test("TLS is passed through to the server of the name", () => passedThrough(stand));
  await context.test("TLS ends here where a route has a certificate", () => endedHere(stand));
  await context.test("20 MB go out of one and into the other", () => muchGoesThrough(stand));
  await context.test("without TLS there is no name", () => withoutName(stand));
  await context.test("psql shows that a server behind a name speaks no TLS", () =>
    plainBehindName(stand),
  );
  await context.test("psql shows that a server is gone, and works when it is back", () =>
    killed(stand),
  );
});
