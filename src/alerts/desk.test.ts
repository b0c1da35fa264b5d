import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { alertSettings, DeskInTest, hook, hour, minute } from "../../test/harness/alert-desk.ts";
import { noon } from "../../test/harness/alert-desk.ts";
import { signal } from "../../test/harness/barrier.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";

test("what happens within the group time goes out together, and only then", async () => {
  await using folder = await tempFolder();
  await using bench = new DeskInTest(folder.path, alertSettings({ group: 30_000 }));
  bench.raise("a");
  await bench.pass(10_000);
  bench.raise("b");
  await bench.pass(19_999);
  assert.deepEqual(bench.titles, []);
  await bench.pass(1);
  assert.deepEqual(await bench.arrived(1), ["2 wrong: a is down, …"]);
  const [first] = bench.sent;
  assert.deepEqual(
    first?.message.items.map(({ key, state }) => [key, state]),
    [
      ["a", "raised"],
      ["b", "raised"],
    ],
  );
  assert.match(first.message.text, /^a is down\n {2}since 2026-11-21 12:00:00\n\nb is down\n/);
});

test("a recovery is told of what was told, and nothing of what was never wrong", async () => {
  await using folder = await tempFolder();
  await using bench = new DeskInTest(folder.path);
  bench.raise("never", "cleared");
  bench.raise("a");
  await bench.arrived(1);
  bench.raise("a");
  bench.now += 3 * minute;
  bench.raise("a", "cleared");
  bench.raise("a", "cleared");
  await bench.arrived(2);
  await bench.settled();
  assert.deepEqual(bench.titles, ["a is down", "a is up again", "marker happened"]);
  assert.match(bench.sent[1]?.message.text ?? "", /It lasted 3 min\./);
});

test("what goes up and down within the group time is one line that says so", async () => {
  await using folder = await tempFolder();
  await using bench = new DeskInTest(folder.path, alertSettings({ group: 30_000 }));
  for (const key of ["flapping", "flapping", "flapping"]) {
    bench.raise(key, "raised", { text: "refused" });
    bench.now += 1000;
    bench.raise(key, "cleared");
    bench.now += 1000;
  }
  bench.raise("flapping");
  bench.raise("short", "raised", { text: "refused" });
  bench.now += 4000;
  bench.raise("short", "cleared");
  await bench.pass(30_000);
  await bench.arrived(1);
  const [sent] = bench.sent;
  assert.deepEqual(
    sent?.message.items.map(({ title, changes }) => [title, changes]),
    [
      ["flapping is down again (7 changes)", 7],
      ["short is up again", 2],
    ],
  );
  assert.match(sent.message.text, /Before: short is down: refused\n {2}It lasted 4 s\./);
});

test("what lasts is told again after `repeat`, and not when it is over", async () => {
  await using folder = await tempFolder();
  await using bench = new DeskInTest(folder.path, alertSettings({ repeat: 4 * hour }));
  bench.raise("a");
  await bench.arrived(1);
  await bench.pass(4 * hour - 1);
  await bench.settled();
  await bench.pass(1);
  assert.equal((await bench.arrived(3))[2], "a is down, for 4 h now");
  await bench.pass(4 * hour);
  assert.equal((await bench.arrived(4))[3], "a is down, for 8 h now");
  bench.raise("a", "cleared");
  await bench.arrived(5);
  await bench.pass(9 * hour);
  await bench.settled();
  assert.equal(bench.sent.length, 6);
});

test("more than maxPerHour messages become one that says how it stands", async () => {
  await using folder = await tempFolder();
  await using bench = new DeskInTest(folder.path, alertSettings({ maxPerHour: 3 }));
  for (const key of ["a", "b", "c"]) {
    bench.raise(key);
    await bench.arrived(bench.sent.length + 1);
    await bench.pass(minute);
  }
  bench.raise("d");
  bench.raise("e");
  bench.raise("e", "cleared");
  bench.raise("a", "cleared");
  await bench.pass(56 * minute);
  assert.equal(bench.sent.length, 3);
  await bench.pass(minute);
  const titles = await bench.arrived(4);
  assert.equal(titles[3], "1 wrong, 2 well again: d is down, …");
  assert.equal(bench.sent[3]?.message.kind, "summary");
  assert.match(bench.sent[3].message.text, /^There were more messages than maxPerHour allows/);
  assert.equal(bench.sent[3].message.items.length, 3);
});

