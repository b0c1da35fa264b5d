import assert from "node:assert/strict";
import { test } from "node:test";
import type { FailureCode } from "../../src/http/errors.ts";
import { eventually } from "../harness/barrier.ts";
import {
  answer,
  ending,
  type FastcgiServer,
  record,
  startFastcgiServer,
  Type,
} from "../harness/fastcgi-server.ts";
import {
  type Asked,
  Asking,
  askProgram,
  gatewayBackend,
  send,
  type Told,
} from "../harness/gateway-sample.ts";
import { lease } from "../harness/upstream-sample.ts";

const bounded = { timeout: 30_000 };
const head = "Content-Type: text/plain\r\n\r\n";
const speaks = "fastcgi";

function keptBackend(server: FastcgiServer) {
  return gatewayBackend({ speaks, address: server.address, pool: { maxIdle: 4 } });
}

/** Asks once of a program that answers with these bytes, in one piece or byte by byte, and then closes or not. */
async function told(
  bytes: Buffer,
  { closes = false, asked = {} }: { readonly closes?: boolean; readonly asked?: Asked } = {},
): Promise<Told & { readonly idle: number }> {
  await using server = await startFastcgiServer((socket) => {
    if (closes) socket.end(bytes);
    else socket.write(bytes);
  });
  using backend = keptBackend(server);
  const answered = await askProgram(backend, speaks, {
    responseTimeout: 300,
    bodyTimeout: 300,
    ...asked,
  });
  return Object.assign(answered, { idle: backend.pool.idleCount });
}

test("an answer is the same wherever its records are split", bounded, async () => {
  const whole = Buffer.concat([
    record(Type.STDERR, "a line\nan"),
    record(Type.STDOUT, head.slice(0, 9), { padding: 3 }),
    record(Type.STDERR, "other\n", { padding: 255 }),
    record(Type.STDOUT, `${head.slice(9)}Hello `, { padding: 7 }),
    record(Type.STDOUT, "world"),
    record(Type.STDERR),
    record(Type.STDOUT),
    ending(0, 0, { padding: 5 }),
  ]);
  let cut = 0;
  await using server = await startFastcgiServer((socket) => {
    socket.setNoDelay(true);
    socket.write(whole.subarray(0, cut));
    setTimeout(() => socket.write(whole.subarray(cut)), 2);
  });
  using backend = keptBackend(server);
  for (cut = 1; cut < whole.length; cut += cut > 40 && cut < whole.length - 60 ? 7 : 1) {
    const got = await askProgram(backend, speaks);
    assert.deepEqual(
      [got.failure, got.status, got.body.toString(), got.errors],
      ["", 200, "Hello world", ["a line", "another"]],
      `cut at ${cut}`,
    );
  }
  assert.ok(server.connections < 20, `${server.connections} connections`);
});

test("an answer that ends at any byte is never taken for a whole one", bounded, async () => {
  const whole = answer(`${head}Hello world`);
  // Behind the record that ends its output it is complete, whether the last record comes or not.
  const outputEnd = whole.length - 16;
  let cut = 0;
  await using server = await startFastcgiServer((socket) => socket.end(whole.subarray(0, cut)));
  using backend = keptBackend(server);
  for (cut = 0; cut < whole.length; cut++) {
    const got = await askProgram(backend, speaks);
    if (cut >= outputEnd) assert.equal(got.failure, "", `cut at ${cut}`);
    else if (cut <= 8) assert.equal(got.failure, "UPSTREAM_CLOSED", `cut at ${cut}`);
    else if (cut < 8 + head.length) assert.equal(got.failure, "BAD_RESPONSE", `cut at ${cut}`);
    else assert.equal(got.failure, "UPSTREAM_TRUNCATED", `cut at ${cut}`);
  }
  assert.equal(backend.pool.openCount, 0);
});

