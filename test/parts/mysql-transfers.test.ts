// What goes through a TCP listener to a real MariaDB: results and uploads of many megabytes, silence that
// lasts too long, and clients that stop reading or vanish.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { eventually, within } from "../harness/barrier.ts";
import { controlOf } from "../harness/control.ts";
import { type MariaDb, mariaDbNeeds, startMariaDb } from "../harness/mariadb.ts";
import { mariadb, mariadbArguments, type MysqlAddress } from "../harness/mysql-load.ts";
import { needs } from "../harness/needs.ts";
import { residentBytes } from "../harness/processes.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needs(...mariaDbNeeds);

/** 105,000 rows of about a kilobyte, the same each time. */
const bigResult = "SELECT seq, REPEAT(MD5(seq), 30) FROM seq_1_to_105000";
const bigBytes = 100e6;
const uploadedRows = 50_000;
/** The longest silence on the listener `short`, ms. */
const silenceMs = 1000;

/** What the command line client writes, as a checksum. */
async function hashed(address: MysqlAddress, sql: string) {
  const client = startClient(address, sql);
  const hash = createHash("sha256");
  let bytes = 0;
  client.stdout?.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  const [code] = (await within(once(client, "close"), 60_000, "the result")) as [number | null];
  assert.equal(code, 0);
  return { bytes, sha256: hash.digest("hex") };
}

function startClient(address: MysqlAddress, sql: string): ChildProcess {
  // `quick` hands rows on as they come, instead of keeping them all.
  const words = ["--quick", "--raw", `--execute=${sql}`];
  const args = [...mariadbArguments(address), ...words];
  return spawn("mariadb", args, { stdio: ["ignore", "pipe", "ignore"], timeout: 90_000 });
}

/** Asks for the big result, and reads no further than its beginning. */
async function stoppedInTheMiddle(address: MysqlAddress) {
  const client = startClient(address, bigResult);
  assert.ok(client.stdout !== null);
  await once(client.stdout, "readable");
  client.kill("SIGSTOP");
  return {
    async [Symbol.asyncDispose]() {
      client.kill("SIGKILL");
      client.stdout?.destroy();
      if (client.exitCode === null && client.signalCode === null) await once(client, "exit");
    },
  };
}

async function sessionsAt(db: MariaDb): Promise<string> {
  return db.exec("SELECT state FROM information_schema.processlist WHERE user = 'app'");
}

async function noSession(db: MariaDb, ms?: number): Promise<void> {
  const probe = async () => (await sessionsAt(db)) === "" || undefined;
  await eventually("the server to have no session of the client", probe, ms);
}

async function failureOf(program: Tidegate, listener: string): Promise<unknown> {
  const line = await program.waitForLog(new RegExp(`"target":"${listener}".*"failure":"`));
  return (JSON.parse(line) as Record<string, unknown>)["failure"];
}

interface Stand {
  readonly db: MariaDb;
  readonly program: Tidegate;
  to(listener: string): MysqlAddress;
}

async function downTest({ db, to }: Stand): Promise<void> {
  const direct = await hashed(db, bigResult);
  assert.ok(direct.bytes > bigBytes, `${direct.bytes}`);
  assert.deepEqual(await hashed(to("long"), bigResult), direct);
}

async function upTest({ db, to }: Stand): Promise<void> {
  await using folder = await tempFolder();
  const path = folder.file("rows");
  const hash = createHash("sha256");
  const lines = Readable.from(
    (function* () {
      for (let row = 1; row <= uploadedRows; row++) {
        const line = `${row}\t${String(row * 7919)
          .padStart(12, "x")
          .repeat(80)}\n`;
        hash.update(line);
        yield line;
      }
    })(),
  );
  await pipeline(lines, createWriteStream(path));
  await db.exec("CREATE TABLE app.up (id INT PRIMARY KEY, line TEXT)");
  const load = `LOAD DATA LOCAL INFILE '${path}' INTO TABLE up`;
  const loaded = await mariadb(to("long"), ["--local-infile=1", `--execute=${load}`], 60_000);
  assert.equal(loaded.code, 0, loaded.stderr);
  // Read past the proxy, so that an error there cannot undo itself on the way back.
  const stored = await hashed(db, "SELECT id, line FROM up ORDER BY id");
  assert.equal(stored.sha256, hash.digest("hex"));
}