const night = alertSettings({ quiet: { from: 22 * 60, to: 7 * 60, except: ["service"] } });

test("quiet hours hold back all but their exceptions, and end with a summary", async () => {
  await using folder = await tempFolder();
  await using bench = new DeskInTest(folder.path, night, noon + 9 * hour + 59 * minute);
  bench.raise("before");
  await bench.arrived(1);
  await bench.pass(minute);
  bench.raise("quiet");
  bench.raise("short");
  bench.raise("before", "cleared");
  bench.raise("urgent", "raised", { topic: "service" });
  await bench.arrived(2);
  await bench.pass(hour);
  bench.raise("short", "cleared");
  bench.raise("a", "note");
  bench.raise("a", "note");
  await bench.pass(8 * hour - 1);
  assert.deepEqual(bench.titles, ["before is down", "urgent is down"]);
  await bench.pass(1);
  const titles = await bench.arrived(3);
  assert.equal(titles[2], "quiet hours: 1 wrong, 2 well again, 1 to know: quiet is down, …");
  const [, , summary] = bench.sent;
  assert.equal(summary?.message.kind, "summary");
  assert.match(summary.message.text, /^What happened in the quiet hours/);
  assert.match(summary.message.text, /a happened \(2 times\)/);
  await bench.pass(minute);
  await bench.settled();
  assert.equal(bench.sent[3]?.message.kind, "alerts");
});

test("what is held back in quiet hours survives a restart", async () => {
  await using folder = await tempFolder();
  {
    await using bench = new DeskInTest(folder.path, night, noon + 11 * hour);
    bench.raise("a");
  }
  await using bench = new DeskInTest(folder.path, night, noon + 12 * hour);
  await bench.pass(7 * hour);
  assert.deepEqual(await bench.arrived(1), ["quiet hours: a is down"]);
});

test("a recovery after a restart is told, and what was told is not told twice", async () => {
  await using folder = await tempFolder();
  {
    await using bench = new DeskInTest(folder.path);
    bench.raise("a");
    bench.raise("b");
    await bench.arrived(1);
  }
  await using bench = new DeskInTest(folder.path, alertSettings(), noon + hour);
  assert.deepEqual(
    bench.desk.open().map(({ key }) => key),
    ["a", "b"],
  );
  bench.raise("b", "raised", { at: bench.now });
  bench.raise("a", "cleared");
  await bench.arrived(1);
  await bench.settled();
  assert.deepEqual(bench.titles, ["a is up again", "marker happened"]);
  assert.match(bench.sent[0]?.message.text ?? "", /It lasted 60 min\./);
});

test("an end at any moment of the group time loses nothing", async () => {
  await using folder = await tempFolder();
  {
    await using bench = new DeskInTest(folder.path, alertSettings({ group: minute }));
    bench.raise("a");
  }
  await using bench = new DeskInTest(folder.path, alertSettings({ group: minute }), noon + hour);
  assert.deepEqual(await bench.arrived(1), ["a is down"]);
});

test("topics that nobody wants are not told, and told once somebody does, if they last", async () => {
  await using folder = await tempFolder();
  await using bench = new DeskInTest(folder.path, alertSettings({ topics: ["worker"] }));
  bench.raise("a");
  bench.raise("b");
  bench.raise("b", "cleared");
  bench.raise("n", "note");
  await bench.settled();
  bench.update(alertSettings());
  await bench.arrived(2);
  assert.deepEqual(bench.titles, ["marker happened", "a is down"]);
});

test("without settings nothing is written or sent, and what lasts is told once there are some", async () => {
  await using folder = await tempFolder();
  await using bench = new DeskInTest(folder.path);
  bench.desk.update(undefined);
  bench.raise("a");
  assert.deepEqual(await bench.desk.test(), []);
  bench.update(alertSettings());
  assert.deepEqual(await bench.arrived(1), ["a is down"]);
});

