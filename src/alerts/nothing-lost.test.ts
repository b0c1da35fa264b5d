import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { alertSettings, DeskInTest, hook, hour, memoryLog } from "../../test/harness/alert-desk.ts";
import { minute, noon } from "../../test/harness/alert-desk.ts";
import { eventually, within } from "../../test/harness/barrier.ts";
import { mailPassword, mailServer, mailUser } from "../../test/harness/mail-server.ts";
import { needs } from "../../test/harness/needs.ts";
import { postReceiver } from "../../test/harness/post-receiver.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import type { AlertChannel, AlertSettings } from "../config/alert-settings.ts";
import { AlertDesk } from "./desk.ts";
import { backendAlert } from "./events.ts";
import type { Item } from "./message.ts";

type Step =
  | { readonly kind: "raised" | "cleared" | "note"; readonly key: string }
  | { readonly kind: "pass"; readonly minutes: number }
  | { readonly kind: "break" | "mend" | "restart" };

const key = fc.constantFrom("a", "b", "c", "d");
const minutes = fc.nat({ max: 400 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("raised"), key }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("cleared"), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("note"), key: fc.constant("n") }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("pass"), minutes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("break", "mend", "restart") }) },
);
const steps = fc.array(step, { maxLength: 40 });

const settings = fc.record({
  group: fc.constantFrom(0, minute),
  repeat: fc.constantFrom(0, 4 * hour),
  maxPerHour: fc.constantFrom(0, 1, 3),
  quiet: fc.constantFrom(undefined, { from: 13 * 60, to: 15 * 60, except: [] }),
});

/** What a run of steps leads to, when each desk is given enough time. */
interface Run {
  readonly told: readonly Item[];
  readonly ids: readonly string[];
}

async function runOf(steps: readonly Step[], chosen: Partial<AlertSettings>): Promise<Run> {
  await using folder = await tempFolder();
  let isBroken = false;
  const told: Item[] = [];
  const ids: string[] = [];
  const open = (now: number) => {
    const bench = new DeskInTest(folder.path, alertSettings(chosen), now);
    bench.deliver = async (_channel, message) => {
      if (isBroken) return { kind: "failed", text: "broken" };
      told.push(...message.items);
      ids.push(message.id);
      return { kind: "taken", text: "" };
    };
    return bench;
  };
  let bench = open(noon);
  for (const each of steps) {
    switch (each.kind) {
      case "raised":
      case "cleared":
      case "note":
        bench.raise(each.key, each.kind);
        break;
      case "pass":
        await bench.pass(each.minutes * minute);
        break;
      case "restart":
        await bench.desk[Symbol.asyncDispose]();
        bench = open(bench.now);
        break;
      case "break":
      case "mend":
        isBroken = each.kind === "break";
    }
  }
  isBroken = false;
  for (let hours = 0; hours < 6; hours += 1) await bench.pass(hour);
  const { changes, notes } = expectationOf(steps);
  await eventually("all to be told", () => {
    const { changes: toldChanges, notes: toldNotes } = countsOf(told);
    return (toldChanges >= changes && toldNotes >= notes) || undefined;
  });
  await bench.desk[Symbol.asyncDispose]();
  return { told, ids };
}

interface Expectation {
  /** The last state of each key that was raised. */
  readonly states: ReadonlyMap<string, string>;
  readonly changes: number;
  readonly notes: number;
}

function expectationOf(steps: readonly Step[]): Expectation {
  const states = new Map<string, string>();
  let changes = 0;
  for (const each of steps) {
    if (each.kind !== "raised" && each.kind !== "cleared") continue;
    const before = states.get(each.key);
    if (before === each.kind || (each.kind === "cleared" && before === undefined)) continue;
    changes += 1;
    states.set(each.key, each.kind);
  }
  return { states, changes, notes: steps.filter(({ kind }) => kind === "note").length };
}

function countsOf(told: readonly Item[]): { changes: number; notes: number } {
  const sum = (items: readonly Item[]) => items.reduce((all, { changes }) => all + changes, 0);
  const notes = told.filter(({ state }) => state === "note");
  const repeated = told.filter(({ title }) => title.endsWith(" now"));
  return { notes: sum(notes), changes: sum(told) - sum(notes) - sum(repeated) };
}

