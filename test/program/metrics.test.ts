// What the real program counts, with real workers: each request once, also when a worker is killed, and told by all the
// ways there are.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { test } from "node:test";
import { connect as connectTls, type SecureVersion } from "node:tls";
import { readMeasured, type Measured } from "../../src/admin/measures.ts";
import { askControl } from "../../src/admin/control-client.ts";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { controlOf } from "../harness/control.ts";
import { freePort } from "../harness/free-port.ts";
import { frame, frameTypes as types, preface } from "../harness/h2-frames.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin, origin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const respond = (body: string) => ({ respond: { body } });

/** Values by name with labels, as Prometheus reads them. */
async function metricsOf(program: Tidegate): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${program.port("metrics")}/metrics`);
  assert.equal(answer.status, 200);
  const lines = (await answer.text()).split("\n").filter((line) => !/^(#|$)/.test(line));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

async function until(program: Tidegate, name: string, value: number): Promise<void> {
  const isSo = async () => (await metricsOf(program)).get(name) === value || undefined;
  await eventually(`${name} is ${value}`, isSo, 20_000);
}

async function measuresOf(program: Tidegate): Promise<Measured> {
  const answer = await askControl(program.control, { route: "/api/v1/measures" });
  assert.ok(answer.kind === "answer" && answer.status === 200);
  const measured = readMeasured(answer.body);
  assert.ok(measured !== undefined);
  return measured;
}

const metrics = { bind: "127.0.0.1:0" };

const config = (routes: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  listeners: { web: "127.0.0.1:0" },
  metrics,
  routes,
  ...more,
});

test("each request is counted once, by route, status and what went wrong", async () => {
  await using backend = await httpOrigin((_request, response) => {
    response.writeHead(201).end("made");
  });
  const nobody = await freePort();
  const routes = {
    "app.test": respond("hello"),
    "made.test": { service: "back" },
    "gone.test": `http://127.0.0.1:${nobody}`,
    "shut.test": {
      respond: { body: "no" },
      middlewares: [{ ipRules: { allow: ["192.0.2.0/24"] } }],
    },
  };
  const services = { back: `http://127.0.0.1:${backend.port}` };
  await using program = await startTidegate({ config: config(routes, { services }), workers: 2 });
  const names = ["app.test", "app.test", "made.test", "gone.test", "shut.test", "nobody.test"];
  for (const name of names) await ask(program.port(), { name });
  await until(program, 'tidegate_requests_total{route="(none)",code="4xx"}', 1);
  const all = await metricsOf(program);
  const counted = [
    ['tidegate_requests_total{route="app.test",code="2xx"}', 2],
    ['tidegate_requests_total{route="made.test",code="2xx"}', 1],
    ['tidegate_requests_total{route="gone.test",code="5xx"}', 1],
    ['tidegate_requests_total{route="shut.test",code="4xx"}', 1],
    ['tidegate_failures_total{route="gone.test",failure="CONNECT_REFUSED"}', 1],
    ['tidegate_failures_total{route="(none)",failure="NO_ROUTE"}', 1],
    [
      'tidegate_middleware_answers_total{route="app.test",middleware="respond",outcome="answered"}',
      2,
    ],
    [
      'tidegate_middleware_answers_total{route="shut.test",middleware="ipRules",outcome="refused"}',
      1,
    ],
    ['tidegate_request_duration_seconds_count{route="app.test"}', 2],
    ['tidegate_requests_in_flight{route="app.test"}', 0],
    ['tidegate_response_bytes_total{route="app.test"}', 10],
    ['tidegate_service_requests_total{service="back"}', 1],
    [
      `tidegate_backend_requests_total{service="back",backend="http://127.0.0.1:${backend.port}"}`,
      1,
    ],
    ['tidegate_listener_connections_total{listener="web",outcome="accepted"}', 6],
    ['tidegate_workers{state="live"}', 2],
    ["tidegate_config_last_reload_successful", 1],
    ["tidegate_config_routes", 4],
  ] as const;
  for (const [name, value] of counted) assert.equal(all.get(name), value, name);
  const { totals, routes: rows } = await measuresOf(program);
  assert.deepEqual([totals.requests, totals.errors], [6, 1]);
  assert.equal(rows.find(({ name }) => name === "app.test")?.total, 2);
});

