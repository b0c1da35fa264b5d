// How the program ends: what runs is finished, what is idle is closed, tunnels get their time, and
// whoever is in a hurry says it twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import { field, requestText } from "../harness/ask.ts";
import { eventually, within } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { origin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const listeners = { web: "127.0.0.1:0" };
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const upgrade = "GET /t HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";

function start(url: string, shutdown: Record<string, string> = {}): Promise<Tidegate> {
  return startTidegate({ config: { listeners, routes: { "app.test": url }, shutdown } });
}

/** The drain has begun. */
function refusesConnections(program: Tidegate): Promise<true> {
  return eventually("connections to be refused", async () => {
    try {
      await (await connect(program.port()))[Symbol.asyncDispose]();
      return undefined;
    } catch (error) {
      // Reset: it was waiting to be accepted when the address was closed. The next one says for sure.
      assert.match(String(error), /ECONNREFUSED|ECONNRESET/);
      return String(error).includes("ECONNREFUSED") ? true : undefined;
    }
  });
}

const ended = (program: Tidegate) => within(program.exited, 4000, "the program's end");

for (const name of ["SIGTERM", "SIGINT"] as const) {
  test(`${name}: a running exchange is finished, an idle connection closed, exit code 0`, async () => {
    await using backend = await origin();
    await using program = await start(backend.url);
    await using idle = await connect(program.port());
    await idle.send(requestText({ path: "/idle" }));
    const warm = await backend.accept();
    await warm.readRequest();
    await warm.send(ok);
    await idle.readResponse();
    await using running = await connect(program.port());
    await running.send(requestText({ path: "/running" }));
    await warm.readRequest();

    program.signal(name);
    assert.equal(await idle.readToEnd(), "");
    await assert.rejects(connect(program.port()), /ECONNREFUSED/);
    await warm.send(ok);
    const response = await running.readResponse();
    assert.equal(response.body, "ok");
    assert.equal(field(response, "connection"), "close");
    await running.waitClose();
    running.end();
    idle.end();
    assert.deepEqual(await ended(program), { code: 0, signal: null });
    const targets = (await program.accessLog()).map((line) => JSON.parse(line).target as string);
    assert.deepEqual(targets, ["/idle", "/running"]);
  });
}

test("an exchange whose answer has begun is finished too", async () => {
  await using backend = await origin();
  await using program = await start(backend.url);
  await using client = await connect(program.port());
  await client.send(requestText());
  const connection = await backend.accept();
  await connection.readRequest();
  await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n12");
  await client.waitHeadOrClose();
  program.signal("SIGTERM");
  await refusesConnections(program);
  await connection.send("34");
  assert.equal((await client.readResponse()).body, "1234");
  await client.waitClose();
  client.end();
  assert.equal((await ended(program)).code, 0);
});

test("a request body that is on its way is finished too", async () => {
  await using backend = await origin();
  await using program = await start(backend.url);
  await using client = await connect(program.port());
  await client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\n\r\n12");
  const connection = await backend.accept();
  await connection.expect(/12$/);
  program.signal("SIGTERM");
  await refusesConnections(program);
  await client.send("34");
  await connection.expect("34");
  await connection.send(ok);
  assert.equal((await client.readResponse()).status, 200);
  client.end();
  assert.equal((await ended(program)).code, 0);
});

test("what does not finish within the grace time is cut off, and the exit code is 0", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { grace: "300ms" });
  await using client = await connect(program.port());
  await client.send(requestText());
  const connection = await backend.accept();
  await connection.readRequest();
  const begin = performance.now();
  program.signal("SIGTERM");
  await client.waitClose();
  assert.ok(performance.now() - begin > 250);
  assert.equal((await ended(program)).code, 0);
  await connection.waitClose();
});

test("a tunnel goes on for its grace time, and is then closed", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { grace: "20s", tunnelGrace: "600ms" });
  await using client = await connect(program.port());
  await client.send(upgrade);
  const connection = await backend.accept();
  await connection.readRequest();
  await connection.send(switching);
  assert.equal((await client.readResponse()).status, 101);
  const begin = performance.now();
  program.signal("SIGTERM");
  await refusesConnections(program);
  await client.send("still here");
  await connection.expect("still here");
  await client.waitClose();
  assert.ok(performance.now() - begin > 500);
  assert.equal((await ended(program)).code, 0);
});

test("a tunnel may have a longer time than exchanges", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { grace: "100ms", tunnelGrace: "900ms" });
  await using client = await connect(program.port());
  await client.send(upgrade);
  const connection = await backend.accept();
  await connection.readRequest();
  await connection.send(switching);
  await client.readResponse();
  const begin = performance.now();
  program.signal("SIGTERM");
  await client.waitClose();
  assert.ok(performance.now() - begin > 800, `${(performance.now() - begin).toFixed()} ms`);
  assert.equal((await ended(program)).code, 0);
});

test("a second signal ends at once", async () => {
  await using backend = await origin();
  await using program = await start(backend.url);
  await using client = await connect(program.port());
  await client.send(requestText());
  const connection = await backend.accept();
  await connection.readRequest();
  program.signal("SIGTERM");
  await refusesConnections(program);
  const begin = performance.now();
  program.signal("SIGINT");
  await client.waitClose();
  await ended(program);
  assert.ok(performance.now() - begin < 1500);
});

test("without connections the end is immediate", async () => {
  await using program = await start("http://127.0.0.1:1");
  const begin = performance.now();
  assert.deepEqual(await program.stop(), { code: 0, signal: null });
  assert.ok(performance.now() - begin < 1000);
});
