// Health checks against real databases: what they find, and what they leave behind there.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { HealthEvent } from "../../src/health/health-event.ts";
import { Health } from "../../src/health/health.ts";
import { probe, type Verdict } from "../../src/health/probe.ts";
import { eventually } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import {
  sampleCheck,
  sampleService,
  sampleSnapshot,
  sampleTarget,
} from "../harness/health-sample.ts";
import { type MariaDb, mariaDbNeeds, startMariaDb } from "../harness/mariadb.ts";
import { needs } from "../harness/needs.ts";
import {
  needsPostgres,
  type Postgres,
  type PostgresOptions,
  postgresNeeds,
  startPostgres,
} from "../harness/postgres.ts";

const skipMariaDb = needs(...mariaDbNeeds);
const skipPostgres = needs(...postgresNeeds) || needsPostgres();
const never = new AbortController().signal;

function ask(kind: "mysql" | "postgres", port: number): Promise<Verdict> {
  return probe(sampleTarget(`tcp://127.0.0.1:${port}`, { kind }), never);
}

/**
 * Carries connections on from 127.0.0.2: a server keeps no count of 127.0.0.1, and would never shut it out.
 */
async function relay(port: number) {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({
      host: "127.0.0.1",
      port,
      localAddress: "127.0.0.2",
      allowHalfOpen: true,
    });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.pipe(to);
      from.on("error", () => to.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

/** What a check does that takes the greeting for enough. Returns what the server said. */
async function lookAndLeave(port: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const [bytes] = (await once(socket, "data")) as [Buffer];
  socket.end();
  await once(socket, "close");
  return bytes.toString("latin1");
}

async function numberOf(db: MariaDb, sql: string): Promise<number> {
  const text = await db.exec(sql);
  return Number(text.split("\t").at(-1) ?? Number.NaN);
}

test("MariaDB", { skip: skipMariaDb }, async (context) => {
  const args = ["--max-connect-errors=5", "--performance-schema=on", "--max-connections=10"];
  await using db = await startMariaDb({ args });
  await using outside = await relay(db.port);

  await context.test("checks never make it shut us out, as looking and leaving would", async () => {
    for (let count = 0; count < 20; count++) {
      const { isGood, text } = await ask("mysql", outside.port);
      assert.ok(isGood, text);
      assert.match(text, /^\d+\.\d+\.\d+-MariaDB/);
    }
    const errors = "SELECT IFNULL(SUM(SUM_CONNECT_ERRORS), 0) FROM performance_schema.host_cache";
    assert.equal(await numberOf(db, errors), 0);
    // What is avoided is real: this server does shut out.
    await eventually("to be shut out", async () =>
      (await lookAndLeave(outside.port)).includes("is blocked") ? true : undefined,
    );
    const { isGood, text } = await ask("mysql", outside.port);
    assert.equal(isGood, false);
    assert.match(text, /^refuses connections: Host '127\.0\.0\.2' is blocked .* \(1129\)$/);
    await db.exec("FLUSH HOSTS");
    assert.ok((await ask("mysql", outside.port)).isGood);
  });

  await context.test(
    "with a user for it, checks leave no line in its log and no count",
    async () => {
      const aborted = "SHOW GLOBAL STATUS LIKE 'Aborted_connects'";
      await db.exec("CREATE USER 'tidegate-check'@'%'");
      const before = await numberOf(db, aborted);
      const log = db.log();
      for (let count = 0; count < 5; count++) assert.ok((await ask("mysql", db.port)).isGood);
      assert.equal(await numberOf(db, aborted), before);
      assert.equal(await numberOf(db, "SHOW GLOBAL STATUS LIKE 'Aborted_clients'"), 0);
      assert.equal(db.log(), log);
      await db.exec("DROP USER 'tidegate-check'@'%'");
      assert.ok((await ask("mysql", db.port)).isGood);
    },
  );

  await context.test("one that is full says so", async () => {
    const held = Array.from({ length: 12 }, () => connect(db.port, "127.0.0.1"));
    await Promise.all(held.map((each) => once(each, "data")));
    const { isGood, text } = await ask("mysql", db.port);
    assert.deepEqual([isGood, text], [false, "refuses connections: Too many connections (1040)"]);
    for (const each of held) each.destroy();
    await eventually("room", async () => ((await ask("mysql", db.port)).isGood ? true : undefined));
  });

  await context.test("one that is killed is down, and up again when it is back", async () => {
    const events: HealthEvent[] = [];
    const quiet = () => {};
    using health = new Health({
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      onNews: quiet,
      onEvent: (event) => void events.push(event),
    });
    const url = `tcp://127.0.0.1:${db.port}`;
    const check = sampleCheck({ kind: "mysql" }, { interval: 50, fastInterval: 50 });
    health.update(sampleSnapshot(sampleService("db", [url], { check })));
    const told = (change: string) =>
      eventually(change, () => events.find((each) => each.change === change), 20_000);
    await eventually("the first check", () => health.rows([])[0]?.backends[0]?.lastCheck);
    await db.kill();
    assert.equal((await told("down")).why, "refused the connection");
    await db.start();
    assert.match((await told("up")).why, /MariaDB.* in \d+ ms$/);
    const changes = events.map(({ kind, change }) => `${kind} ${change}`);
    assert.deepEqual(changes, ["backend down", "service down", "backend up", "service up"]);
  });
});

/** Checks it a few times; what came of it, without the time, and what its log says more than before. */
async function checked(db: Postgres): Promise<{ readonly text: string; readonly logged: string }> {
  const before = db.log().length;
  let text = "";
  for (let count = 0; count < 3; count++) {
    const verdict = await ask("postgres", db.port);
    text = `${verdict.isGood ? "good" : "bad"}: ${verdict.text.replace(/ in \d+ ms$/, "")}`;
  }
  // What the checks caused stands in the log before what this causes.
  await db.exec("DO $$ BEGIN RAISE LOG 'the end of it'; END $$").catch(() => {});
  await eventually("the log", () => db.log().includes("the end of it", before) || undefined);
  const logged = db.log().slice(before);
  return { text, logged: logged.slice(0, logged.indexOf("the end of it")) };
}

async function withPostgres<T>(options: PostgresOptions, use: (db: Postgres) => Promise<T>) {
  await using db = await startPostgres(options);
  return await use(db);
}

const noise = /FATAL|ERROR|could not|incomplete|reset/;

test("PostgreSQL", { skip: skipPostgres }, async (context) => {
  await context.test("one that asks for passwords is good, and logs nothing of it", async () => {
    await withPostgres({}, async (db) => {
      const { text, logged } = await checked(db);
      assert.equal(text, "good: asked for a login");
      assert.doesNotMatch(logged, noise);
    });
  });

  await context.test("one that trusts is left in an orderly way, and logs nothing", async () => {
    await withPostgres({ auth: "trust" }, async (db) => {
      const { text, logged } = await checked(db);
      assert.equal(text, "good: accepted");
      assert.doesNotMatch(logged, noise);
    });
  });

  await context.test("one that wants none of us works all the same, and says so", async () => {
    await withPostgres({ auth: "reject" }, async (db) => {
      const { text, logged } = await checked(db);
      assert.equal(text, "good: asked for another login (28000)");
      assert.match(logged, noise);
    });
  });

  const skip = needs("openssl");
  await context.test("one that insists on TLS gets it, and logs nothing", { skip }, async () => {
    await withPostgres({ tls: await certificates(), tlsOnly: true }, async (db) => {
      const { text, logged } = await checked(db);
      assert.equal(text, "good: asked for a login");
      assert.doesNotMatch(logged, noise);
    });
  });

  await context.test("one that is full, recovering or killed is bad, and says why", async () => {
    const settings = ["max_connections=4", "superuser_reserved_connections=0", "max_wal_senders=0"];
    await withPostgres({ settings, auth: "trust" }, async (db) => {
      const text = async () => (await ask("postgres", db.port)).text;
      const over = new AbortController();
      const hold = async () => {
        // A question of ours may have the last place just then.
        while (!over.signal.aborted) await db.exec("SELECT pg_sleep(60)").catch(() => {});
      };
      const ended = Promise.all(Array.from({ length: 4 }, hold));
      const full = await eventually(
        "it to be full",
        async () => (/53300/.exec(await text()) === null ? undefined : text()),
        20_000,
      );
      assert.equal(full, "refuses connections: sorry, too many clients already (53300)");
      over.abort();
      await db.kill();
      await ended;
      assert.equal(await text(), "refused the connection");
      // A standby that waits for ever, and serves nobody meanwhile.
      await writeFile(join(db.data, "standby.signal"), "", { mode: 0o644 });
      db.launch(["hot_standby=off"]);
      const starting = await eventually(
        "it to listen",
        async () => (/57P03/.test(await text()) ? text() : undefined),
        20_000,
      );
      assert.match(starting, /^refuses connections: the database system is .* \(57P03\)$/);
      assert.equal((await ask("postgres", db.port)).isGood, false);
    });
  });
});
