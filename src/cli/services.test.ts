// The commands about services, as processes of their own, against a control socket that this test serves.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { eventually, within } from "../../test/harness/barrier.ts";
import { tidegate } from "../../test/harness/command.ts";
import { sampleHost } from "../../test/harness/sample-host.ts";
import type { SampleOperations } from "../../test/harness/sample-operations.ts";
import { ago, backendRow, bad, good, serviceRow } from "../../test/harness/sample-services.ts";

const first = "http://10.0.0.1:80";
const second = "http://10.0.0.1:8080";
const third = "http://10.0.0.2:80";

const shop = serviceRow("shop", {
  state: "degraded",
  backends: [
    backendRow(first, { inFlight: 3, answered: 123_456, lastCheck: good("200 in 3 ms") }),
    backendRow(second, { weight: 3, latency: 12.3 }),
    backendRow(third, { state: "down", since: ago(5), why: "3 checks failed: refused", failed: 7 }),
  ],
});
const blog = serviceRow("blog", { backends: [backendRow("http://blog.internal:3000")] });
const canary = serviceRow("canary", {
  kind: "split",
  backends: [],
  parts: [
    { service: "shop", share: "95%" },
    { service: "blog", share: "5%" },
  ],
});

const linesOf = (text: string) => text.trimEnd().split("\n");

test("services are a table of backends that has only the columns that say something", async () => {
  await using running = await sampleHost();
  running.operations.rows = [blog];
  const quiet = await running.run("services");
  assert.deepEqual([quiet.code, quiet.stderr], [0, ""]);
  const rows = linesOf(quiet.stdout);
  assert.equal(rows[0], "SERVICE  BACKEND                    STATE  FOR");
  assert.match(rows[1] ?? "", /^blog {5}http:\/\/blog\.internal:3000 {2}up {5}2h 5m$/);
  running.operations.rows = [];
  assert.equal((await running.run("services")).stdout, "none: no service is configured\n");
});

test("states, loads, checks and reasons are shown, within 100 columns", async () => {
  await using running = await sampleHost();
  running.operations.rows = [shop, blog, canary];
  const { stdout } = await running.run("services");
  const [heading, ...rows] = linesOf(Buffer.from(stdout, "latin1").toString());
  assert.match(heading ?? "", /^SERVICE +BACKEND +STATE +FOR +.*IN FLIGHT +.*FAILED/);
  assert.ok(
    [heading, ...rows].every((row) => (row ?? "").length <= 100),
    stdout,
  );
  const text = rows.join("\n");
  assert.match(text, /^shop +http:\/\/10\.0\.0\.1:80 +up +2h 5m .* 3 .*good \d+s/m);
  assert.match(
    text,
    /^shop +http:\/\/10\.0\.0\.2:80 +down +5m .* 7.*\n {2}3 checks failed: refused$/m,
  );
  assert.match(text, /^canary +shop \(95%\), blog \(5%\) +up +2h 5m$/m);
});

test("a service that waits has a line of its own; a check that failed is a reason before it counts", async () => {
  await using running = await sampleHost();
  running.operations.rows = [
    serviceRow("cart", { state: "paused", held: 37, since: ago(2) }),
    serviceRow("db", { breaker: "open" }),
    serviceRow("www", { backends: [backendRow(first, { lastCheck: bad("status 500") })] }),
  ];
  const text = (await running.run("services")).stdout;
  assert.match(text, /^cart +paused +2m .*37$/m);
  assert.match(text, /^db +up .*the circuit breaker is open$/m);
  assert.match(text, /^www .* bad \d+s +status 500$/m);
});

test("one service is shown with what it is made of", async () => {
  await using running = await sampleHost();
  running.operations.rows = [serviceRow("other"), shop, blog, canary];
  const one = await running.run("services", "shop");
  assert.match(one.stdout, /^shop {2}degraded for 2h 5m\nbalance +two-random\n\nBACKEND +STATE/);
  assert.doesNotMatch(one.stdout, /blog|other/);
  const split = await running.run("services", "canary");
  assert.match(
    split.stdout,
    /^canary {2}up for .*\nsplit +shop \(95%\), blog \(5%\)\n\nSERVICE +BACKEND/,
  );
  assert.match(split.stdout, /^blog +http/m);
  assert.doesNotMatch(split.stdout, /other/);
  const json = await running.run("services", "shop", "--json");
  assert.deepEqual(JSON.parse(json.stdout), JSON.parse(JSON.stringify(shop)));
  const all = await running.run("services", "--json");
  assert.equal((JSON.parse(all.stdout) as unknown[]).length, 4);
});

