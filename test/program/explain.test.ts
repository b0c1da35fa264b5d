// What becomes of a request is told as it is, and tests of routes keep a change from going live that breaks one.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { readExplanation } from "../../src/admin/api/explain-schema.ts";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { httpOrigin } from "../harness/origin.ts";
import { answerOf, change, commandOf, storeStand, untilAnswers } from "../harness/store-stand.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const answer = (body: string) => ({ respond: { body } });
const route = (name: string, value: unknown) => ({ section: "routes" as const, name, value });

/** Asks as a console does. */
async function explained(program: Tidegate, body: Record<string, unknown>) {
  const text = JSON.stringify(body);
  const outgoing = request({
    socketPath: program.control,
    ...{ path: "/api/v1/explain", method: "POST", agent: false },
    headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) },
  });
  outgoing.end(text);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let said = "";
  for await (const chunk of response) said += String(chunk);
  return {
    status: response.statusCode,
    text: said,
    explanation: readExplanation(JSON.parse(said)),
  };
}

test(
  "what is told of a request is what becomes of it, down to the backend that is not asked",
  { timeout: 60_000 },
  async () => {
    await using origin = await httpOrigin((_asked, response) => response.end("ok"));
    const dead = "http://127.0.0.1:1";
    await using program = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: {
          "a.test": { service: "shop", stripPrefix: "/api" },
          "a.test/beta": { service: "shop", headers: { "X-Beta": "1" } },
          "old.test": { redirect: "https://a.test{uri}" },
        },
        services: {
          shop: {
            backends: [origin.url, dead],
            check: { http: "/", interval: "200ms", fall: 1, rise: 1 },
          },
        },
      },
      workers: 1,
    });
    const port = program.port();
    const url = `http://a.test:${port}/api/x`;
    const found = await eventually(
      "the dead backend is known",
      async () => {
        const { explanation } = await explained(program, { url });
        const dying = explanation?.services[0]?.backends.find((each) => each.url === dead);
        return dying?.isEligible === false ? explanation : undefined;
      },
      20_000,
    );
    strictEqual(found?.route?.name, "a.test");
    strictEqual(found?.path, "/x");
    match(found?.services[0]?.backends[1]?.why ?? "", /down/);
    strictEqual((await ask(port, { name: "a.test", path: "/api/x" })).status, 200);

    const words = await commandOf(program, ["explain", url, "-H", "X-Beta: 2"]);
    strictEqual(words.code, 0, words.stderr);
    match(words.stdout, /^listener +web 127\.0\.0\.1:\d+/m);
    match(words.stdout, /^middleware +passes +stripPrefix .*: \/api\/x becomes \/x$/m);
    match(words.stdout, /may be asked http:\/\/127\.0\.0\.1:\d+\/? .*: up$/m);
    match(words.stdout, /is not asked http:\/\/127\.0\.0\.1:1 .*: down: /m);
    const beta = await commandOf(program, [
      "explain",
      `http://a.test:${port}/beta`,
      "-H",
      "X-Beta: 2",
    ]);
    match(
      beta.stdout,
      /^candidate +no +a\.test\/beta +Header\(`x-beta`, `1`\): the header x-beta is 2$/m,
    );

    const moved = await commandOf(program, ["explain", "POST", "http://old.test/y?z", "--json"]);
    const told = readExplanation(JSON.parse(moved.stdout));
    deepStrictEqual(told?.answer, {
      status: 302,
      location: "https://a.test/y?z",
      by: "redirect of route old.test",
    });
    const sent = await ask(port, { name: "old.test", path: "/y?z" });
    strictEqual(sent.status, 302);

    const none = await commandOf(program, ["explain", "http://b.test/"]);
    strictEqual(none.code, 1);
    match(none.stdout, /^answer +404 \(no route\)$/m);
    const wrong = await commandOf(program, ["explain", "http://a.test/", "-H", "nothing"]);
    deepStrictEqual([wrong.code, wrong.stdout], [1, ""]);
    match(wrong.stderr, /"nothing" is no header; write -H "Name: value"/);
  },
);