test("what a worker counted stays when it is killed, and what it carried does not", async () => {
  await using slow = await origin();
  const routes = { "app.test": respond("hello"), "slow.test": `http://127.0.0.1:${slow.port}` };
  await using program = await startTidegate({ config: config(routes), workers: 1 });
  for (let count = 0; count < 5; count++) await ask(program.port());
  await using client = await connect(program.port());
  await client.send("GET / HTTP/1.1\r\nHost: slow.test\r\n\r\n");
  await until(program, 'tidegate_requests_in_flight{route="slow.test"}', 1);
  await until(program, 'tidegate_requests_total{route="app.test",code="2xx"}', 5);
  const control = controlOf(program.control);
  const [worker] = await control.settled(1);
  process.kill(worker?.pid ?? 0, "SIGKILL");
  await control.settled(1, worker === undefined ? [] : [worker]);
  await until(program, 'tidegate_requests_in_flight{route="slow.test"}', 0);
  await ask(program.port());
  await until(program, 'tidegate_requests_total{route="app.test",code="2xx"}', 6);
  assert.equal((await metricsOf(program)).get('tidegate_worker_replacements_total{worker="0"}'), 1);
});

test("counters go on over a reload and over new workers, to the last request", async () => {
  const routes = { "app.test": respond("one") };
  await using program = await startTidegate({ config: config(routes), workers: 1 });
  await ask(program.port());
  await program.writeConfig(config({ "app.test": respond("two"), "b.test": respond("b") }));
  await eventually("the change is live", async () => {
    return (await ask(program.port(), { name: "b.test" })).status === 200 || undefined;
  });
  await ask(program.port());
  // It tells what it has counted when it leaves.
  assert.equal((await controlOf(program.control).command("restart")).code, 0);
  await until(program, 'tidegate_requests_total{route="app.test",code="2xx"}', 2);
});

test("a backend that comes back while it still carries something is counted as it is", async () => {
  const pending: (() => void)[] = [];
  let served = 0;
  await using backend = await httpOrigin((request, response) => {
    if (request.url === "/slow") {
      pending.push(() => response.end("slow"));
      return;
    }
    served++;
    response.end("fast");
  });
  await using other = await httpOrigin((_request, response) => response.end("other"));
  const url = `http://127.0.0.1:${backend.port}`;
  const given = (...backends: readonly string[]) =>
    config({ "app.test": { service: "back" } }, { services: { back: { backends } } });
  await using program = await startTidegate({ config: given(url), workers: 1 });
  for (let count = 0; count < 5; count++) await ask(program.port());
  await using client = await connect(program.port());
  await client.send("GET /slow HTTP/1.1\r\nHost: app.test\r\n\r\n");
  await eventually("it is asked", () => pending.length === 1);
  const name = `tidegate_backend_requests_total{service="back",backend="${url}"}`;
  await until(program, name, 5);
  const asked = (body: string) =>
    eventually(`${body} answers`, async () => (await ask(program.port())).body === body);
  await program.writeConfig(given(`http://127.0.0.1:${other.port}`));
  await asked("other");
  await program.writeConfig(given(url));
  await asked("fast");
  await until(program, name, served);
  const { uptime } = await measuresOf(program);
  await eventually("it was told some more times", async () => {
    return (await measuresOf(program)).uptime > uptime + 3000;
  });
  assert.equal((await metricsOf(program)).get(name), served);
  for (const end of pending) end();
  await until(program, name, served + 1);
  await until(program, `tidegate_backend_in_flight{service="back",backend="${url}"}`, 0);
});

test("more routes than are named are one row, whatever they are called", async () => {
  const names = Array.from({ length: 15 }, (_, at) => `r${at}.test`);
  const routes = Object.fromEntries(names.map((name) => [name, respond("x")]));
  const limited = { metrics: { ...metrics, maxSeries: 10 } };
  await using program = await startTidegate({ config: config(routes, limited) });
  for (const name of names) await ask(program.port(), { name });
  await until(program, 'tidegate_requests_total{route="(other)",code="2xx"}', 5);
});

