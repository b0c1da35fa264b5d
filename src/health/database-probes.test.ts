import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { rudeServer, sampleTarget } from "../../test/harness/health-sample.ts";
import type { ProbeSettings } from "../config/service.ts";
import { probe } from "./probe.ts";

// The real servers are asked in test/parts/checks.test.ts; here is what they say only when they are in need,
// and what those say that are something else.

const never = new AbortController().signal;

/** @param answers what it says at first, and to each thing that it hears */
async function outcome(kind: "mysql" | "postgres", answers: readonly Buffer[]) {
  const heard: Buffer[] = [];
  await using server = await rudeServer((socket) => {
    let turn = kind === "mysql" ? 0 : -1;
    const speak = () => byteByByte(socket, answers[turn++]);
    if (turn === 0) speak();
    else turn = 0;
    socket.on("data", (bytes: Buffer) => {
      heard.push(bytes);
      speak();
    });
  });
  const settings: ProbeSettings = { kind };
  const target = sampleTarget(`tcp://127.0.0.1:${server.port}`, settings, { timeout: 1500 });
  const { isGood, text } = await probe(target, never);
  return {
    text: `${isGood ? "good" : "bad"}: ${text.replace(/in \d+ ms$/, "in N ms")}`,
    heard: heard.map((each) => each.toString("latin1")),
  };
}

function byteByByte(socket: Socket, bytes: Buffer | undefined): void {
  for (const byte of bytes ?? []) socket.write(Buffer.from([byte]));
}

function packet(number: number, payload: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(payload.length, 0, 3);
  head[3] = number;
  return Buffer.concat([head, Buffer.from(payload, "latin1")]);
}

const greeting = packet(0, `\n8.4.3\0${"x".repeat(60)}\0caching_sha2_password\0`);
const denied = packet(2, "\xff\x15\x04#28000Access denied");

test("MySQL: who is greeted logs in as nobody, and is denied without harm", async () => {
  const { text, heard } = await outcome("mysql", [greeting, denied]);
  assert.equal(text, "good: 8.4.3 in N ms");
  assert.equal(heard.length, 1);
  const [login = ""] = heard;
  assert.equal(login.slice(2, 4), "\0\x01");
  assert.equal(login.slice(36), "tidegate-check\0\0mysql_native_password\0");
});

test("MySQL: another way to log in is followed, and a login that succeeds is ended by QUIT", async () => {
  const other = packet(2, "\xfecaching_sha2_password\0salt\0");
  const { text, heard } = await outcome("mysql", [greeting, other, packet(4, "\0\0\0\x02\0\0\0")]);
  assert.equal(text, "good: 8.4.3 in N ms");
  assert.deepEqual(heard.slice(1), ["\x01\0\0\x03\0", "\x01\0\0\0\x01"]);
  const native = packet(2, "\xfemysql_native_password\0salt\0");
  assert.equal((await outcome("mysql", [greeting, native, denied])).heard[1], "\0\0\0\x03");
});

test("MySQL: an error instead of a greeting is bad, with its text", async () => {
  const full = await outcome("mysql", [packet(0, "\xff\x10\x04Too many connections")]);
  assert.equal(full.text, "bad: refuses connections: Too many connections (1040)");
  const marked = await outcome("mysql", [packet(0, "\xff\x10\x04#08004Too\r\nmany\x1b[31m\0")]);
  assert.equal(marked.text, "bad: refuses connections: Too many [31m (1040)");
  assert.equal(
    (await outcome("mysql", [packet(0, "\xff")])).text,
    "bad: refuses connections: no reason given (0)",
  );
});

test("MySQL: what is something else is told so at once", async () => {
  for (const other of ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n", "220 mail\r\n"]) {
    const { text } = await outcome("mysql", [Buffer.from(other)]);
    assert.equal(text, "bad: answered what is no MySQL greeting", other);
  }
  const old = await outcome("mysql", [packet(0, "\x093.20\0")]);
  assert.equal(old.text, "bad: answered what is no MySQL greeting");
  const empty = await outcome("mysql", [packet(0, "")]);
  assert.equal(empty.text, "bad: answered what is no MySQL greeting");
  const silent = await outcome("mysql", [greeting]);
  assert.equal(silent.text, "bad: no answer to the login within 1500ms");
});

function message(letter: string, body: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(letter);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, Buffer.from(body, "latin1")]);
}

const noTls = Buffer.from("N");
const error = (state: string, text: string) =>
  message("E", `SFATAL\0VFATAL\0C${state}\0M${text}\0\0`);

test("PostgreSQL: a question for a login is good, and so is being let in, which is ended", async () => {
  const login = await outcome("postgres", [noTls, message("R", "\0\0\0\x0aSCRAM-SHA-256\0\0")]);
  assert.equal(login.text, "good: asked for a login in N ms");
  assert.match(login.heard[1] ?? "", /user\0postgres\0database\0postgres\0/);
  const inside = await outcome("postgres", [noTls, message("R", "\0\0\0\0")]);
  assert.equal(inside.text, "good: accepted in N ms");
  assert.equal(inside.heard[2], "X\0\0\0\x04");
  const older = Buffer.concat([message("v", "\0\0\0\0\0\0\0\0"), message("R", "\0\0\0\x05salt")]);
  assert.equal((await outcome("postgres", [noTls, older])).text, "good: asked for a login in N ms");
});

test("PostgreSQL: an error is bad, unless it is about who we are", async () => {
  const ask = async (answer: Buffer) => (await outcome("postgres", [noTls, answer])).text;
  assert.equal(
    await ask(error("57P03", "the database system is starting up")),
    "bad: refuses connections: the database system is starting up (57P03)",
  );
  assert.match(await ask(error("53300", "sorry, too many clients already")), /^bad: .*53300/);
  assert.equal(
    await ask(error("28000", 'role "postgres" does not exist')),
    "good: asked for another login (28000) in N ms",
  );
  assert.match(await ask(error("3D000", "no such database")), /^good: .*3D000/);
  assert.match(await ask(message("E", "")), /^bad: answered what is not PostgreSQL/);
  assert.match(await ask(message("E", "xxxx")), /^bad: refuses connections: no reason given/);
});

test("PostgreSQL: what is something else, or says too much, is told so at once", async () => {
  for (const answers of [
    ["H"],
    ["S1"],
    ["N", "\0\0\0\0\0"],
    ["N", "R\xff\xff\xff\xff"],
    ["N", "R\0\0\0\0"],
  ]) {
    const { text } = await outcome(
      "postgres",
      answers.map((each) => Buffer.from(each, "latin1")),
    );
    const isCut = /answered what is not PostgreSQL|TLS failed/.test(text);
    assert.ok(isCut, `${JSON.stringify(answers)}: ${text}`);
  }
});