test(
  "a file is explained without a program that runs, and colours are for terminals",
  { timeout: 60_000 },
  async () => {
    await using stand = await storeStand();
    const file = join(stand.program.folder, "other.yaml");
    await writeFile(file, 'routes: { c.test/x: "http://10.0.0.1" }\n');
    const asked = ["explain", "--config", file, "http://c.test/x/y"];
    const found = await runCommand(tidegate, asked);
    strictEqual(found.code, 0, found.stderr);
    match(found.stdout, /^route +c\.test\/x \(.*other\.yaml:1:11; /m);
    match(found.stdout, /only the running program knows/);
    strictEqual(found.stdout.includes("\u001B"), false);
    await writeFile(file, 'routes: { c.test/x: { servce: "http://10.0.0.1" } }\n');
    const bad = await runCommand(tidegate, asked);
    strictEqual(bad.code, 1);
    match(bad.stderr, /unknown key "servce"/);
  },
);

test("a change is explained before it is made", { timeout: 60_000 }, async () => {
  await using stand = await storeStand();
  const { program } = stand;
  const asked = { url: "http://a.test/deep" };
  strictEqual((await explained(program, asked)).explanation?.route?.name, "a.test");
  const changes = [route("a.test/deep", answer("store"))];
  const { explanation } = await explained(program, { ...asked, changes });
  strictEqual(explanation?.route?.name, "a.test/deep@store");
  strictEqual(explanation?.answer?.status, 200);
  strictEqual(await answerOf(program, "a.test", "/deep"), "200 file", "nothing was changed");
  const bad = await explained(program, { ...asked, changes: [route("b.test", { servce: 1 })] });
  strictEqual(bad.status, 422);
  match(bad.text, /"pointer":"\/changes\/0\/value\/servce"/);
});

const file = (tests: readonly unknown[], routes: Readonly<Record<string, unknown>> = {}) => ({
  listeners: { web: "127.0.0.1:0" },
  routes: { "a.test": answer("file"), "a.test/api": answer("api"), ...routes },
  tests,
});

/** It is said a moment after it is served. */
function untilAllHold(program: Tidegate): Promise<true> {
  return eventually(
    "no test fails",
    async () => {
      const { stdout } = await commandOf(program, ["status"]);
      return stdout.includes("serving") && !stdout.includes("the test fails") ? true : undefined;
    },
    20_000,
  );
}

const apiTest = { request: "http://a.test/api/x", expect: { route: "a.test/api" } };

test(
  "a file that breaks one of its tests does not go live, and is told of with its place",
  { timeout: 60_000 },
  async () => {
    await using program = await startTidegate({ config: file([apiTest]) });
    strictEqual(await answerOf(program, "a.test", "/api/x"), "200 api");
    await program.writeConfig(
      file([apiTest], { "a.test/api/x": answer("stolen"), "b.test": answer("b") }),
    );
    const line = await program.waitForLog(/tests\[0\]: the test fails/);
    match(line, /tidegate\.yaml:\d+:\d+/);
    match(line, /should go to the route a\.test\/api, and a\.test\/api\/x takes it/);
    const reload = await commandOf(program, ["reload"]);
    strictEqual(reload.code, 1);
    match(reload.stderr + reload.stdout, /the test fails/);
    strictEqual(await answerOf(program, "a.test", "/api/x"), "200 api");
    match(await answerOf(program, "b.test"), /^404 /);
    const status = await commandOf(program, ["status"]);
    match(status.stdout, /not live: .*the test fails/);
    await program.writeConfig(file([apiTest], { "b.test": answer("b") }));
    await untilAnswers(program, "b.test", "200 b");
    await untilAllHold(program);
  },
);

test(
  "a change of the store that breaks a test is refused, and nothing of it is kept",
  { timeout: 60_000 },
  async () => {
    await using program = await startTidegate({ config: file([apiTest]), workers: 2 });
    const stolen = [route("a.test/api/x", answer("stolen")), route("b.test", answer("b"))];
    const refused = await change(program, stolen);
    strictEqual(refused.status, 422, JSON.stringify(refused.body));
    match(JSON.stringify(refused.body), /tidegate\.yaml:\d+:\d+: the test fails/);
    strictEqual(await answerOf(program, "a.test", "/api/x"), "200 api");
    match(await answerOf(program, "b.test"), /^404 /);
    const command = await commandOf(program, [
      ...["set", "routes", "a.test/api/x", JSON.stringify(answer("stolen"))],
    ]);
    strictEqual(command.code, 1);
    match(
      command.stderr,
      /a\.test\/api\/x@store takes it .*change the test first, if that is meant/s,
    );
    const fine = await change(program, [route("b.test", answer("b"))]);
    strictEqual(fine.status, 200, JSON.stringify(fine.body));
    strictEqual(await answerOf(program, "b.test"), "200 b");
    await using next = await program.startAgain();
    strictEqual(await answerOf(next, "a.test", "/api/x"), "200 api");
  },
);

test(
  "a program starts with a test that fails, warns of it, and what breaks nothing more goes live",
  { timeout: 60_000 },
  async () => {
    const broken = { request: "http://gone.test/", expect: { route: "gone@docker" } };
    await using program = await startTidegate({ config: file([apiTest, broken]) });
    strictEqual(await answerOf(program, "a.test"), "200 file");
    await program.waitForLog(/gone@docker, which is not there/);
    match((await commandOf(program, ["status"])).stdout, /warning: tests\[1\]: the test fails/);
    await program.writeConfig(file([broken, apiTest], { "b.test": answer("b") }));
    await untilAnswers(program, "b.test", "200 b");
    await change(program, [route("c.test", answer("c"))]);
    strictEqual(await answerOf(program, "c.test"), "200 c");
    // What is whole stays whole.
    await program.writeConfig(file([broken, apiTest], { "a.test/api/x": answer("stolen") }));
    await program.waitForLog(/tests\[1\]: the test fails: GET http:\/\/a\.test\/api\/x/);
    strictEqual(await answerOf(program, "a.test", "/api/x"), "200 api");
  },
);

test(
  "what a source says goes live also where a test fails by it, and that is told until it does not",
  { timeout: 60_000 },
  async () => {
    const said = { routes: { "a.test/api/x": answer("source") } };
    let document = JSON.stringify(said);
    await using source = await httpOrigin((_asked, response) => {
      response.setHeader("Content-Type", "application/json").end(document);
    });
    const providers = { http: { url: `${source.url}/routes.json`, every: "1s" } };
    await using program = await startTidegate({ config: { ...file([apiTest]), providers } });
    await eventually(
      "the source's route is served",
      async () => {
        return (await answerOf(program, "a.test", "/api/x")) === "200 source" || undefined;
      },
      20_000,
    );
    await program.waitForLog(/the test fails: GET http:\/\/a\.test\/api\/x .*@http takes it/);
    const config = { ...file([apiTest], { "b.test": answer("b") }), providers };
    await program.writeConfig(config);
    await untilAnswers(program, "b.test", "200 b");
    match((await commandOf(program, ["status"])).stdout, /warning: tests\[0\]: the test fails/);
    document = JSON.stringify({ routes: {} });
    await eventually(
      "the source's route is gone",
      async () => {
        return (await answerOf(program, "a.test", "/api/x")) === "200 api" || undefined;
      },
      20_000,
    );
    await untilAllHold(program);
  },
);

test(
  "check runs the tests that the file can be held to, and says which only the program can run",
  { timeout: 60_000 },
  async () => {
    await using stand = await storeStand();
    const path = join(stand.program.folder, "checked.yaml");
    const run = async (tests: readonly unknown[]) => {
      await writeFile(path, JSON.stringify(file(tests)));
      return runCommand(tidegate, ["check", path]);
    };
    const good = await run([apiTest]);
    strictEqual(good.code, 0, good.stderr);
    strictEqual(good.stdout, "ok: 2 routes, 0 services, 1 listener, 1 test\n");
    const bad = await run([apiTest, { ...apiTest, expect: { route: "a.test" } }]);
    strictEqual(bad.code, 1);
    strictEqual(bad.stdout, "");
    match(bad.stderr, /checked\.yaml:1:\d+: tests\[1\]: the test fails/);
    const others = await run([{ ...apiTest, expect: { route: "web@docker" } }]);
    strictEqual(others.code, 0, others.stderr);
    match(others.stderr, /warning: tests\[0\]: only the running program can run this test/);
    ok(others.stdout.startsWith("ok: "));
  },
);

const page = readFileSync(new URL("../../docs/guide/explain.md", import.meta.url), "utf8");

test("what the guide shows is what the commands say", { timeout: 60_000 }, async () => {
  await using folder = await tempFolder();
  const [, config = ""] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const more = "$&\n  shop.example.com/api/users: { service: shop }";
  await writeFile(folder.file("tidegate.yaml"), config);
  await writeFile(folder.file("broken.yaml"), config.replace(/.*stripPrefix: true \}/, more));
  const shown = [...page.matchAll(/```console\n\$ tidegate (.*)\n([^]*?)\n```/g)];
  strictEqual(shown.length, 4);
  for (const [, words = "", text = ""] of shown) {
    const said = await runCommand(tidegate, words.split(" "), { cwd: folder.path });
    strictEqual((said.stdout + said.stderr).trimEnd(), text, words);
  }
});