test(
  "promtool takes all of what a program with traffic says",
  { skip: needs("promtool") },
  async () => {
    const routes = { "app.test": { respond: { body: "x" }, middlewares: [{ cache: {} }] } };
    await using program = await startTidegate({ config: config(routes), workers: 1 });
    await ask(program.port());
    await until(program, 'tidegate_requests_total{route="app.test",code="2xx"}', 1);
    const answer = await fetch(`http://127.0.0.1:${program.port("metrics")}/metrics`);
    assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    const input = await answer.text();
    const { stdout, stderr, status } = spawnSync("promtool", ["check", "metrics"], {
      input,
      encoding: "utf8",
    });
    assert.equal(`${stdout}${stderr}`, "");
    assert.equal(status, 0);
  },
);

test("the address of metrics has metrics and nothing else, and goes away when it is left out", async () => {
  const routes = { "app.test": respond("x") };
  await using program = await startTidegate({ config: config(routes) });
  const base = `http://127.0.0.1:${program.port("metrics")}`;
  assert.equal((await fetch(`${base}/`)).status, 404);
  assert.equal((await fetch(`${base}/api/v1/status`)).status, 404);
  assert.equal((await fetch(`${base}/metrics`, { method: "POST" })).status, 405);
  // A page in a browser of this machine, whose name was made to lead here.
  for (const head of ["Host: evil.test", "Host: localhost\r\nOrigin: http://evil.test"]) {
    await using page = await connect(program.port("metrics"));
    await page.send(`GET /metrics HTTP/1.1\r\n${head}\r\n\r\n`);
    const { status, body } = await page.readResponse();
    assert.deepEqual([status, /tidegate_/.test(body)], [403, false]);
  }
  // Answers of one who asks many times at once do not wait in memory.
  await using greedy = await connect(program.port("metrics"));
  await greedy.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20));
  const first = await greedy.readResponse();
  const second = await greedy.readResponse().catch(() => undefined);
  assert.deepEqual([first.status, second?.status === 200], [200, false]);
  const head = await fetch(`${base}/metrics`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
  await program.writeConfig({ ...config(routes), metrics: {} });
  await eventually("nobody listens there", async () => {
    const asked = await fetch(`${base}/metrics`).catch(() => undefined);
    return asked === undefined || undefined;
  });
  // The control socket has them in any case.
  const answer = await askControl(program.control, { route: "/api/metrics" });
  assert.ok(answer.kind === "answer" && answer.status === 200);
  assert.match(String(answer.body), /^tidegate_build_info\{/m);
});

test("who looks on is told each second, with rates of what goes through", async () => {
  const routes = { "app.test": respond("x") };
  await using program = await startTidegate({ config: config(routes), workers: 1 });
  const leaving = new AbortController();
  const events: Measured[] = [];
  const onLine = (line: string) => {
    const event = line.startsWith("data: ") ? readMeasured(JSON.parse(line.slice(6))) : undefined;
    if (event !== undefined) events.push(event);
  };
  const { signal } = leaving;
  const looking = askControl(program.control, { route: "/api/v1/live?limit=5", onLine, signal });
  await eventually("a rate", async () => {
    await ask(program.port());
    return events.some(({ totals }) => totals.rates.requests > 0) || undefined;
  });
  const busy = await eventually("a busy row", async () => {
    await ask(program.port());
    return events.find(({ routes: [row] }) => row !== undefined && row.rate > 0 && row.p99 > 0);
  });
  assert.equal(busy.routes[0]?.name, "app.test");
  assert.equal(busy.history.length, 1);
  assert.equal(busy.workers[0]?.state, "live");
  leaving.abort();
  await looking;
});

