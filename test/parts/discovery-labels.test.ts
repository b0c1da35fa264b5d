// Labels that are wrong, and labels that reach for what is not theirs: files of the host, other services,
// programs that listen on loopback. A real Docker Engine and the real program; beside each bad container
// runs a good one that must not notice.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import { controlOf } from "../harness/control.ts";
import { answeredBy, asked, complaints, discoveryOf, found } from "../harness/discovered.ts";
import { dockerEngineNeeds, startDockerEngine } from "../harness/docker-engine.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { httpOrigin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";
import { webContainers, webImageNeeds } from "../harness/web-image.ts";

const skip = needsRoot() || needs(...dockerEngineNeeds, ...webImageNeeds);

/** Labels of one container, each making a route of its own that is wrong in one way. */
const wrong: Readonly<Record<string, readonly [key: string, value: string]>> = {
  duration: ["timeouts.response", "soon"],
  boolean: ["stripPrefix", "maybe"],
  number: ["maxBody", "-5"],
  unknown: ["timeuots.response", "5s"],
  nested: ["timeouts.response.deeper", "5s"],
  rule: ["rule", "Host(`rule.wrong.test`"],
  redirect: ["redirect.status", "200"],
  port: ["port", "eighty"],
  large: ["port", "70000"],
  scheme: ["scheme", "ftp"],
  balance: ["service.balance", "luck"],
  unbalanced: ["service.balanec", "random"],
  flow: ["headers", "{a: [}"],
};

