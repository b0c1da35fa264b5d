// Real MariaDB servers behind a TCP listener: clients that work while a server dies and comes back, who is
// told of it by e-mail, and what long transfers, silence and vanishing clients come to.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import type { ServiceRow } from "../../src/admin/operations.ts";
import { controlOf } from "../harness/control.ts";
import { type Mail, mailPassword, mailServer } from "../harness/mail-server.ts";
import { type MariaDb, mariaDbNeeds, startMariaDb } from "../harness/mariadb.ts";
import { type MysqlLoad, mysqlLoad } from "../harness/mysql-load.ts";
import { needs } from "../harness/needs.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needs(...mariaDbNeeds, "openssl");

interface Told {
  readonly subject: string;
  readonly mail: Mail;
}

/** Alerts by e-mail to this server, at once. */
async function alertsTo(mails: { port: number; ca: string }, folder: TempFolder) {
  await writeFile(folder.file("ca.pem"), mails.ca);
  await writeFile(folder.file("password"), mailPassword, { mode: 0o600 });
  return {
    email: {
      server: `smtp://tidegate@127.0.0.1:${mails.port}`,
      passwordFile: folder.file("password"),
      ca: folder.file("ca.pem"),
      from: "tidegate@example.com",
      to: ["ops@example.com"],
    },
    group: 0,
  };
}

function told(mail: Mail | undefined): Told {
  assert.ok(mail !== undefined);
  const [head = ""] = mail.raw.split("\r\n\r\n", 1);
  const subject = /^Subject: (.*(?:\r\n[ \t].*)*)/m.exec(head)?.[1] ?? "";
  return { subject: subject.replaceAll(/\r\n[ \t]/g, " "), mail };
}

/** Only who was connected to the server that was killed may notice. */
function assertUnnoticed(
  load: MysqlLoad,
  killed: { port: number; from: number; until: number },
): void {
  const failures = load.connections.filter(({ failure }) => failure !== undefined);
  assert.ok(failures.length > 0, "nobody was connected to the server that was killed");
  for (const each of failures) {
    const said = JSON.stringify({ ...each, killed });
    assert.ok(each.begunAt < killed.until, `a new connection failed: ${said}`);
    assert.ok(each.port === undefined || each.port === killed.port, `another server's: ${said}`);
  }
}

interface Line {
  readonly failure: string | null;
  readonly backend: string | null;
  readonly method: string;
}

async function linesOf(program: Tidegate): Promise<readonly Line[]> {
  return (await program.accessLog()).map((line) => JSON.parse(line) as Line);
}

async function servicesOf(program: Tidegate): Promise<readonly ServiceRow[]> {
  const { stdout } = await controlOf(program.control).command("services", "--json");
  return JSON.parse(stdout) as readonly ServiceRow[];
}

interface Case {
  readonly name: string;
  readonly service: (first: string, second: string) => Record<string, unknown>;
  /** How the mail says why. */
  readonly why: RegExp;
  /** While all is well everybody is at the first. */
  readonly isTiered: boolean;
}

const check = { mysql: true, interval: "500ms", fastInterval: "200ms", fall: 2, timeout: "2s" };

const cases: readonly Case[] = [
  {
    name: "two servers that share the load, with checks",
    service: (first, second) => ({
      backends: [first, second],
      check,
      passive: { deadFor: "1s" },
    }),
    why: /refused the connection/,
    isTiered: false,
  },
  {
    name: "two servers that share the load, by checks alone",
    service: (first, second) => ({
      backends: [first, second],
      check,
      passive: { connectFailures: 0, failures: 0 },
    }),
    why: /refused the connection/,
    isTiered: false,
  },
  {
    name: "a server and its backup, without checks",
    service: (first, second) => ({
      backends: [first, { url: second, tier: 1 }],
      passive: { deadFor: "1s" },
    }),
    // A connection may have stood in its queue when it was killed.
    why: /refused the connection|could not be reached/,
    isTiered: true,
  },
];

async function failOver(context: Case, [one, two]: readonly [MariaDb, MariaDb]): Promise<void> {
  await using folder = await tempFolder();
  await using mails = await mailServer();
  const [first, second] = [one, two].map(({ port }) => `tcp://127.0.0.1:${port}`);
  assert.ok(first !== undefined && second !== undefined);
  await using program = await startTidegate({
    config: {
      listeners: { mysql: { bind: "127.0.0.1:0", protocol: "tcp", service: "db" } },
      services: { db: context.service(first, second) },
      alerts: await alertsTo(mails, folder),
    },
    workers: 2,
  });
  const { user, password, database } = one;
  const front = { port: program.port("mysql"), user, password, database };
  const begin = performance.now();
  await using load = mysqlLoad(front);
  await load.served(begin, 10, one.port);
  if (!context.isTiered) await load.served(begin, 10, two.port);
  assert.deepEqual(
    load.connections.filter(({ failure }) => failure !== undefined),
    [],
  );
  assert.equal(mails.mails.length, 0);

  const from = performance.now();
  await one.kill();
  const until = performance.now();
  const after = await load.served(until, 20);
  for (const each of after) assert.equal(each.port, two.port);
  const down = told((await mails.arrived(1))[0]);
  // A check that was under way when it was killed may have been answered: it goes down, up and down within one mail.
  const news = new RegExp(`db: 127\\.0\\.0\\.1:${one.port} is down( again \\(\\d+ changes\\))?$`);
  assert.match(down.subject, news);
  assert.match(down.mail.raw, context.why);
  assert.ok(down.mail.isSecure);
  assert.deepEqual(down.mail.to, ["ops@example.com"]);
  const [row] = await servicesOf(program);
  assert.equal(row?.state, "degraded");

  await one.start();
  const up = told((await mails.arrived(2))[1]);
  assert.match(up.subject, new RegExp(`db: 127\\.0\\.0\\.1:${one.port} is up again$`));
  const back = performance.now();
  await load.served(back, 5, one.port);
  assertUnnoticed(load, { port: one.port, from, until });
  for (const { failure, backend } of await linesOf(program)) {
    assert.ok(failure === null || failure === "CLIENT_CLOSED" || backend === first, `${failure}`);
  }
  assert.equal(mails.mails.length, 2, "nothing else was worth a mail");
  assert.equal((await servicesOf(program))[0]?.state, "up");
}

test("MariaDB behind a TCP listener", { skip, timeout: 200_000 }, async (context) => {
  await using one = await startMariaDb();
  await using two = await startMariaDb();
  for (const each of cases) {
    await context.test(`${each.name}: one is killed and comes back`, async () => {
      await failOver(each, [one, two]);
    });
  }
});
