// Workers are replaced and recycled, the configuration is read again, and the whole program is replaced, under load over
// HTTP/2: no request fails. Who keeps one connection for everything must be told in time that it is about to go
// (GOAWAY), and everything it asked before it knew must be answered. So these tests fail
// - when a worker goes with streams open, or closes a connection without saying which streams it has seen;
// - when what was on its way to it is dropped, and not refused in a way that can be asked again.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type ClientHttp2Session } from "node:http2";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { runCommand } from "../harness/command.ts";
import { controlOf } from "../harness/control.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

interface Stand extends AsyncDisposable {
  readonly program: Tidegate;
  readonly port: number;
  restart(): Promise<void>;
}

async function stand(settings: Readonly<Record<string, unknown>> = {}): Promise<Stand> {
  await using stack = new AsyncDisposableStack();
  const origin = stack.use(
    await httpOrigin((incoming, response) => {
      // Some take a moment, so that there is always something to finish.
      if (incoming.url === "/slow") setTimeout(() => response.end("slow"), 100);
      else response.end("quick");
    }),
  );
  const program = stack.use(
    await startTidegate({
      config: {
        listeners: { web: { bind: "127.0.0.1:0", tls: true } },
        routes: { "127.0.0.1": origin.url },
        workers: 2,
        ...settings,
      },
    }),
  );
  const control = controlOf(program.control);
  const held = stack.move();
  return {
    program,
    port: program.port(),
    async restart() {
      const ended = await control.command("restart");
      assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

interface Load {
  answered: number;
  readonly failures: string[];
  readonly connections: number;
}

/**
 * As a careful client does it: one connection for all, a new one as soon as GOAWAY comes, and streams that were refused
 * unseen are asked again.
 */
class Client {
  answered = 0;
  connections = 0;
  readonly failures: string[] = [];
  readonly #port: number;
  #session: ClientHttp2Session | undefined;
  #isOver = false;

  constructor(port: number) {
    this.#port = port;
  }

  get #live(): ClientHttp2Session {
    const session = this.#session;
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    this.connections += 1;
    const next = connect(`https://127.0.0.1:${this.#port}`, { rejectUnauthorized: false });
    next.on("error", (error) => {
      if (!this.#isOver) this.failures.push(`connection: ${error.message}`);
    });
    next.on("goaway", () => {
      if (this.#session === next) this.#session = undefined;
    });
    this.#session = next;
    return next;
  }

  async ask(path: string): Promise<void> {
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const stream = this.#live.request({ ":path": path });
      try {
        let body = "";
        for await (const piece of stream.setEncoding("utf8")) body += String(piece);
        if (body !== path.slice(1)) throw new Error(`${path} answered ${JSON.stringify(body)}`);
        this.answered += 1;
        return;
      } catch (error) {
        const refused = stream.rstCode === 7; // REFUSED_STREAM: nobody has looked at it
        if (refused && attempt < 3) continue;
        if (!this.#isOver) this.failures.push(`${path}: ${String(error)}, ${stream.rstCode}`);
        return;
      }
    }
  }

  async lane(path: string): Promise<void> {
    while (!this.#isOver) {
      await this.ask(path);
      await pause(2); // what is tested needs a steady load, and not all of the machine
    }
  }

  end(): void {
    this.#isOver = true;
    this.#session?.destroy();
  }
}

async function underLoad(port: number, work: () => Promise<void>): Promise<Load> {
  const clients = Array.from({ length: 6 }, () => new Client(port));
  const lanes = clients.flatMap((client) =>
    ["/quick", "/slow", "/slow", "/slow", "/slow"].map((path) => client.lane(path)),
  );
  try {
    await work();
  } finally {
    // Whatever was asked is to be answered.
    for (const client of clients) setTimeout(() => client.end(), 500);
    await Promise.allSettled(lanes);
  }
  const sum = (of: (client: Client) => number): number =>
    clients.reduce((all, each) => all + of(each), 0);
  return {
    answered: sum((each) => each.answered),
    connections: sum((each) => each.connections),
    failures: clients.flatMap((each) => each.failures),
  };
}

test(
  "`tidegate restart`, three times: streams finish, and clients come over",
  bounded,
  async () => {
    await using one = await stand();
    const load = await underLoad(one.port, async () => {
      for (let times = 0; times < 3; times += 1) {
        await pause(500); // the load goes on
        await one.restart();
      }
    });
    assert.deepEqual(load.failures.slice(0, 5), []);
    assert.ok(load.answered > 300, `${load.answered} answers`);
    assert.ok(load.connections >= 12, `${load.connections} connections`);
  },
);

test("workers that are recycled for their size, again and again", bounded, async () => {
  // None is as small as that.
  await using one = await stand({
    workers: { count: 2, memoryLimit: "64MiB", checkInterval: "1s" },
  });
  const load = await underLoad(one.port, () => pause(8000));
  assert.deepEqual(load.failures.slice(0, 5), []);
  assert.ok(load.connections > 8, `${load.connections} connections`);
});

test("reloads leave connections alone", bounded, async () => {
  await using one = await stand();
  const load = await underLoad(one.port, async () => {
    for (let times = 0; times < 40; times += 1) {
      one.program.signal("SIGHUP");
      await pause(50); // the pace is what is tested
    }
  });
  assert.deepEqual(load.failures.slice(0, 5), []);
  assert.equal(load.connections, 6);
});

test(
  "h2load sees no failure while workers are replaced and the configuration is read again",
  { ...bounded, skip: needs("h2load") },
  async () => {
    await using one = await stand();
    const args = ["-c8", "-m10", "-D6", `https://127.0.0.1:${one.port}/quick`];
    const running = runCommand("h2load", args, { timeoutMs: 30_000 });
    const isOver = once(AbortSignal.timeout(4500), "abort");
    await pause(700);
    await one.restart();
    for (let times = 0; times < 20; times += 1) {
      one.program.signal("SIGHUP");
      await pause(50);
    }
    await one.restart();
    await isOver;
    const { stdout } = await running;
    const [, failed, errored, timeout] =
      /(\d+) failed, (\d+) errored, (\d+) timeout/.exec(stdout) ?? [];
    assert.deepEqual(
      { failed, errored, timeout },
      { failed: "0", errored: "0", timeout: "0" },
      stdout,
    );
    const [, good] = /status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx/.exec(stdout) ?? [];
    assert.ok(Number(good) > 1000, stdout);
  },
);