test("labels of containers", { skip, timeout: 240_000 }, async (context) => {
  await using engine = await startDockerEngine();
  const web = await webContainers(engine);
  await using secret = await httpOrigin((_request, response) => response.end("secret"));
  await using folder = await tempFolder("tidegate-escape-");
  let askedInside = 0;
  secret.server.on("request", () => (askedInside += 1));
  await using program = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      providers: { docker: { endpoint: engine.endpoint } },
      routes: { "admin.test": { service: "admin", clientIp: "203.0.113.1" } },
      services: { admin: { backends: [secret.url] } },
    },
  });
  const port = program.port();
  await web.run({ name: "good", labels: { "tidegate.host": "good.test" } });
  await answeredBy(program, "good.test", "good");

  await context.test("every setting of a route is a label of the same name", async () => {
    await web.run({
      name: "set",
      labels: {
        "tidegate.host": "set.test",
        "tidegate.path": "/sub",
        "tidegate.stripPrefix": "true",
        "TIDEGATE.Timeouts.Response": "5s",
        "tidegate.service.check": "{ http: /, interval: 1s }",
        "tidegate.routes.away.host": "away.test",
        "tidegate.routes.away.redirect.to": "https://elsewhere.test/",
        "tidegate.routes.away.redirect.status": "302",
        "tidegate.routes.one.rule": "Host(`one.set.test`) && Method(`GET`)",
      },
    });
    await answeredBy(program, "one.set.test", "set");
    await answeredBy(program, "set.test", "set", "/sub/api/");
    assert.equal((await asked(port, "set.test", "/other")).status, 404);
    const { status, headers } = await ask(port, { name: "away.test" });
    assert.equal(status, 302);
    assert.ok(headers.flat().includes("https://elsewhere.test/"), JSON.stringify(headers));
    assert.deepEqual(complaints(await found(program, "set")), []);
  });

  await context.test("a wrong label costs its own route, and the reason is shown", async () => {
    const routes = Object.entries(wrong).flatMap(([name, [key, value]]) => [
      ...(key === "rule" ? [] : [[`tidegate.routes.${name}.host`, `${name}.wrong.test`]]),
      [`tidegate.routes.${name}.${key}`, value],
    ]);
    await web.run({
      name: "wrong",
      labels: {
        ...Object.fromEntries(routes),
        "tidegate.routes.fine.host": "fine.wrong.test",
        "tidegate.routes.__proto__.host": "proto.wrong.test",
        "tidegate.routes.constructor.host": "constructor.wrong.test",
        "tidegate.constructor": "x",
        "tidegate.__proto__.polluted": "x",
        "tidegate.": "x",
        "tidegate...": "x",
        tidegate: "x",
        [`tidegate.${"deep.".repeat(2000)}x`]: "x",
        "tidegate.long": "x".repeat(50_000),
      },
    });
    await answeredBy(program, "fine.wrong.test", "wrong");
    await answeredBy(program, "good.test", "good");
    const finding = await found(program, "wrong");
    for (const [name, [key]] of Object.entries(wrong)) {
      assert.equal((await asked(port, `${name}.wrong.test`)).status, 404, name);
      const notes = finding.notes.filter(({ severity }) => severity === "error");
      const about = `tidegate.routes.${name}.`;
      assert.ok(
        notes.some((each) => each.about.startsWith(about) && each.message !== ""),
        `nothing is said of ${about}${key}: ${JSON.stringify(finding.notes)}`,
      );
    }
    const text = JSON.stringify(finding.notes);
    assert.match(text, /timeouts/, "the nearest name is told");
    assert.match(text, /balance/, "also of a service's setting");
    assert.ok(text.length < 100_000, "what is said about long labels is short");
    assert.equal(({} as { polluted?: string }).polluted, undefined);
    // Each is in the log once, however often the containers were listed since.
    await engine.docker(["restart", "--time", "0", "good"]);
    await answeredBy(program, "good.test", "good");
    const lines = program.stderr().split("\n");
    const about = lines.filter((line) => line.includes("tidegate.routes.duration"));
    assert.ok(about.length <= 1, about.join("\n"));
  });

  await context.test("a label names no file of the host", async () => {
    const own = folder.file("pages");
    await mkdir(own);
    await writeFile(folder.file("pages/error_default.html"), "stolen page");
    const log = folder.file("evil.log");
    const escapes: readonly (readonly [key: string, value: string])[] = [
      ["accessLog.path", log],
      ["accessLog", `{ path: ${log} }`],
      ["accesslog.PATH", log],
      ["errorPages", own],
      ["maintenance.page", "/etc/passwd"],
      ["maintenance", "{ enabled: true, page: /etc/passwd }"],
      ["service.maintenance.page", "/etc/passwd"],
      ["service.tls.ca", "/etc/hostname"],
      ["service.tls", "{ ca: /etc/hostname }"],
      ["service.errorPages", own],
    ];
    const labels = escapes.flatMap(([key, value], at) => [
      [`tidegate.routes.e${at}.host`, `e${at}.escape.test`],
      [`tidegate.routes.e${at}.${key}`, value],
    ]);
    await web.run({
      name: "escape",
      labels: {
        ...Object.fromEntries(labels),
        "tidegate.tcp.sneaky.sni": "sneaky.test",
        "tidegate.tcp.sneaky.tls.cert": "/etc/passwd",
        "tidegate.tcp.sneaky.tls.key": "/etc/shadow",
        "tidegate.routes.fine.host": "fine.escape.test",
      },
    });
    await answeredBy(program, "fine.escape.test", "escape");
    const finding = await found(program, "escape");
    for (const [at, [key]] of escapes.entries()) {
      const { status, body } = await asked(port, `e${at}.escape.test`, "/nowhere");
      assert.equal(status, 404, key);
      assert.doesNotMatch(body, /stolen|root:/);
      const prefix = `tidegate.routes.e${at}.`;
      assert.ok(
        complaints(finding).some(({ about }) => about.startsWith(prefix)),
        `nothing is said of ${prefix}${key}: ${JSON.stringify(finding.notes, undefined, 1)}`,
      );
    }
    assert.ok(complaints(finding).some(({ about }) => about.startsWith("tidegate.tcp.sneaky")));
    assert.equal(existsSync(log), false, "a file was made");
  });

  await context.test("a container leads to itself and to nobody else", async () => {
    const elsewhere: readonly (readonly [key: string, value: string])[] = [
      ["service", secret.url],
      ["service", `[${secret.url}]`],
      ["service", "admin"],
      ["service", "good@docker"],
      ["service.backends", secret.url],
      ["service.backends", `[{ url: ${secret.url} }]`],
      ["service.split.admin", "1"],
      ["service.failover", "admin"],
      ["service.failover", `[${secret.url}]`],
      ["service.mirror", "admin"],
      ["service.mirror", `{ to: admin }`],
      ["backends", secret.url],
      ["url", secret.url],
    ];
    const labels = elsewhere.flatMap(([key, value], at) => [
      [`tidegate.routes.e${at}.host`, `e${at}.elsewhere.test`],
      [`tidegate.routes.e${at}.${key}`, value],
    ]);
    await web.run({
      name: "elsewhere",
      labels: { ...Object.fromEntries(labels), "tidegate.routes.fine.host": "fine.elsewhere.test" },
    });
    // On the loopback interface of the proxy's own host, as if it were the container's.
    const port2 = `${secret.port}`;
    await web.run({
      name: "loopback",
      labels: { "tidegate.host": "loopback.test", "tidegate.port": port2 },
      env: { VIRTUAL_HOST: "virtual.test" },
    });
    await answeredBy(program, "fine.elsewhere.test", "elsewhere");
    const finding = await found(program, "elsewhere");
    for (const [at, [key, value]] of elsewhere.entries()) {
      const { status, body } = await asked(port, `e${at}.elsewhere.test`);
      assert.equal(status, 404, `${key}=${value} answered ${body}`);
      const prefix = `tidegate.routes.e${at}.`;
      assert.ok(
        complaints(finding).some(({ about }) => about.startsWith(prefix)),
        `nothing is said of ${prefix}${key}`,
      );
    }
    await found(program, "loopback");
    assert.notEqual((await asked(port, "loopback.test")).body, "secret");
    assert.equal((await asked(port, "virtual.test")).status, 404);
    assert.equal(askedInside, 0);
  });

  await context.test("discover shows all of it as a table, and harms no terminal", async () => {
    const evil = "\u001B[2J\u202Eevil";
    await web.run({ name: "evil", labels: { "tidegate.host": evil, [`tidegate.${evil}`]: evil } });
    await found(program, "evil");
    const { stdout, stderr, code } = await controlOf(program.control).command("discover");
    assert.deepEqual([code, stderr], [0, ""]);
    const text = Buffer.from(stdout, "latin1").toString();
    assert.doesNotMatch(text, /(?!\n)[\p{Cc}\u202E]/u);
    assert.match(text, /^PROVIDER +NAME +STATE +ADDRESS +ROUTE/);
    assert.match(text, /^docker +good +running +\d+\.\d+\.\d+\.\d+ +Host\(`good\.test`\) +http:/m);
    assert.match(text, /^ {2}error tidegate\.routes\.duration\.timeouts\.response: .+;? /m);
    const json = await controlOf(program.control).command("discover", "--json");
    const rows = JSON.parse(Buffer.from(json.stdout, "latin1").toString()) as unknown;
    assert.deepEqual(
      rows,
      JSON.parse(JSON.stringify(await discoveryOf(program))),
      "the command shows what the socket answers",
    );
  });

  await context.test("after all that the good container is as it was", async () => {
    assert.deepEqual(await asked(port, "good.test"), { status: 200, body: "good" });
    assert.deepEqual(complaints(await found(program, "good")), []);
    assert.equal((await program.stop()).code, 0);
  });
});