const whole = answer(`${head}ok`);
const refused: Readonly<Record<string, readonly [Buffer, FailureCode, RegExp]>> = {
  "of another version": [record(Type.STDOUT, "x", { version: 2 }), "BAD_RESPONSE", /version 2/],
  "of an unknown type": [record(42, "x"), "BAD_RESPONSE", /type 42/],
  "that only clients send": [record(Type.PARAMS, "x"), "BAD_RESPONSE", /type 4/],
  "of another request": [answer(`${head}evil`, { id: 2 }), "BAD_RESPONSE", /request 2/],
  "of no request": [answer(`${head}evil`, { id: 0 }), "BAD_RESPONSE", /request 0/],
  "that answers what nobody asked": [record(Type.VALUES, "", { id: 0 }), "BAD_RESPONSE", /asked/],
  "that does not know a type": [
    record(Type.UNKNOWN, "\x07\0\0\0\0\0\0\0", { id: 0 }),
    "BAD_RESPONSE",
    /asked/,
  ],
  "of an end that is too short": [
    Buffer.concat([record(Type.STDOUT, head), record(Type.END, "\0\0\0\0")]),
    "BAD_RESPONSE",
    /4 bytes, not 8/,
  ],
  "of an end that is too long": [
    Buffer.concat([record(Type.STDOUT, head), record(Type.END, "\0".repeat(9))]),
    "BAD_RESPONSE",
    /9 bytes, not 8/,
  ],
  "of an end that is enormous": [record(Type.END, "\0".repeat(5000)), "BAD_RESPONSE", /5000 bytes/],
  "of output after its end": [
    Buffer.concat([record(Type.STDOUT, `${head}a`), record(Type.STDOUT), record(Type.STDOUT, "b")]),
    "BAD_RESPONSE",
    /goes on/,
  ],
  "of an end and nothing before it": [ending(), "BAD_RESPONSE", /without an answer/],
  "of errors and an end alone": [
    Buffer.concat([record(Type.STDERR, "it broke\n"), ending(1)]),
    "BAD_RESPONSE",
    /without an answer/,
  ],
  "of an end within the head": [
    Buffer.concat([record(Type.STDOUT, "Content-Type: text/pl"), ending()]),
    "BAD_RESPONSE",
    /middle of the head/,
  ],
  "of an end before the end": [
    Buffer.concat([record(Type.STDOUT, "Content-Length: 9\r\n\r\nabc"), ending()]),
    "UPSTREAM_TRUNCATED",
    /6 bytes/,
  ],
  "of a refusal": [ending(0, 2), "GATEWAY_OVERLOADED", /no more/],
  "of a refusal to have several": [ending(0, 1), "GATEWAY_OVERLOADED", /no more/],
  "of a refusal of its role": [ending(0, 3), "BAD_RESPONSE", /role/],
  "of a status that does not exist": [ending(0, 9), "BAD_RESPONSE", /status 9/],
  "of a head without end": [
    Buffer.concat(
      Array.from({ length: 200 }, () => record(Type.STDOUT, `X-More: ${"m".repeat(500)}\r\n`)),
    ),
    "RESPONSE_HEAD_TOO_LARGE",
    /bytes/,
  ],
  "of a head in one line": [
    record(Type.STDOUT, "x".repeat(65_535)),
    "RESPONSE_HEAD_TOO_LARGE",
    /bytes/,
  ],
  "of too many fields": [
    answer(`${"X-A: b\r\n".repeat(80)}\r\n`),
    "RESPONSE_HEAD_TOO_LARGE",
    /head/,
  ],
};

for (const [what, [bytes, code, why]] of Object.entries(refused)) {
  test(`records ${what} end the connection with ${code}`, bounded, async () => {
    const got = await told(bytes);
    assert.equal(got.failure, code, got.cause);
    assert.match(got.cause, why);
    assert.equal(got.idle, 0);
  });
}

test("what a program ended with is told with its errors", bounded, async () => {
  const got = await told(
    Buffer.concat([
      record(Type.STDOUT, `${head}ok`),
      record(Type.STDERR, "no end of line"),
      ending(3),
    ]),
  );
  assert.deepEqual([got.failure, got.body.toString()], ["", "ok"]);
  assert.deepEqual(got.errors, ["no end of line", "the program ended with the status 3"]);
  assert.equal(got.idle, 1);
});

for (const [what, more] of Object.entries({
  "a second end": ending(),
  "a second answer": whole,
  "bytes that are no record": Buffer.from("evil"),
  "half of a record": record(Type.STDOUT, "x").subarray(0, 5),
})) {
  test(
    `${what} after an answer is nobody's: the connection is not used again`,
    bounded,
    async () => {
      let isFirst = true;
      await using server = await startFastcgiServer((socket) => {
        socket.write(isFirst ? Buffer.concat([whole, more]) : answer(`${head}second`));
        isFirst = false;
      });
      using backend = keptBackend(server);
      assert.equal((await askProgram(backend, speaks)).body.toString(), "ok");
      assert.equal(backend.pool.idleCount, 0);
      assert.equal((await askProgram(backend, speaks)).body.toString(), "second");
      assert.equal(server.connections, 2);
    },
  );
}

