import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import type { Address } from "../../src/config/snapshot.ts";
import { CHUNKED } from "../../src/http/framing.ts";
import { eventually } from "../harness/barrier.ts";
import {
  type Asked,
  Asking,
  askProgram,
  gatewayBackend,
  type GatewayOptions,
  send,
} from "../harness/gateway-sample.ts";
import { needs } from "../harness/needs.ts";
import { type PhpFpm, phpFpmNeeds, startPhpFpm } from "../harness/php-fpm.ts";
import { lease } from "../harness/upstream-sample.ts";

const skip = needs(...phpFpmNeeds);
const bounded = { skip, timeout: 60_000 };

const scripts = {
  "echo.php": `<?php
    header("Content-Type: application/json");
    $body = file_get_contents("php://input");
    echo json_encode(["pid" => getmypid(), "length" => strlen($body), "sha" => hash("sha256", $body),
      "big" => array_map(fn ($i) => hash("sha256", $_SERVER["HTTP_X_BIG_$i"] ?? ""), range(0, 9)),
      "script" => $_SERVER["SCRIPT_FILENAME"], "method" => $_SERVER["REQUEST_METHOD"]]);`,
  "statuses.php": `<?php http_response_code((int) $_GET["status"]); echo "body";`,
  "redirect.php": `<?php header("Location: /elsewhere");`,
  "large.php": `<?php
    $piece = str_repeat("0123456789abcdef", 4096);
    for ($i = 0; $i < 160; $i++) { echo $piece; flush(); }`,
  "stderr.php": `<?php
    error_log("first line"); error_log("second line"); echo "spoken";`,
  "noise.php": `<?php
    for ($i = 0; $i < 2000; $i++) error_log(str_repeat("n", 200)); echo "done";`,
  "aborted.php": `<?php
    ignore_user_abort(true);
    ob_implicit_flush(); while (ob_get_level() > 0) ob_end_flush();
    for ($i = 0; $i < 600; $i++) {
      echo str_repeat("x", 1000);
      if (connection_aborted()) { file_put_contents($_GET["note"], "noticed"); exit; }
      usleep(20000);
    }
    file_put_contents($_GET["note"], "never");`,
  "slow.php": `<?php sleep(30);`,
  "part.php": `<?php
    ob_implicit_flush(); while (ob_get_level() > 0) ob_end_flush();
    echo "begin"; flush(); sleep(30);`,
  "dies.php": `<?php
    ob_implicit_flush(); while (ob_get_level() > 0) ob_end_flush();
    echo "begin"; flush(); posix_kill(getmypid(), 9);`,
  "lies.php": `<?php header("Content-Length: 100"); echo "short";`,
  "more.php": `<?php header("Content-Length: 5"); echo "12345678";`,
};

let php: PhpFpm;

before(async () => {
  if (skip === false) php = await startPhpFpm({ scripts, workers: 6 });
});

after(() => php?.[Symbol.asyncDispose]());

const unix = (): Address => ({ kind: "unix", path: php.socket });
const tcp = (): Address => ({ kind: "tcp", host: "127.0.0.1", port: php.port });

function backendOf(address: Address, options: Partial<GatewayOptions> = {}) {
  return gatewayBackend({ speaks: "fastcgi", address, ...options });
}

function script(name: string, asked: Asked = {}): Asked {
  const [path = "", query = ""] = name.split("?");
  const params = {
    SCRIPT_FILENAME: `${php.root}/${path}`,
    SCRIPT_NAME: `/${path}`,
    QUERY_STRING: query,
    ...asked.params,
  };
  return { ...asked, params };
}

const parsed = (body: Buffer) => JSON.parse(body.toString()) as Record<string, unknown>;

for (const [where, address] of Object.entries({ "a unix socket": unix, "a port": tcp })) {
  test(`php-fpm answers over ${where}`, bounded, async () => {
    using backend = backendOf(address());
    const told = await askProgram(backend, "fastcgi", script("echo.php"));
    assert.deepEqual([told.failure, told.status, told.reason], ["", 200, "OK"]);
    assert.equal(told.bodyLength, CHUNKED);
    assert.match(told.fields, /^Content-Type: application\/json/im);
    assert.doesNotMatch(told.fields, /^status:/im);
    assert.equal(parsed(told.body)["script"], `${php.root}/echo.php`);
    assert.equal(backend.pool.openCount, 0, "a pool that keeps nothing has closed it");
  });

  test(`10 MB go over ${where} in both directions`, bounded, async () => {
    using backend = backendOf(address());
    const body = Array.from({ length: 160 }, () => randomBytes(65_536));
    const up = await askProgram(
      backend,
      "fastcgi",
      script("echo.php", { method: "POST", body, params: { CONTENT_TYPE: "text/x" } }),
    );
    const whole = Buffer.concat(body);
    assert.equal(parsed(up.body)["length"], whole.length);
    assert.equal(parsed(up.body)["sha"], createHash("sha256").update(whole).digest("hex"));
    const down = await askProgram(backend, "fastcgi", script("large.php"));
    assert.equal(down.body.length, 160 * 65_536);
    assert.equal(down.body.toString("latin1", 65_530, 65_546), "abcdef0123456789");
  });
}