async function silenceTest({ db, program, to }: Stand): Promise<void> {
  const connection = await createConnection({ host: "127.0.0.1", ...to("short") });
  const lost = once(connection, "error") as Promise<[NodeJS.ErrnoException]>;
  // Longer than the longest silence altogether, but never silent for so long.
  for (let count = 0; count < 5; count++) {
    await connection.query(`SELECT SLEEP(${(silenceMs / 1000) * 0.4})`);
  }
  const [rows] = await connection.query<RowDataPacket[]>("SELECT 1 AS one");
  assert.equal(rows[0]?.["one"], 1);
  const since = performance.now();
  const [error] = await within(lost, 10_000, "the end of the connection");
  const ms = performance.now() - since;
  assert.equal(error.code, "PROTOCOL_CONNECTION_LOST");
  assert.ok(ms > silenceMs * 0.9 && ms < silenceMs * 5, `${ms} ms`);
  await noSession(db);
  assert.equal(await failureOf(program, "short"), "TUNNEL_TIMEOUT");
}

async function stoppedTest({ db, program, to }: Stand): Promise<void> {
  const resident = () => program.pids().reduce((sum, pid) => sum + residentBytes(pid), 0);
  const before = resident();
  {
    await using _client = await stoppedInTheMiddle(to("long"));
    let waits = 0;
    await eventually("the server to wait for its client", async () => {
      waits = (await sessionsAt(db)).includes("Writing to net") ? waits + 1 : 0;
      return waits === 5 || undefined;
    });
    const more = (resident() - before) / 2 ** 20;
    assert.ok(more < 64, `the program has ${more.toFixed(0)} MiB more`);
  }
  // Now it is killed.
  await noSession(db);
  assert.equal(await failureOf(program, "long"), "CLIENT_CLOSED");
}

/** As one whose network is gone: nothing comes of it any more, not even an end. */
async function goneTest({ db, program, to }: Stand): Promise<void> {
  await using _client = await stoppedInTheMiddle(to("gone"));
  // What is on its way gets 10 s to leave.
  await noSession(db, 20_000);
  assert.equal(await failureOf(program, "gone"), "TUNNEL_TIMEOUT");
  await eventually(
    "the program to have no connection",
    async () => {
      const { counts } = await controlOf(program.control).status();
      return counts.connections === 0 || undefined;
    },
    20_000,
  );
}

test("MariaDB through a TCP listener", { skip, timeout: 200_000 }, async (context) => {
  await using db = await startMariaDb();
  const backends = [`tcp://127.0.0.1:${db.port}`];
  const listener = (service: string) => ({ bind: "127.0.0.1:0", protocol: "tcp", service });
  await using program = await startTidegate({
    config: {
      listeners: { long: listener("long"), short: listener("short"), gone: listener("short") },
      services: {
        long: { backends },
        short: { backends, timeouts: { tunnel: `${silenceMs}ms` } },
      },
    },
    workers: 2,
  });
  const { user, password, database } = db;
  const to = (name: string) => ({ port: program.port(name), user, password, database });
  const stand = { db, program, to };
  await context.test("a result of 100 MB comes as it was sent", () => downTest(stand));
  await context.test("LOAD DATA stores 48 MB as they are in the file", () => upTest(stand));
  await context.test("who is silent for longer than allowed is closed", () => silenceTest(stand));
  await context.test(
    "a client that reads no further makes the server wait, and its end is the session's end",
    () => stoppedTest(stand),
  );
  await context.test("a session whose client takes nothing any more ends on both sides", () =>
    goneTest(stand),
  );
});