test("listeners count handshakes by version, and streams when they are over", async () => {
  await using backend = await httpOrigin((_request, response) => void response.end("x"));
  const listeners = {
    web: { bind: "127.0.0.1:0", tls: true },
    raw: { bind: "127.0.0.1:0", protocol: "tcp", service: "back" },
  };
  const services = { back: `tcp://127.0.0.1:${backend.port}` };
  const given = { ...config({ "app.test": respond("x") }, { services }), listeners };
  await using program = await startTidegate({ config: given, workers: 1 });
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] satisfies SecureVersion[]) {
    const socket = connectTls({
      ...{ port: program.port(), host: "127.0.0.1", servername: "app.test" },
      ...{ maxVersion, rejectUnauthorized: false },
    });
    // An answer comes when both ends are through with it.
    socket.write("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
  }
  await using broken = await connect(program.port());
  // A record that says it is a handshake, and holds none.
  await broken.send(Buffer.from([22, 3, 1, 0, 5, 9, 0, 0, 1, 0]));
  await broken.waitClose();
  const answer = await ask(program.port("raw"), { headers: { Connection: "close" } });
  assert.equal(answer.status, 200);
  await until(program, 'tidegate_tls_handshake_failures_total{listener="web"}', 1);
  await until(program, 'tidegate_streams_total{listener="raw",outcome="ended"}', 1);
  const all = await metricsOf(program);
  for (const version of ["1.2", "1.3"]) {
    const name = `tidegate_tls_handshakes_total{listener="web",version="${version}"}`;
    assert.equal(all.get(name), 1, name);
  }
  assert.ok((all.get('tidegate_stream_sent_bytes_total{listener="raw"}') ?? 0) > 50);
  assert.equal(all.get('tidegate_listener_connections_open{listener="web"}'), 0);
});

test("listeners count connections over HTTP/2, their streams, and how they end", async () => {
  let asked = 0;
  await using backend = await httpOrigin((request, response) => {
    asked++;
    if (request.url === "/quick") response.end("x");
  });
  const listeners = { web: { bind: "127.0.0.1:0", h2c: true } };
  const given = { ...config({ "*": `http://127.0.0.1:${backend.port}` }), listeners };
  await using program = await startTidegate({ config: given, workers: 1 });
  const name = (what: string, more = "") => `tidegate_http2_${what}{listener="web"${more}}`;
  const client = connectHttp2(`http://127.0.0.1:${program.port()}`, { maxOutstandingPings: 1000 });
  client.on("error", () => {});
  for (let count = 0; count < 3; count++) {
    const quick = client.request({ ":path": "/quick" });
    await once(quick.resume(), "close");
  }
  const slow = client.request({ ":path": "/slow" });
  slow.on("error", () => {});
  await until(program, name("streams_total"), 4);
  slow.close(8);
  await until(program, name("streams_reset_total"), 1);
  await until(program, name("connections_open"), 1);
  const ended = Promise.withResolvers<void>();
  client.on("close", () => ended.resolve());
  for (let count = 0; count < 500; count++) client.ping(() => {});
  await ended.promise;
  await until(program, name("floods_total", ',flood="ping"'), 1);

  await using broken = await connect(program.port());
  // SETTINGS of five bytes, where each has six.
  await broken.send(
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x05\x04\0\0\0\0\0abcde", "latin1"),
  );
  await broken.waitClose();
  await until(program, name("faults_total"), 1);

  // Given up in the same breath: `GET /` and its reset, fifty times in one packet. Nobody is asked.
  await using hasty = await connect(program.port());
  const pairs = Array.from({ length: 50 }, (_, at) => [
    frame(types.HEADERS, 5, 2 * at + 1, Buffer.from([0x82, 0x86, 0x84, 0x41, 1, 0x78])),
    frame(types.RST_STREAM, 0, 2 * at + 1, Buffer.from([0, 0, 0, 8])),
  ]);
  const hello = [preface, frame(types.SETTINGS, 0, 0, Buffer.alloc(0))];
  await hasty.send(Buffer.concat([...hello, ...pairs.flat()]));
  await until(program, name("streams_reset_total"), 51);
  assert.equal(asked, 4);

  // Who leaves has reset nothing, and was begun to be served.
  await using leaver = await connect(program.port());
  await leaver.send(Buffer.concat([...hello, pairs[0]![0]!]));
  await until(program, name("streams_total"), 55);
  leaver.end();
  await until(program, name("connections_open"), 1);
  await until(program, 'tidegate_requests_total{route="*",code="4xx"}', 2);
  const all = await metricsOf(program);
  assert.equal(all.get(name("streams_reset_total")), 51);
  assert.equal(all.get(name("connections_total")), 4);
  assert.equal(all.get(name("connections_open")), 1);
  assert.equal(all.get('tidegate_requests_total{route="*",code="2xx"}'), 3);
});
