// `tidegate top` in a real terminal, as somebody sits there: what it shows, what keys do, and how it leaves the terminal.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";
import { test } from "node:test";
import { readMeasured } from "../../src/admin/measures.ts";
import { ask } from "../harness/ask.ts";
import { eventually, within } from "../harness/barrier.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const config = (port: number) => ({
  listeners: { web: "127.0.0.1:0" },
  services: { shop: `http://127.0.0.1:${port}` },
  routes: {
    "app.test": { respond: { body: "hello" } },
    "shop.test": { service: "shop" },
  },
});

async function withTraffic(): Promise<Tidegate & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const backend = stack.use(await httpOrigin((_request, response) => void response.end("x")));
  const program = stack.use(await startTidegate({ config: config(backend.port), workers: 1 }));
  for (const name of ["app.test", "app.test", "shop.test"]) await ask(program.port(), { name });
  await eventually(
    "the requests to be counted",
    async () => {
      const { stdout } = await top(program, "--json");
      return readMeasured(JSON.parse(stdout))?.totals.requests === 3;
    },
    20_000,
  );
  const held = stack.move();
  return { ...program, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const top = (program: Tidegate, ...words: readonly string[]) =>
  runCommand(tidegate, ["top", ...words, "--control", program.control], { timeoutMs: 60_000 });

test("in a pipe it is printed once, as tables or as JSON", async () => {
  await using program = await withTraffic();
  const { code, stdout } = await top(program);
  assert.equal(code, 0);
  assert.ok(!stdout.includes("\u001B"));
  assert.match(stdout, /^requests [\d.]+\/s {2}5xx 0\/s {2}p50 /);
  assert.match(stdout, /^app\.test .* 2$/m);
  assert.match(stdout, /^shop {2,}.* 1$/m);
  assert.match(stdout, /^ {2}http:\/\/127\.0\.0\.1:\d+ .* 1$/m);
  assert.match(stdout, /^0 +\d+ +live/m);
});

test("when nothing runs it says so, as other commands do", async () => {
  const { code, stderr } = await runCommand(tidegate, ["top", "--control", "/tmp/none/x.sock"], {});
  assert.equal(code, 3);
  assert.match(stderr, /nothing is running/);
});

interface Seat extends AsyncDisposable {
  type(keys: string): void;
  /** Lines of what is on the screen now. */
  screen(): readonly string[];
  shows(what: RegExp): Promise<void>;
  readonly ended: Promise<number | null>;
  /** All bytes that the terminal got. */
  bytes(): string;
}

/** Somebody at a terminal of 80 by 14. */
function sit(program: Tidegate): Seat {
  const command = `stty rows 14 cols 80; '${tidegate}' top --control '${program.control}'; echo "code $?"; stty -a`;
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env: { ...process.env, TERM: "xterm", SHELL: "/bin/sh" },
  });
  let bytes = "";
  child.stdout.on("data", (chunk: Buffer) => (bytes += chunk.toString()));
  const ended = once(child, "close").then(() => child.exitCode);
  const screen = () => {
    const frames = bytes.split("\u001B[?2026h\u001B[H");
    const whole = frames.filter((each) => each.includes("\u001B[J")).at(-1) ?? "";
    const [frame = ""] = whole.split("\u001B[J");
    return stripVTControlCharacters(frame).split(/\r*\n/);
  };
  return {
    ended,
    screen,
    type: (keys) => void child.stdin.write(keys),
    bytes: () => bytes,
    async shows(what) {
      const isThere = () => screen().some((line) => what.test(line));
      await eventually(`${String(what)} on the screen`, isThere, 30_000);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

const parts = { skip: needs("script", "stty") };

test("in a terminal it goes on, obeys keys, and leaves the terminal as it was", parts, async () => {
  await using program = await withTraffic();
  await using seat = sit(program);
  await seat.shows(/^app\.test .* 2 *$/);
  assert.equal(seat.screen().length, 14);
  await ask(program.port(), { name: "app.test" });
  await seat.shows(/^app\.test .* 3 *$/);
  seat.type("b");
  await seat.shows(/^ {2}http:\/\/127/);
  seat.type("w");
  await seat.shows(/^0 +\d+ +live/);
  seat.type("r/shop");
  await seat.shows(/^filter: shop_/);
  assert.ok(!seat.screen().some((line) => line.startsWith("app.test")));
  seat.type("\r");
  await seat.shows(/only "shop"/);
  seat.type("q");
  await within(seat.ended, 20_000, "its end");
  const rest = seat.bytes().split("\u001B[?1049l").at(-1) ?? "";
  assert.match(rest, /code 0/);
  assert.match(rest, / icanon/, "lines are read as lines again");
  assert.match(rest, / echo /, "what is typed is shown again");
  assert.ok(seat.bytes().includes("\u001B[?25h\u001B[?1049l"), "the cursor is back");
});

test("Ctrl-C ends it, and the terminal is as it was", parts, async () => {
  await using program = await withTraffic();
  await using seat = sit(program);
  await seat.shows(/^app\.test /);
  seat.type("\u0003");
  await within(seat.ended, 20_000, "its end");
  const rest = seat.bytes().split("\u001B[?1049l").at(-1) ?? "";
  assert.match(rest, /code 0[\s\S]* icanon/);
});

test("a program that ends is told of, and one that comes back is seen again", parts, async () => {
  await using program = await withTraffic();
  await using seat = sit(program);
  await seat.shows(/^app\.test .* 2 *$/);
  await program.stop();
  await seat.shows(/nothing is running .*asked again/);
  await using again = await program.startAgain();
  await ask(again.port(), { name: "app.test" });
  await seat.shows(/^app\.test .* 1 *$/);
});