test("a name that is none is answered with what was probably meant, and nothing is done", async () => {
  await using running = await sampleHost();
  running.operations.rows = [shop, canary];
  const cases: readonly (readonly [string, RegExp])[] = [
    ["services shp", /no service "shp"; did you mean "shop"\?/],
    ["pause other-thing", /there are shop, canary/],
    ["maintenance shpo on", /did you mean "shop"\?/],
    ["resume shp", /did you mean "shop"\?/],
    ["drain shop", /say which backend of "shop".*there are http:\/\/10\.0\.0\.1:80, /],
    ["drain shop 10.9.9.9", /no backend of "shop" is "10\.9\.9\.9"; there are http/],
    [
      "drain shop 10.0.0.1",
      /could be any of .*: http:\/\/10\.0\.0\.1:80, http:\/\/10\.0\.0\.1:8080$/m,
    ],
    ["resume shop :80", /could be any of .*: http:\/\/10\.0\.0\.1:80, http:\/\/10\.0\.0\.2:80$/m],
    ["drain canary x", /no backends of its own.*: shop, blog/],
    // What a script says whose variable is not set must not be about the whole program.
    ["drain ", /no service ""/],
    ["resume ", /no service ""/],
    ["drain shop ", /no backend of "shop" is ""/],
    ["maintenance shop perhaps", /Write on or off/],
  ];
  for (const [words, expected] of cases) {
    const { code, stdout, stderr } = await running.run(...words.split(" "));
    assert.deepEqual([words, code, stdout], [words, 1, ""]);
    assert.match(stderr, expected);
  }
  assert.deepEqual(running.operations.calls, []);
});

test("orders reach the program with the names as configured", async () => {
  await using running = await sampleHost();
  const { operations } = running;
  operations.rows = [shop, serviceRow("a/b c")];
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["pause", "shop"], "pause shop"],
    [["pause", "a/b c"], "pause a/b c"],
    [["resume", "shop"], "release shop"],
    // A whole part goes before any part: 8080 begins with 80.
    [["resume", "shop", "10.0.0.1:80"], `release shop ${first}`],
    [["drain", "shop", first], `drain shop ${first}`],
    [["drain", "shop", "8080"], `drain shop ${second}`],
    [["drain", "shop", "0.2", "--no-wait"], `drain shop ${third}`],
    [["maintenance", "shop", "on"], "maintenance shop on"],
    [["maintenance", "shop", "off"], "maintenance shop off"],
    [["drain", "--no-wait"], "drain"],
    [["resume"], "resume"],
  ];
  for (const [words, call] of cases) {
    const { code, stdout, stderr } = await running.run(...words);
    assert.deepEqual([code, stdout, stderr], [0, "done\n", ""], words.join(" "));
    assert.equal(operations.calls.at(-1), call);
  }
  operations.next = { ok: false, message: "it is a split" };
  const refused = await running.run("pause", "shop", "--json");
  assert.equal(refused.code, 1);
  assert.deepEqual(JSON.parse(refused.stdout), { ok: false, message: "it is a split" });
});

/** Until the program was asked for its services that often. */
async function asked(operations: SampleOperations, times: number): Promise<void> {
  const services = operations.services;
  let count = 0;
  operations.services = () => {
    count += 1;
    return services();
  };
  await eventually("the questions", () => (count >= times ? true : undefined), 10_000);
  operations.services = services;
}

const withThird = (more: Parameters<typeof backendRow>[1]) => [
  { ...shop, backends: [backendRow(first), backendRow(third, more)] },
];

test("drain --wait ends when nothing is in flight or waits there", async () => {
  await using running = await sampleHost();
  const { operations } = running;
  operations.rows = withThird({ state: "draining", inFlight: 1 });
  const draining = running.run("drain", "shop", third, "--wait");
  let isOver = false;
  void draining.then(() => (isOver = true));
  await eventually("the drain", () => (operations.calls.length === 1 ? true : undefined), 10_000);
  await asked(operations, 3);
  operations.rows = withThird({ state: "draining", waiting: 1 });
  await asked(operations, 3);
  assert.equal(isOver, false);
  operations.rows = withThird({ state: "draining" });
  const { code, stdout } = await draining;
  assert.deepEqual([code, stdout], [0, `drained: nothing is in flight to ${third}\n`]);
});

test("drain --wait says when somebody resumed meanwhile, and when the backend is gone", async () => {
  await using running = await sampleHost();
  const { operations } = running;
  operations.rows = withThird({ state: "draining", inFlight: 1 });
  const stopped = running.run("drain", "shop", third, "--wait");
  await eventually("the drain", () => (operations.calls.length === 1 ? true : undefined), 10_000);
  operations.rows = withThird({ state: "down", inFlight: 1 });
  const { code, stderr } = await stopped;
  assert.equal(code, 1);
  assert.match(stderr, /somebody had http:\/\/10\.0\.0\.2:80 resume/);
  operations.rows = withThird({ state: "draining", inFlight: 1 });
  const removed = running.run("drain", "shop", third, "--wait");
  await eventually("the drain", () => (operations.calls.length === 2 ? true : undefined), 10_000);
  operations.rows = [blog];
  const gone = await removed;
  assert.equal(gone.code, 0);
  assert.match(gone.stdout, /no longer in the configuration/);
});

