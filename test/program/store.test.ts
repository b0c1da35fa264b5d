// Routes that are changed while the program runs: live at once, and there again after any end of it.

import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { controlOf } from "../harness/control.ts";
import { answerOf, answersOf, change, commandOf, post } from "../harness/store-stand.ts";
import { storeConfig, storeStand, untilAnswers } from "../harness/store-stand.ts";
import { startTidegate } from "../harness/tidegate.ts";

const answer = (body: string) => ({ respond: { body } });
const set = (name: string, value: unknown) => ({ section: "routes" as const, name, value });

test(
  "what is set is routed when the command returns, by every worker, and is there after kill -9 of all",
  { timeout: 60_000 },
  async () => {
    await using stand = await storeStand({ workers: 2 });
    const { program } = stand;
    const first = await stand.command("set", "routes", "b.test", JSON.stringify(answer("first")));
    strictEqual(first.code, 0, first.stderr);
    deepStrictEqual(await answersOf(program, "b.test"), ["200 first"]);
    const second = await stand.command("set", "routes", "b.test", JSON.stringify(answer("second")));
    match(second.stdout, /~ routes b\.test\nrevision 2 is live/);
    deepStrictEqual(await answersOf(program, "b.test"), ["200 second"]);
    for (const pid of program.pids()) process.kill(pid, "SIGKILL");
    await program.exited;
    await using next = await program.startAgain();
    strictEqual(await answerOf(next, "b.test"), "200 second");
    strictEqual(await answerOf(next, "a.test"), "200 file");
    const gone = await commandOf(next, ["unset", "routes", "b.test"]);
    match(gone.stdout, /- routes b\.test/);
    match(await answerOf(next, "b.test"), /^404 /);
  },
);

test("the file goes before the store, and whoever sets is told", { timeout: 60_000 }, async () => {
  await using stand = await storeStand();
  const { program } = stand;
  const done = await commandOf(program, ["set", "routes", "a.test", "-"], '{"whoami": true}');
  strictEqual(done.code, 0, done.stderr);
  match(done.stderr, /note: "a\.test" \(.*\) and "a\.test@store" \(routes\/a\.test\) both claim/);
  strictEqual(await answerOf(program, "a.test"), "200 file");
  await program.writeConfig(storeConfig({ "c.test": answer("new") }));
  await untilAnswers(program, "c.test", "200 new");
  await change(program, [set("d.test", answer("store"))]);
  strictEqual(await answerOf(program, "c.test"), "200 new");
  strictEqual(await answerOf(program, "d.test"), "200 store");
  program.signal("SIGHUP");
  await program.waitForLog(/configuration reloaded/);
  strictEqual(await answerOf(program, "d.test"), "200 store");
});

test("several changes are all made, or none of them", { timeout: 60_000 }, async () => {
  await using stand = await storeStand();
  const { program } = stand;
  const bad = await change(program, [
    set("b.test", answer("b")),
    set("c.test", { service: "http://10.0.0.1:80", stripPrefx: true }),
  ]);
  strictEqual(bad.status, 422);
  match(JSON.stringify(bad.body), /routes\[\\"c\.test\\"\]\.stripPrefx.*write stripPrefix/);
  match(await answerOf(program, "b.test"), /^404 /);
  const good = await change(program, [
    { section: "services", name: "shop", value: "http://127.0.0.1:1" },
    set("b.test", { service: "shop", maintenance: true }),
  ]);
  strictEqual(good.status, 200, JSON.stringify(good.body));
  match(await answerOf(program, "b.test"), /^503 /);
  const dry = await change(program, [set("e.test", answer("e"))], { dryRun: true });
  ok(dry.body.kind === "done");
  strictEqual(dry.body.version, undefined);
  strictEqual(dry.body.changed.length, 1);
  match(await answerOf(program, "e.test"), /^404 /);
});

