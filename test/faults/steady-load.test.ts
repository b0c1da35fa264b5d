// The load that the tests of workers rely on sees each kind of failure: here something stands between it and
// its origin that passes everything on, until it begins to spoil it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import type { Failure, FailureKind } from "../harness/steady-lanes.ts";
import { startLoad, type SteadyLoad } from "../harness/steady-load.ts";

interface Between extends AsyncDisposable {
  readonly port: number;
  /** Answers go through this. */
  onAnswer: (bytes: Buffer, client: Socket) => void;
  /** Requests go through this. */
  onRequest: (bytes: Buffer, origin: Socket) => void;
  refuse(): void;
}

const pass = (bytes: Buffer, to: Socket) => void to.write(bytes);

async function between(url: string): Promise<Between> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const origin = connect(Number(new URL(url).port), "127.0.0.1");
    for (const [from, to] of [
      [client, origin],
      [origin, client],
    ] as const) {
      open.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => open.delete(from));
      from.on("end", () => to.end());
    }
    client.on("data", (bytes: Buffer) => self.onRequest(bytes, origin));
    origin.on("data", (bytes: Buffer) => self.onAnswer(bytes, client));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  const self: Between = {
    port: (server.address() as AddressInfo).port,
    onAnswer: pass,
    onRequest: pass,
    refuse: close,
    async [Symbol.asyncDispose]() {
      close();
    },
  };
  return self;
}

/** Once there are some. */
async function failuresOf(load: SteadyLoad): Promise<readonly Failure[]> {
  const { failures } = await eventually(
    "failures",
    async () => {
      const report = await load.report();
      return report.failed >= 5 ? report : undefined;
    },
    10_000,
  );
  return failures;
}

const spoilt: Readonly<Record<string, (between: Between) => void>> = {
  refused: (self) => self.refuse(),
  reset: (self) => (self.onAnswer = (_bytes, client) => client.resetAndDestroy()),
  closed: (self) => (self.onAnswer = (_bytes, client) => client.end()),
  timeout: (self) => (self.onRequest = () => {}),
  wrong: (self) => (self.onAnswer = (bytes, client) => client.write(withLastByteChanged(bytes))),
};

function withLastByteChanged(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt8((changed.at(-1) ?? 0) ^ 1, changed.length - 1);
  return changed;
}

for (const [kind, spoil] of Object.entries(spoilt)) {
  test(`a load sees what is ${kind}`, { timeout: 30_000 }, async () => {
    await using load = await startLoad();
    await using way = await between(load.url);
    await load.begin(way.port, { kept: 2, newPerSecond: 20, slow: 0, timeoutMs: 500 });
    await load.lap();
    assert.equal((await load.report()).failed, 0);
    spoil(way);
    const failures = await failuresOf(load);
    const kinds = failures.map((failure) => failure.kind);
    assert.ok(kinds.includes(kind as FailureKind), JSON.stringify(failures.slice(0, 9)));
  });
}

test("a load sees uploads that arrive twice", { timeout: 30_000 }, async () => {
  await using load = await startLoad();
  await using way = await between(load.url);
  await load.begin(way.port, { kept: 2, newPerSecond: 20, slow: 0 });
  way.onRequest = (bytes, origin) => {
    origin.write(bytes);
    if (!bytes.toString("latin1").startsWith("POST")) return;
    const again = connect(Number(new URL(load.url).port), "127.0.0.1", () => again.end(bytes));
    again.on("error", () => {});
    again.resume();
  };
  await load.lap();
  await load.lap();
  const report = await load.stop();
  assert.ok(report.failures.some(({ what }) => /arrived more than once/.test(what)));
});

test(
  "a load has no failure when its connections are closed between two requests",
  { timeout: 30_000 },
  async () => {
    await using load = await startLoad();
    await using way = await between(load.url);
    const closing = "Connection: close\r\n";
    way.onRequest = (bytes, origin) => {
      const text = bytes.toString("latin1");
      const isHead = /^(GET|POST) /.test(text) && !text.includes(closing);
      origin.write(isHead ? text.replace("\r\n", `\r\n${closing}`) : bytes, "latin1");
    };
    await load.begin(way.port, { kept: 4, newPerSecond: 20, slow: 1, slowMs: 300 });
    await load.lap();
    await load.lap();
    const report = await load.stop();
    assert.equal(report.failed, 0, JSON.stringify(report.failures));
    assert.ok(report.opened > report.answered / 2, "nearly each had a connection of its own");
  },
);
