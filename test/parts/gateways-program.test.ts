import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { needs } from "../harness/needs.ts";
import { type PhpFpm, phpFpmNeeds, startPhpFpm } from "../harness/php-fpm.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { skip: needs(...phpFpmNeeds), timeout: 60_000 };

const scripts = {
  "who.php": `<?php usleep(random_int(0, 3000)); echo $_GET["who"], str_repeat("-", 20000), $_GET["who"];`,
  "aborted.php": `<?php
    ignore_user_abort(true);
    ob_implicit_flush(); while (ob_get_level() > 0) ob_end_flush();
    for ($i = 0; $i < 600; $i++) {
      echo str_repeat("x", 1000);
      if (connection_aborted()) { file_put_contents($_GET["note"], "noticed"); exit; }
      usleep(20000);
    }`,
};

function programFor(php: PhpFpm, fastcgi: object = {}, service: object = {}): Promise<Tidegate> {
  const backends = `unix:${php.socket}`;
  return startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: {
        "a.test": { service: { fastcgi: { backends, root: php.root, ...fastcgi }, ...service } },
      },
    },
  });
}

/** Sockets that the program has open, its listening ones included. */
function socketsOf(program: Tidegate): number {
  return program.pids().reduce((sum, pid) => {
    const names = readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return ""; // closed meanwhile
      }
    });
    return sum + names.filter((name) => name.startsWith("socket:")).length;
  }, 0);
}

for (const [how, fastcgi, service] of [
  ["a connection for each", {}, {}],
  ["connections that are kept", {}, { pool: { maxIdle: 3 } }],
  ["a program that cannot share them", { multiplex: true }, { pool: { maxIdle: 3 } }],
] as const) {
  test(`answers go to whom they are for, with ${how}`, bounded, async () => {
    await using php = await startPhpFpm({ scripts, workers: 4 });
    await using program = await programFor(php, fastcgi, service);
    const before = socketsOf(program);
    const names = Array.from({ length: 60 }, (_, at) => `n${at}`);
    const bodies = await Promise.all(
      names.map(async (name) => {
        const { status, body } = await ask(program.port(), {
          name: "a.test",
          path: `/who.php?who=${name}`,
        });
        return [status, body === name + "-".repeat(20_000) + name];
      }),
    );
    assert.deepEqual(
      bodies,
      names.map(() => [200, true]),
    );
    await eventually(
      "its sockets to be closed",
      () => socketsOf(program) <= before + 4 || undefined,
    );
  });
}

test("a client that goes away is told to the program that answers it", bounded, async () => {
  await using php = await startPhpFpm({ scripts });
  await using program = await programFor(php);
  const note = `${php.folder}/note`;
  const client = connect(program.port(), "127.0.0.1");
  await once(client, "connect");
  client.write(`GET /aborted.php?note=${note} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
  await once(client, "data");
  client.destroy();
  const text = await eventually("the program to notice", () =>
    readFile(note, "utf8").catch(() => undefined),
  );
  assert.equal(text, "noticed");
});

test(
  "a program that is gone is a 502, also where connections to it were kept",
  bounded,
  async () => {
    await using php = await startPhpFpm({ scripts });
    await using program = await programFor(php, {}, { pool: { maxIdle: 2 } });
    const answered = async () =>
      (await ask(program.port(), { name: "a.test", path: "/who.php?who=a" })).status;
    assert.equal(await answered(), 200);
    await php[Symbol.asyncDispose]();
    assert.equal(await answered(), 502);
  },
);