test("what comes on a connection that nobody uses ends it", bounded, async () => {
  await using server = await startFastcgiServer((socket) => {
    socket.write(whole);
    setTimeout(() => socket.write(answer(`${head}evil`)), 5);
  });
  using backend = keptBackend(server);
  assert.equal((await askProgram(backend, speaks)).body.toString(), "ok");
  await eventually("the end of the connection", () => backend.pool.openCount === 0 || undefined);
  assert.equal((await askProgram(backend, speaks)).body.toString(), "ok");
});

test(
  "a program that accepts and never answers is given up, and so is one that writes only errors",
  bounded,
  async () => {
    assert.equal((await told(Buffer.alloc(0))).failure, "RESPONSE_TIMEOUT");
    await using server = await startFastcgiServer((socket) => {
      const timer = setInterval(() => socket.write(record(Type.STDERR, "still here\n")), 10);
      socket.on("close", () => clearInterval(timer));
    });
    using backend = keptBackend(server);
    const got = await askProgram(backend, speaks, { responseTimeout: 200 });
    assert.equal(got.failure, "RESPONSE_TIMEOUT");
    assert.equal(got.errors[0], "still here");
    await eventually("the end of the connection", () => server.sockets.size === 0 || undefined);
  },
);

test(
  "an answer that is whole by its length ends in time though the program does not end it",
  bounded,
  async () => {
    const got = await told(record(Type.STDOUT, "Content-Length: 2\r\n\r\nok"), {
      asked: { bodyTimeout: 100 },
    });
    assert.deepEqual([got.failure, got.body.toString(), got.idle], ["", "ok", 0]);
    const silent = await told(record(Type.STDOUT, `${head}some`), { asked: { bodyTimeout: 100 } });
    assert.deepEqual([silent.failure, silent.body.toString()], ["RESPONSE_BODY_TIMEOUT", "some"]);
  },
);

/** A program that answers the first bytes that come, and reads no more. */
function eager(bytes: Buffer): Promise<FastcgiServer> {
  return startFastcgiServer(
    () => {},
    (socket) => {
      socket.once("data", () => {
        socket.pause();
        socket.write(bytes);
      });
    },
  );
}

test(
  "an answer before the end of the body stands, and its connection is not used again",
  bounded,
  async () => {
    await using server = await eager(whole);
    using backend = keptBackend(server);
    const connection = await lease(backend.pool);
    const asking = new Asking();
    connection.begin(asking, "", "POST", false, 5000, 5000);
    connection.flush();
    assert.equal((await asking.done).body.toString(), "ok");
    assert.deepEqual([backend.pool.openCount, backend.pool.idleCount], [0, 0]);
  },
);

test(
  "a program that takes nothing of a body is given up, also in the middle of its answer",
  bounded,
  async () => {
    const body = Array.from({ length: 400 }, () => Buffer.alloc(65_536));
    for (const [bytes, code] of [
      [Buffer.alloc(0), "RESPONSE_TIMEOUT"],
      [record(Type.STDOUT, `${head}begin`), "RESPONSE_BODY_TIMEOUT"],
    ] as const) {
      await using server = await eager(bytes);
      using backend = keptBackend(server);
      const connection = await lease(backend.pool);
      const asking = new Asking();
      const limits = { responseTimeout: 200, bodyTimeout: 200 };
      await send(connection, asking, speaks, { method: "POST", body, ...limits });
      assert.equal((await asking.done).failure, code);
    }
  },
);

test("who goes away says so before the connection is closed", bounded, async () => {
  await using server = await startFastcgiServer((socket) =>
    socket.write(record(Type.STDOUT, `${head}begin`)),
  );
  using backend = keptBackend(server);
  const connection = await lease(backend.pool);
  const asking = new Asking();
  await send(connection, asking, speaks);
  await asking.headDone;
  connection.destroy();
  const abort = Buffer.from([1, 2, 0, 1, 0, 0, 0, 0]);
  await eventually(
    "the request to be aborted",
    () => (server.received[0]?.subarray(-8).equals(abort) ?? false) || undefined,
  );
  await eventually("the end of the connection", () => server.sockets.size === 0 || undefined);
});

test("a connection is asked to stay open only where it is kept", bounded, async () => {
  await using server = await startFastcgiServer((socket) => socket.write(whole));
  using kept = keptBackend(server);
  using once = gatewayBackend({ speaks, address: server.address });
  await askProgram(kept, speaks);
  await askProgram(once, speaks);
  assert.deepEqual(
    server.received.map((each) => each[10]),
    [1, 0],
  );
  await eventually("one connection to be left", () => server.sockets.size === 1 || undefined);
});