test("of two who change the same thing the second is told", { timeout: 60_000 }, async () => {
  await using stand = await storeStand();
  const { program } = stand;
  await change(program, [set("b.test", answer("1"))]);
  const both = await Promise.all(
    ["x", "y"].map((body) => change(program, [{ ...set("b.test", answer(body)), expected: 1 }])),
  );
  deepStrictEqual(
    both.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 412],
  );
  const there = await change(program, [{ ...set("b.test", answer("z")), expected: "absent" }]);
  strictEqual(there.status, 412);
  match(await answerOf(program, "b.test"), /^200 [xy]$/);
});

test("history, differences and a way back", { timeout: 60_000 }, async () => {
  await using stand = await storeStand();
  const { program } = stand;
  await change(program, [set("b.test", answer("1"))]);
  await change(program, [set("b.test", answer("2")), set("c.test", answer("c"))]);
  const noted = ["set", "routes", "d.test", "http://127.0.0.1:1", "--note", "for the fair"];
  strictEqual((await stand.command(...noted)).code, 0);
  const history = await stand.command("history");
  match(
    history.stdout,
    /^REVISION .*\n3 .* \+routes\/d\.test +for the fair\n2 .*~routes\/b\.test \+routes\/c\.test/,
  );
  const difference = await stand.command("diff", "1", "2");
  match(
    difference.stdout,
    /^~ routes b\.test\n {2}- \{.*"1".*\n {2}\+ \{.*"2".*\n\+ routes c\.test\n/,
  );
  const back = await stand.command("rollback", "1");
  match(back.stdout, /- routes d\.test\n|revision 4 is live/);
  strictEqual(await answerOf(program, "b.test"), "200 1");
  match(await answerOf(program, "c.test"), /^404 /);
  const nowhere = await stand.command("rollback", "77");
  strictEqual(nowhere.code, 1);
  match(nowhere.stderr, /there is no revision 77 to go back to/);
});

test(
  "what was exported can be restored, and a backup takes the place of the store",
  { timeout: 60_000 },
  async () => {
    await using stand = await storeStand();
    const { program } = stand;
    await change(program, [set("b.test", answer("b")), set("c.test", answer("c"))]);
    const file = join(program.folder, "copy.db");
    strictEqual((await stand.command("backup", file)).code, 0);
    const exported = await stand.command("export");
    await change(program, [set("b.test", answer("other")), { section: "routes", name: "c.test" }]);
    match(await answerOf(program, "c.test"), /^404 /);
    const restored = await commandOf(program, ["restore", "-"], exported.stdout);
    strictEqual(restored.code, 0, restored.stderr);
    strictEqual(await answerOf(program, "b.test"), "200 b");
    strictEqual(await answerOf(program, "c.test"), "200 c");
    const none = await commandOf(program, ["restore", "-"], "{}");
    match(none.stderr, /is not what `tidegate export` writes/);
    await change(program, [{ section: "routes", name: "b.test" }]);
    await program.stop();
    await writeFile(join(program.folder, "state/tidegate.db"), await readFile(file));
    await using next = await program.startAgain();
    strictEqual(await answerOf(next, "b.test"), "200 b");
  },
);

test("an upgrade keeps the store writable", { timeout: 60_000 }, async () => {
  await using stand = await storeStand({ workers: 1 });
  const { program } = stand;
  await change(program, [set("b.test", answer("before"))]);
  const upgraded = await controlOf(program.control).command("upgrade");
  strictEqual(upgraded.code, 0, upgraded.stderr);
  strictEqual(await answerOf(program, "b.test"), "200 before");
  const after = await change(program, [set("b.test", answer("after"))]);
  strictEqual(after.status, 200, JSON.stringify(after.body));
  deepStrictEqual(await answersOf(program, "b.test"), ["200 after"]);
});

test(
  "an upgrade that could not use the store is refused, and a primary that died is replaced all the same",
  { timeout: 60_000 },
  async () => {
    await using stand = await storeStand({ workers: 1 });
    const { program } = stand;
    await change(program, [set("b.test", answer("b"))]);
    const newer = new DatabaseSync(join(program.folder, "state/tidegate.db"));
    newer.exec("PRAGMA user_version = 999");
    newer.close();
    const control = controlOf(program.control);
    const { pid } = await control.status();
    const refused = await control.command("upgrade");
    strictEqual(refused.code, 1);
    match(refused.stderr, /those who served before serve on.*was written by a newer version/);
    strictEqual((await control.status()).pid, pid);
    strictEqual(await answerOf(program, "b.test"), "200 b");
    process.kill(pid, "SIGKILL");
    const isOther = async () => {
      const now = await control.status().catch(() => undefined);
      return (now !== undefined && now.pid !== pid) || undefined;
    };
    await eventually("another primary", isOther, 20_000);
    strictEqual(await answerOf(program, "a.test"), "200 file");
    match((await stand.command("status")).stdout, /^store +cannot be changed.*newer version/m);
  },
);

test(
  "a damaged store is refused and left as it is; the program serves, and says what to do",
  { timeout: 60_000 },
  async () => {
    await using stand = await storeStand();
    const { program } = stand;
    await change(program, [set("b.test", answer("b"))]);
    await program.stop();
    const path = join(program.folder, "state/tidegate.db");
    await truncate(path, 9000);
    const before = await readFile(path);
    await using next = await program.startAgain();
    match(next.stderr(), /is damaged.*move .*tidegate\.db.*without its store/);
    strictEqual(await answerOf(next, "a.test"), "200 file");
    const refused = await change(next, [set("c.test", answer("c"))]);
    strictEqual(refused.status, 503);
    match(refused.body.detail ?? "", /is damaged/);
    ok((await readFile(path)).equals(before));
  },
);

test(
  "a second program on the same store serves without it until the first one ends, and is reloaded",
  { timeout: 60_000 },
  async () => {
    await using stand = await storeStand();
    const { program } = stand;
    await change(program, [set("b.test", answer("b"))]);
    const env = { STATE_DIRECTORY: join(program.folder, "state") };
    await using second = await startTidegate({ config: storeConfig(), env });
    match(second.stderr(), /in use by another Tidegate, process \d+: stop that one/);
    match(await answerOf(second, "b.test"), /^404 /);
    strictEqual((await change(second, [set("c.test", answer("c"))])).status, 503);
    strictEqual((await change(program, [set("c.test", answer("c"))])).status, 200);
    const status = await commandOf(second, ["status"]);
    match(status.stdout, /^store +cannot be changed: .* is in use by another Tidegate/m);
    await program.stop();
    strictEqual((await commandOf(second, ["reload"])).code, 0);
    strictEqual(await answerOf(second, "b.test"), "200 b");
    doesNotMatch((await commandOf(second, ["status"])).stdout, /^store/m);
    strictEqual((await change(second, [set("d.test", answer("d"))])).status, 200);
  },
);

test(
  "a store that could not be opened is tried again with a change, and all of it is served",
  { timeout: 60_000 },
  async () => {
    await using stand = await storeStand();
    const { program } = stand;
    await change(program, [set("b.test", answer("b"))]);
    const env = { STATE_DIRECTORY: join(program.folder, "state") };
    await using second = await startTidegate({ config: storeConfig(), env });
    await program.stop();
    strictEqual((await change(second, [{ section: "routes", name: "none.test" }])).status, 404);
    await untilAnswers(second, "b.test", "200 b");
    strictEqual((await change(second, [set("c.test", answer("c"))])).status, 200);
  },
);

test(
  "an overlay changes a route of somebody else, and does nothing while there is none",
  { timeout: 60_000 },
  async () => {
    await using stand = await storeStand();
    const { program } = stand;
    const overlay = { section: "overlays" as const, name: "a.test", value: answer("other") };
    await change(program, [overlay]);
    strictEqual(await answerOf(program, "a.test"), "200 other");
    await change(program, [{ section: "overlays", name: "a.test" }]);
    strictEqual(await answerOf(program, "a.test"), "200 file");
    const early = await change(program, [{ ...overlay, name: "later@docker" }]);
    ok(early.body.kind === "done");
    match(early.body.notes.join(), /there is no route called later@docker to change/);
  },
);

test("a dump passes the check, and routes as the original does", { timeout: 60_000 }, async () => {
  const routes = {
    "c.test/app": { respond: { body: "app" }, stripPrefix: true, timeouts: { response: "5m" } },
    "d.test": { service: "both" },
  };
  const services = {
    both: { failover: ["one", "two"] },
    one: "http://127.0.0.1:1",
    two: "http://127.0.0.1:2",
  };
  await using stand = await storeStand({ config: { ...storeConfig(routes), services } });
  const { program } = stand;
  const made = await change(program, [
    {
      section: "services",
      name: "one",
      value: {
        backends: ["http://127.0.0.1:1"],
        check: "/health",
        sticky: true,
        retry: { attempts: 1, statuses: ["500-502"] },
      },
    },
    set("b.test", { service: "one", maintenance: true, maxBody: "1MiB" }),
    set("e.test", { path: "/x", host: ["e.test"], ...answer("e") }),
    set("f.test", ["http://127.0.0.1:3", { url: "http://127.0.0.1:4", weight: 3 }]),
    { section: "overlays", name: "a.test", value: { priority: 7 } },
  ]);
  strictEqual(made.status, 200, JSON.stringify(made.body));
  const { stdout: text } = await stand.command("dump");
  const file = join(program.folder, "dump.yaml");
  await writeFile(file, text);
  const checked = await runCommand(tidegate, ["check", file]);
  strictEqual(checked.code, 0, `${checked.stdout}${checked.stderr}\n${text}`);
  match(text, /# store: routes\/b\.test \(b\.test@store\)\n {2}b\.test:/);
  await using copy = await startTidegate({ config: text.replaceAll("access.log", "other.log") });
  for (const [name, path] of [
    ["a.test", "/"],
    ["b.test", "/"],
    ["c.test", "/app"],
    ["e.test", "/x"],
    ["e.test", "/"],
  ] as const) {
    strictEqual(await answerOf(copy, name, path), await answerOf(program, name, path), name);
  }
  const rules = async (of: typeof program) => {
    const { stdout } = await commandOf(of, ["routes", "--json"]);
    const rows = JSON.parse(stdout) as { rule: string; backends: string[] }[];
    return rows.map(({ rule, backends }) =>
      `${rule} ${backends.join()}`.replaceAll("@store", "-store"),
    );
  };
  deepStrictEqual((await rules(copy)).toSorted(), (await rules(program)).toSorted());
});

test("what cannot be a change is refused by name", { timeout: 60_000 }, async () => {
  await using stand = await storeStand();
  const { program } = stand;
  const cases = [
    [["set", "rotes", "x", "1"], /there is no section "rotes": write routes/],
    [["set", "routes", "x", "{"], /the value is not JSON/],
    [["set", "routes", "x@y", "http://127.0.0.1:1"], /a name with @ belongs to a provider/],
    [["unset", "routes", "x"], /the store has no routes\.x; what is written elsewhere/],
    [["diff", "x"], /"x" is not a revision/],
    [["diff", "3"], /there is no difference from revision 3/],
    [["restore", "/nonexistent/x"], /cannot be read/],
    [["restore", tidegate], /is not JSON[^]* Give what `tidegate export` writes/],
    [["set", "routes", "x", "http://127.0.0.1:1", "--note", "x".repeat(501)], /longer than 500/],
  ] as const;
  for (const [words, wanted] of cases) {
    const ended = await stand.command(...words);
    strictEqual(ended.code, 1, words.join(" "));
    match(ended.stderr, wanted);
  }
  await change(program, [set("b.test", answer("b"))]);
  const shownName = await stand.command("unset", "routes", "b.test@store");
  strictEqual(shownName.stdout.split("\n")[0], "- routes b.test");
  strictEqual((await post(program, "change", { changes: 1 })).status, 400);
  strictEqual((await post(program, "backup", { path: "relative" })).status, 400);
});