test("status names the services that are not up, with why", async () => {
  await using running = await sampleHost();
  const { operations } = running;
  const cart = serviceRow("cart", { state: "paused", held: 37, since: ago(2) });
  operations.rows = [blog, shop, cart, { ...canary, state: "degraded" }];
  const { stdout } = await running.run("status");
  assert.match(stdout, /^services +1 of 4 up$/m);
  assert.match(
    stdout,
    /^ +shop +degraded +for 2h 5m +http:\/\/10\.0\.0\.2:80 down: 3 checks failed/m,
  );
  assert.match(stdout, /^ +cart +paused +for 2m \d*s? *37 waiting$/m);
  assert.match(stdout, /^ +canary +degraded +for 2h 5m +shop degraded$/m);
  assert.doesNotMatch(stdout, /blog/);
  const many = Array.from({ length: 40 }, (_, at) => serviceRow(`s${at}`, { state: "down" }));
  operations.rows = many;
  assert.match((await running.run("status")).stdout, /^ +and 25 more: `tidegate services`$/m);
  const failing = Promise.reject<typeof many>(new Error("the workers are silent"));
  failing.catch(() => {}); // it waits for its turn
  operations.rows = failing;
  const without = await running.run("status");
  assert.equal(without.code, 0);
  assert.match(without.stdout, /^services +not told; try `tidegate services`\n/m);
});

test("alert test is a table of channels, and fails when one of them does", async () => {
  await using running = await sampleHost();
  const { operations } = running;
  operations.next = { ok: true, message: "all of them took it" };
  const fine = await running.run("alert", "test");
  assert.deepEqual([fine.code, fine.stderr], [0, ""]);
  assert.match(
    fine.stdout,
    /^CHANNEL +RESULT +DETAIL\nntfy +delivered +200\nall of them took it\n$/,
  );
  operations.next = { ok: false, message: "1 of 2 failed" };
  operations.channels = [
    { channel: "email", ok: false, text: "550 \u001b[31mno" },
    { channel: "ntfy", ok: true, text: "200" },
  ];
  const failed = await running.run("alert", "test");
  assert.deepEqual([failed.code, failed.stderr], [1, "tidegate: 1 of 2 failed\n"]);
  assert.match(failed.stdout, /^email +failed +550 \\x1b\[31mno\nntfy +delivered +200$/m);
  const json = await running.run("alert", "test", "--json");
  assert.equal(json.code, 1);
  assert.deepEqual(JSON.parse(json.stdout), {
    ok: false,
    message: "1 of 2 failed",
    channels: operations.channels,
  });
  operations.channels = [];
  operations.next = { ok: false, message: "no channel is configured" };
  const none = await running.run("alert", "test");
  assert.deepEqual([none.code, none.stdout], [1, ""]);
  assert.match(none.stderr, /no channel is configured/);
});

test("what others chose never reaches the terminal as it is", async () => {
  await using running = await sampleHost();
  const { operations } = running;
  const evil = "e\u001b[2J\u009b\u202evil";
  const backends = [
    backendRow(`http://${evil}`, { state: "down", why: evil, lastCheck: bad(evil) }),
  ];
  operations.rows = [serviceRow(evil, { state: "down", backends, parts: [] })];
  operations.next = { ok: false, message: `no ${evil}` };
  const commands = [
    ["services"],
    ["services", evil],
    ["services", "--json"],
    ["services", "x"],
    ["status"],
    ["status", "--json"],
    ["pause", evil],
    ["drain", evil],
    ["drain", evil, "nowhere"],
  ];
  for (const words of commands) {
    const { stdout, stderr } = await running.run(...words);
    const text = Buffer.from(stdout + stderr, "latin1").toString();
    assert.match(text, /e\\(x1b|u001b)\[2J/, words.join(" "));
    assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\u202e]/u, words.join(" "));
  }
});

test("on a terminal states are coloured, its width counts, and a drain shows how far it is", async () => {
  await using running = await sampleHost();
  const { operations, path } = running;
  operations.rows = [
    {
      ...shop,
      backends: [backendRow(first), backendRow(third, { state: "draining", inFlight: 2 })],
    },
  ];
  // `script` gives the command a terminal.
  const drain = `${tidegate} drain shop ${third} --wait --control ${path}`;
  const script = `stty cols 60; ${tidegate} services --control ${path}; ${drain}`;
  const child = spawn("script", ["-qec", script, "/dev/null"], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, NO_COLOR: undefined },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (bytes: Buffer) => (out += bytes.toString()));
  const closed = once(child, "close");
  const shown = () => (out.includes(`draining ${third}: 2 in flight`) ? true : undefined);
  await eventually("the progress", shown, 15_000);
  operations.rows = withThird({ state: "draining" });
  await within(closed, 10_000, "the command's end");
  const seen = out.replaceAll("\u001B", "ESC");
  assert.match(seen, /ESC\[32mup *ESC\[0m/);
  assert.match(seen, /ESC\[33mdraining *ESC\[0m/);
  const table = seen.slice(0, seen.indexOf("\rESC[2K")).replaceAll(/ESC\[\d+m/g, "");
  assert.ok(
    linesOf(table).every((line) => line.trimEnd().length <= 60),
    table,
  );
  assert.ok(out.endsWith(`\r\u001B[2Kdrained: nothing is in flight to ${third}\r\n`));
});