test("params of 300 kB arrive whole, in several records", bounded, async () => {
  using backend = backendOf(unix());
  const values = Array.from({ length: 10 }, () => randomBytes(15_000).toString("hex"));
  const params = Object.fromEntries(values.map((value, at) => [`HTTP_X_BIG_${at}`, value]));
  const told = await askProgram(backend, "fastcgi", script("echo.php", { params }));
  const digests = values.map((value) => createHash("sha256").update(value).digest("hex"));
  assert.deepEqual(parsed(told.body)["big"], digests);
});

test("a kept connection is used again, by the same worker", bounded, async () => {
  using backend = backendOf(unix(), { pool: { maxIdle: 4 } });
  const pids = new Set<unknown>();
  for (let count = 0; count < 5; count++) {
    const told = await askProgram(backend, "fastcgi", script("echo.php"));
    pids.add(parsed(told.body)["pid"]);
    assert.deepEqual([backend.pool.openCount, backend.pool.idleCount], [1, 1]);
  }
  assert.equal(pids.size, 1);
  const kept = backend.pool.takeIdle();
  assert.equal(kept?.served, 5);
  kept?.destroy();
});

test("statuses and redirects are the program's", bounded, async () => {
  using backend = backendOf(unix(), { pool: { maxIdle: 1 } });
  for (const status of [200, 201, 404, 500, 503]) {
    const told = await askProgram(backend, "fastcgi", script(`statuses.php?status=${status}`));
    assert.deepEqual([told.status, told.body.toString()], [status, "body"]);
  }
  for (const status of [204, 304]) {
    const told = await askProgram(backend, "fastcgi", script(`statuses.php?status=${status}`));
    assert.deepEqual([told.status, told.body.length, told.bodyLength], [status, 0, 0]);
  }
  const moved = await askProgram(backend, "fastcgi", script("redirect.php"));
  assert.equal(moved.status, 302);
  assert.match(moved.fields, /^Location: \/elsewhere\r$/im);
  const head = await askProgram(backend, "fastcgi", script("large.php", { method: "HEAD" }));
  assert.deepEqual([head.status, head.body.length, head.ended], [200, 0, true]);
  assert.equal((await askProgram(backend, "fastcgi", script("gone.php"))).status, 404);
});

test("lines of its error stream are told one by one, and not without end", bounded, async () => {
  using backend = backendOf(unix(), { pool: { maxIdle: 1 } });
  const told = await askProgram(backend, "fastcgi", script("stderr.php"));
  assert.equal(told.body.toString(), "spoken");
  assert.match(told.errors.join("|"), /first line.*second line/);
  const noise = await askProgram(backend, "fastcgi", script("noise.php"));
  assert.equal(noise.body.toString(), "done");
  assert.ok(noise.errors.join("").length < 40_000);
  assert.match(noise.errors.at(-1) ?? "", /^\(\d+ more bytes of its error stream are left out\)$/);
});

test("a program notices that nobody waits for its answer any more", bounded, async () => {
  using backend = backendOf(unix());
  const note = `${php.folder}/note`;
  const connection = await lease(backend.pool);
  const asking = new Asking();
  await send(connection, asking, "fastcgi", script(`aborted.php?note=${note}`));
  await asking.headDone;
  connection.destroy();
  const text = await eventually("the program to notice", () =>
    readFile(note, "utf8").catch(() => undefined),
  );
  assert.equal(text, "noticed");
  assert.equal(backend.pool.openCount, 0);
});

test("who is late is given up, before its answer and within it", bounded, async () => {
  using backend = backendOf(unix());
  const late = await askProgram(backend, "fastcgi", script("slow.php", { responseTimeout: 100 }));
  assert.equal(late.failure, "RESPONSE_TIMEOUT");
  const cut = await askProgram(backend, "fastcgi", script("part.php", { bodyTimeout: 100 }));
  assert.deepEqual([cut.failure, cut.body.toString()], ["RESPONSE_BODY_TIMEOUT", "begin"]);
  assert.equal(backend.pool.openCount, 0);
});

test("an answer that is cut is no whole answer", bounded, async () => {
  using backend = backendOf(unix(), { pool: { maxIdle: 1 } });
  const killed = await askProgram(backend, "fastcgi", script("dies.php"));
  assert.deepEqual([killed.failure, killed.ended], ["UPSTREAM_TRUNCATED", false]);
  const short = await askProgram(backend, "fastcgi", script("lies.php"));
  assert.equal(short.failure, "UPSTREAM_TRUNCATED");
  const more = await askProgram(backend, "fastcgi", script("more.php"));
  assert.deepEqual([more.bodyLength, more.body.toString(), more.ended], [5, "12345", true]);
});

test("a reader that is slow holds the program back, and gets everything", bounded, async () => {
  using backend = backendOf(unix());
  const connection = await lease(backend.pool);
  const asking = new Asking();
  asking.isCounting = true;
  asking.onFlush = () => {
    connection.pause();
    setTimeout(() => connection.resume(), 1);
  };
  await send(connection, asking, "fastcgi", script("large.php", { bodyTimeout: 2000 }));
  const told = await asking.done;
  assert.deepEqual([told.failure, asking.received], ["", 160 * 65_536]);
});
