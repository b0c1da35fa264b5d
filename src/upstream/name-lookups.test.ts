import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { nameLookups as limits } from "../config/limits.ts";
import { NameLookups } from "./name-lookups.ts";

const bounded = { timeout: 20_000 };

interface Reply {
  /** 0 = well, 2 = server failure, 3 = no such name. */
  readonly code?: number;
  /** Seconds. */
  readonly ttl?: number;
  /** Last byte of an address below fd00::; none = no record. */
  readonly last?: readonly number[];
}

/** A name server on a real socket. @param replyTo undefined = silence */
async function nameServer(replyTo: (name: string) => Reply | undefined) {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (query, from) => {
    const name = nameIn(query);
    asked.push(name);
    const reply = replyTo(name);
    if (reply !== undefined) socket.send(answerTo(query, reply), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    [Symbol.dispose]: () => void socket.close(),
  };
}

function nameIn(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; query[at] !== 0 && at < query.length;) {
    const length = query[at] ?? 0;
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return labels.join(".");
}

/** RFC 1035 section 4: the question again, and AAAA records that point at its name. */
function answerTo(query: Buffer, { code = 0, ttl = 60, last = [] }: Reply): Buffer {
  const questionEnd = query.indexOf(0, 12) + 5;
  const head = Buffer.from(query.subarray(0, questionEnd));
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(last.length, 6);
  head.writeUInt16BE(0, 8);
  head.writeUInt16BE(0, 10);
  const records = last.map((byte) => {
    const record = Buffer.alloc(28);
    record.writeUInt16BE(0xc0_0c, 0);
    record.writeUInt16BE(28, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(16, 10);
    record[12] = 0xfd;
    record[27] = byte;
    return record;
  });
  return Buffer.concat([head, ...records]);
}

test("addresses are known for as long as their record says", bounded, async () => {
  using server = await nameServer((name) => ({
    ttl: name === "short.test" ? 1 : 60,
    last: [1, 2],
  }));
  const names = new NameLookups([server.address]);
  assert.equal(names.known("short.test"), undefined);
  const addresses = ["fd00::1", "fd00::2"];
  assert.deepEqual(await names.ask("short.test"), { kind: "known", addresses });
  assert.deepEqual(await names.ask("long.test"), { kind: "known", addresses });
  assert.deepEqual(names.known("short.test"), { kind: "known", addresses });
  await eventually("a second to pass", () => names.known("short.test") === undefined || undefined);
  assert.notEqual(names.known("long.test"), undefined);
  assert.equal(server.asked.length, 2);
});

test("that there is no such name, or no such record, is known for a while", bounded, async () => {
  using server = await nameServer((name) => (name === "none.test" ? { code: 3 } : {}));
  const names = new NameLookups([server.address]);
  for (const name of ["none.test", "v4.test"]) {
    assert.deepEqual(await names.ask(name), { kind: "known", addresses: [] });
    assert.notEqual(names.known(name), undefined);
  }
});

test("a failure is an answer, too, and soon asked for again", bounded, async () => {
  let code = 2;
  using server = await nameServer(() => ({ code, last: code === 0 ? [9] : [] }));
  const names = new NameLookups([server.address]);
  const answer = await names.ask("x.test");
  assert.equal(answer.kind, "failed");
  assert.equal(names.known("x.test")?.kind, "failed");
  code = 0;
  await eventually("it to be forgotten", () => names.known("x.test") === undefined || undefined);
  assert.deepEqual(await names.ask("x.test"), { kind: "known", addresses: ["fd00::9"] });
});

test(
  "silence costs no more than the limit, and a name is asked for once at a time",
  bounded,
  async () => {
    using server = await nameServer(() => undefined);
    const names = new NameLookups([server.address]);
    const begun = performance.now();
    const answers = await Promise.all([1, 2, 3].map(() => names.ask("x.test")));
    const ms = performance.now() - begun;
    assert.deepEqual(
      answers.map(({ kind }) => kind),
      ["failed", "failed", "failed"],
    );
    assert.ok(ms < limits.timeout + 1000, `${ms} ms`);
    assert.ok(server.asked.length <= 2, `${server.asked.length}`);
  },
);

test("no more than so many names are asked for at once", bounded, async () => {
  using server = await nameServer(() => undefined);
  const names = new NameLookups([server.address]);
  const many = Array.from({ length: limits.atOnce }, (_, at) => names.ask(`n${at}.test`));
  const answer = await names.ask("more.test");
  assert.ok(answer.kind === "failed" && /other names/.test(answer.why));
  assert.equal(names.known("more.test"), undefined, "nothing is known of it");
  await Promise.all(many);
  assert.ok(!server.asked.includes("more.test"));
});