test("a test goes to every channel at once, and says what came of it", async () => {
  await using folder = await tempFolder();
  const other = { ...hook, name: "webhook-2" };
  const quietNow = alertSettings({
    channels: [hook, other],
    maxPerHour: 1,
    quiet: { from: 0, to: 1439, except: [] },
  });
  await using bench = new DeskInTest(folder.path, quietNow);
  bench.deliver = async (channel, message) =>
    message.kind === "test" && channel.name === "webhook"
      ? { kind: "taken", text: "took it" }
      : { kind: "refused", text: "no" };
  assert.deepEqual(await bench.desk.test(), [
    { channel: "webhook", ok: true, text: "took it" },
    { channel: "webhook-2", ok: false, text: "no" },
  ]);
});

test("a channel in trouble holds up no other one, and gets everything later, in order", async () => {
  await using folder = await tempFolder();
  const other = { ...hook, name: "webhook-2" };
  const settings = alertSettings({ channels: [hook, other] });
  await using bench = new DeskInTest(folder.path, settings);
  let isDead = true;
  bench.deliver = async (channel) =>
    isDead && channel === hook ? { kind: "failed", text: "dead" } : { kind: "taken", text: "" };
  const of = (name: string) =>
    bench.sent.filter(({ channel }) => channel === name).map(({ message }) => message.title);
  for (const key of ["a", "b", "c"]) {
    bench.raise(key);
    await bench.arrived(bench.sent.length + 1);
  }
  assert.deepEqual(of("webhook-2"), ["a is down", "b is down", "c is down"]);
  isDead = false;
  await bench.arrived(6);
  assert.deepEqual(of("webhook"), ["a is down", "b is down", "c is down"]);
  const warnings = bench.lines.filter(({ text }) => text.includes("could not be sent"));
  assert.equal(warnings.length, 1);
});

test("a message that is refused keeps no other one from going", async () => {
  await using folder = await tempFolder();
  await using bench = new DeskInTest(folder.path);
  const refused = signal();
  bench.deliver = async (_channel, message) => {
    if (!message.title.startsWith("bad")) return { kind: "taken", text: "" };
    refused.fire();
    return { kind: "refused", text: "550" };
  };
  bench.raise("bad");
  await refused.promise;
  bench.raise("good");
  await bench.arrived(1);
  assert.deepEqual(bench.titles, ["good is down"]);
  const waiting = (await readdir(folder.file("alerts"))).filter((name) => /^\d/.test(name));
  assert.equal(waiting.length, 1);
});

test("damaged state is set aside and said, and the desk works on", async () => {
  await using folder = await tempFolder();
  await mkdir(folder.file("alerts"));
  await writeFile(folder.file("alerts/open.json"), '{"matters":[{}]');
  await using bench = new DeskInTest(folder.path);
  bench.raise("a");
  await bench.arrived(1);
  assert.equal(await readFile(folder.file("alerts/open.json.broken"), "utf8"), '{"matters":[{}]');
  assert.equal(bench.lines.filter(({ text }) => text.includes("set aside")).length, 1);
});

test("without a disk alerts go out all the same", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("alerts"), "");
  await using bench = new DeskInTest(folder.path);
  bench.raise("a");
  await bench.arrived(1);
  bench.raise("a", "cleared");
  await bench.arrived(2);
  assert.deepEqual(bench.titles, ["a is down", "a is up again"]);
  assert.ok(bench.lines.some(({ text }) => text.includes("cannot be written to the disk")));
  await rm(folder.file("alerts"));
});

test("a clock that is set back delays nothing by more than the group time", async () => {
  await using folder = await tempFolder();
  await using bench = new DeskInTest(folder.path, alertSettings({ group: minute, maxPerHour: 1 }));
  bench.raise("a");
  await bench.pass(-24 * hour);
  await bench.pass(minute);
  await bench.arrived(1);
  await bench.pass(-24 * hour);
  bench.raise("b");
  await bench.pass(minute);
  assert.deepEqual(await bench.arrived(2), ["a is down", "b is down"]);
});

test("a thousand things at once fit into a few messages, and each is in one", async () => {
  await using folder = await tempFolder();
  await using bench = new DeskInTest(folder.path);
  const keys = Array.from({ length: 1200 }, (_, index) => `k${index}`);
  for (const key of keys) bench.raise(key);
  await bench.arrived(3);
  await bench.settled();
  const told = bench.sent.flatMap(({ message }) => message.items.map(({ key }) => key));
  assert.deepEqual(new Set(told), new Set([...keys, "marker"]));
  assert.ok(bench.sent.length <= 6, String(bench.sent.length));
});
