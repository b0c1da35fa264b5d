// Real databases behind TCP listeners: MariaDB through a failover, PostgreSQL with TLS by name.

import { match, ok, strictEqual } from "node:assert";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { createPool, type RowDataPacket } from "mysql2/promise";
import { eventually } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { runCommand } from "../harness/command.ts";
import { type MariaDb, mariaDbNeeds, startMariaDb } from "../harness/mariadb.ts";
import { needs } from "../harness/needs.ts";
import { needsPostgres, postgresNeeds, startPostgres } from "../harness/postgres.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const timeout = 180_000;
const mariaDb = { timeout, skip: needs(...mariaDbNeeds) };
const postgres = { timeout, skip: needs(...postgresNeeds, "openssl") || needsPostgres() };

async function named(name: string): Promise<MariaDb> {
  const database = await startMariaDb();
  await database.exec(`CREATE TABLE app.t (name TEXT); INSERT INTO app.t VALUES ('${name}')`);
  return database;
}

test("mysql and a pool of clients go on when the server they use is killed", mariaDb, async () => {
  await using first = await named("first");
  await using second = await named("second");
  await using tidegate = await startTidegate({
    config: {
      listeners: { mysql: { bind: "127.0.0.1:0", protocol: "tcp", service: "db" } },
      services: {
        db: {
          backends: [
            { url: `tcp://127.0.0.1:${first.port}` },
            { url: `tcp://127.0.0.1:${second.port}`, tier: 1 },
          ],
          check: { mysql: true, interval: "500ms", fastInterval: "200ms", fall: 1, rise: 1 },
        },
      },
    },
  });
  const port = tidegate.port("mysql");
  const login = { user: first.user, password: first.password, database: first.database };
  const pool = createPool({ host: "127.0.0.1", port, ...login, connectionLimit: 4 });
  const ask = async (): Promise<unknown> => {
    const [rows] = await pool.query<RowDataPacket[]>("SELECT name FROM t");
    return rows[0]?.["name"];
  };
  try {
    strictEqual(await ask(), "first");
    strictEqual((await mysql(port)).stdout, "first\n");
    await first.kill();
    // Connections to it are gone, as they are without a proxy; new ones go to the other.
    await eventually("the pool to go on", async () =>
      (await ask().catch(() => undefined)) === "second" ? true : undefined,
    );
    const asked = await Promise.all(Array.from({ length: 20 }, ask));
    ok(asked.every((name) => name === "second"));
    strictEqual((await mysql(port)).stdout, "second\n");
    await first.start();
    await eventually(
      "the first to be used again",
      async () => ((await mysql(port)).stdout === "first\n" ? true : undefined),
      30_000,
    );
    strictEqual(await ask(), "second");
  } finally {
    await pool.end();
  }
});

function mysql(port: number) {
  const args = ["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", `--port=${port}`];
  const login = ["--user=app", "--password=app", "--batch", "--skip-column-names", "app"];
  return runCommand("mariadb", [...args, ...login, "-e", "SELECT name FROM t"]);
}

test(
  "psql reaches PostgreSQL with TLS by name, passed on or ended here, and without TLS",
  postgres,
  async () => {
    const [inner, outer] = await Promise.all([certificates("in.test"), certificates("out.test")]);
    await using database = await startPostgres({ tls: { cert: inner.cert, key: inner.key } });
    await using plainDatabase = await startPostgres();
    await using folder = await tempFolder();
    for (const [name, text] of [
      ["cert.pem", outer.cert],
      ["key.pem", outer.key],
      ["inner.pem", inner.ca],
      ["outer.pem", outer.ca],
    ] as const) {
      await writeFile(folder.file(name), text, { mode: 0o600 });
    }
    await using tidegate = await startTidegate({
      config: {
        listeners: { pg: { bind: "127.0.0.1:0", protocol: "tcp" } },
        tcpRoutes: {
          inner: { sni: "in.test", service: "secure" },
          outer: {
            sni: "out.test",
            service: "plain",
            tls: { cert: folder.file("cert.pem"), key: folder.file("key.pem") },
          },
          mistaken: { sni: "mistaken.test", service: "plain" },
        },
        services: {
          secure: { backends: [`tcp://127.0.0.1:${database.port}`] },
          plain: { backends: [`tcp://127.0.0.1:${plainDatabase.port}`] },
        },
      },
    });
    const port = tidegate.port("pg");
    const isSecure = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    const psql = (host: string, mode: string, more = "") =>
      runCommand(
        "psql",
        [
          "--no-psqlrc",
          "-At",
          "-c",
          isSecure,
          `host=${host} hostaddr=127.0.0.1 port=${port} user=app dbname=app sslmode=${mode} connect_timeout=10 ${more}`,
        ],
        {
          env: { ...process.env, PGPASSWORD: "app" },
        },
      );
    const verify = (file: string) => `sslrootcert=${folder.file(file)}`;
    // The server's own certificate is checked: nobody looked into it on the way.
    const through = await psql("in.test", "verify-full", verify("inner.pem"));
    strictEqual(through.stdout, "t\n", through.stderr);
    const here = await psql("out.test", "verify-full", verify("outer.pem"));
    strictEqual(here.stdout, "f\n", here.stderr);
    const unwilling = await psql("mistaken.test", "require");
    match(unwilling.stderr, /SSL error|alert/i);
    const clear = await psql("in.test", "disable");
    match(clear.stderr, /No route is configured/);
    const unknown = await psql("else.test", "require");
    match(unknown.stderr, /unrecognized name/);
  },
);