test("whatever happens, all that was raised is told, and how it ended", async () => {
  let runs = 0;
  const property = fc.asyncProperty(steps, settings, async (all, chosen) => {
    runs += 1;
    const { told, ids } = await runOf(all, chosen);
    const { states, changes, notes } = expectationOf(all);
    for (const [name, state] of states) {
      assert.equal(told.findLast((item) => item.key === name)?.state, state, name);
    }
    // Each change and each note is counted: none is lost, and none is told twice.
    assert.deepEqual(countsOf(told), { changes, notes });
    assert.equal(new Set(ids).size, ids.length);
  });
  await fc.assert(property, { numRuns: 60 });
  assert.ok(runs >= 60);
});

const skip = needs("openssl");

test("a mail server that is dead for a while gets each mail once, in order", { skip }, async () => {
  await using server = await mailServer();
  const channel: AlertChannel = {
    kind: "email",
    name: "email",
    host: "localhost",
    port: server.port,
    security: "starttls",
    ca: server.ca,
    user: mailUser,
    password: mailPassword,
    from: "tidegate@example.com",
    to: ["ops@example.com"],
  };
  await using folder = await tempFolder();
  const { log, lines } = memoryLog();
  await server.stop();
  {
    await using desk = new AlertDesk({
      settings: alertSettings({ channels: [channel] }),
      folder: folder.path,
      log,
      hostName: "front-1",
      version: "1.2.3",
      retry: { first: 5, longest: 20, forgottenAfter: Infinity },
    });
    const event = {
      service: "db",
      backend: "tcp://10.0.3.11:3306",
      why: "refused",
      at: Date.now(),
    };
    desk.raise(backendAlert({ ...event, isUp: false }));
    await eventually("a first failure", () =>
      lines.find(({ text }) => text.includes("not be sent")),
    );
    desk.raise(backendAlert({ ...event, isUp: true, why: "200 in 3 ms" }));
    assert.deepEqual(await desk.test(), [
      {
        channel: "email",
        ok: false,
        text: `localhost:${server.port}: connect ECONNREFUSED 127.0.0.1:${server.port}`,
      },
    ]);
    await server.start();
    await server.arrived(2);
    assert.equal((await desk.test())[0]?.ok, true);
  }
  const subjects = server.mails.map(({ raw }) => /^Subject: (.*)\r$/m.exec(raw)?.[1]);
  assert.deepEqual(subjects, [
    "[tidegate front-1] db: 10.0.3.11:3306 is down",
    "[tidegate front-1] db: 10.0.3.11:3306 is up again",
    "[tidegate front-1] a test, since somebody asked for it",
  ]);
  assert.deepEqual(
    (await readdir(folder.file("alerts"))).filter((name) => name !== "open.json"),
    [],
  );
  assert.ok(!JSON.stringify(lines).includes(mailPassword));
});

test("a process that is killed leaves what it had to tell to the next one", async () => {
  await using receiver = await postReceiver();
  await using folder = await tempFolder();
  // It has a channel that takes nothing, and something within the group time besides.
  const code = `
    import { AlertDesk } from ${JSON.stringify(join(import.meta.dirname, "desk.ts"))};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const folder = ${JSON.stringify(folder.path)};
    const settings = ${JSON.stringify(alertSettings())};
    const desk = new AlertDesk({ settings, folder, log, hostName: "h", version: "1" });
    const raise = (key) => desk.raise(
      { topic: "backend", key, state: "raised", title: key, text: "", at: Date.now() });
    raise("first");
    setTimeout(() => { desk.update({ ...settings, group: 1000 }); raise("second"); }, 100);
    setInterval(() => undefined, 1000);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "inherit" });
  const ended = once(child, "exit");
  try {
    await eventually(
      "both on the disk",
      async () => {
        const names = await readdir(folder.file("alerts")).catch(() => []);
        if (!names.some((name) => /^\d/.test(name))) return undefined;
        const text = await readFile(folder.file("alerts/open.json"), "utf8");
        return text.includes('"second"') || undefined;
      },
      20_000,
    );
  } finally {
    child.kill("SIGKILL");
    await within(ended, 5000, "its end");
  }
  const live = { ...hook, url: `${receiver.origin}/hook` };
  const { log } = memoryLog();
  await using desk = new AlertDesk({
    settings: alertSettings({ channels: [live] }),
    folder: folder.path,
    log,
    hostName: "h",
    version: "1",
  });
  assert.equal(desk.open().length, 2);
  const posts = await receiver.arrived(2);
  assert.deepEqual(
    posts.map(({ body }) => (JSON.parse(body) as { title: string }).title),
    ["first", "second"],
  );
});
