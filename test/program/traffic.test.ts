// Single requests as operators see them: as they end, while they are open, and those that stood out. Over two workers.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { ask } from "../harness/ask.ts";
import { eventually, within } from "../harness/barrier.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

/** Of `geheim`. */
const key = `somebody:${createHash("sha256").update("geheim").digest("hex")}`;

interface Line {
  readonly target?: string;
  readonly status?: number;
  readonly route?: string;
  readonly failure?: string;
}

describe("traffic", () => {
  const stack = new AsyncDisposableStack();
  let program: Tidegate;
  /** What the backend saw the end of. */
  const left: string[] = [];
  let origin: HttpOrigin;

  before(async () => {
    origin = stack.use(
      await httpOrigin((request, response) => {
        if (request.url?.startsWith("/hang") === true) {
          response.once("close", () => left.push("request"));
          return;
        }
        response.statusCode = request.url?.startsWith("/bad") === true ? 503 : 200;
        response.end("hello");
      }),
    );
    const sockets = new WebSocketServer({ server: origin.server });
    sockets.on("connection", (socket) => socket.once("close", () => left.push("tunnel")));
    stack.defer(() => sockets.close());
    program = stack.use(
      await startTidegate({
        config: {
          listeners: { web: "127.0.0.1:0" },
          admin: false,
          routes: {
            "a.test": origin.url,
            "b.test": origin.url,
            "c.test": "http://127.0.0.1:1",
            "k.test": {
              service: origin.url,
              middlewares: [{ apiKey: { keys: [key], from: "query:way", forwardKey: true } }],
            },
          },
        },
        workers: 2,
      }),
    );
  });
  after(() => stack.disposeAsync());

  const get = (name: string, path: string, headers: Record<string, string> = {}) =>
    ask(program.port(), { name, path, headers });

  /** Lines that a command prints from now on. */
  const followed = (args: readonly string[]) => {
    const child = spawn(tidegate, ["logs", "-f", ...args, "--control", program.control], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    });
    stack.defer(() => void child.kill());
    const lines: Line[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(JSON.parse(line) as Line);
    });
    return {
      lines,
      /** Asks until a line of it comes: when the workers have begun to watch nobody tells. */
      async seen(what: () => Promise<unknown>, fits: (line: Line) => boolean) {
        const isSeen = async () => {
          await what();
          return lines.find(fits);
        };
        return eventually("a line that fits", isSeen, 15_000);
      },
    };
  };

  const run = (...args: string[]) =>
    runCommand(tidegate, [...args, "--control", program.control], { timeoutMs: 15_000 });

  test("who follows a status sees the requests of all workers that ended so, and no others", async () => {
    const log = followed(["--status", "5xx", "--text", "/seen"]);
    await log.seen(
      () => get("a.test", "/bad/seen/first"),
      ({ target }) => target === "/bad/seen/first",
    );
    const paths = Array.from({ length: 40 }, (_, at) => `/bad/seen/${at}`);
    for (const path of paths) {
      await get("a.test", path.replace("/bad", "/good"));
      await get("a.test", path);
    }
    await eventually("all of them", () =>
      paths.every((path) => log.lines.some(({ target }) => target === path)),
    );
    assert.deepEqual(
      log.lines.filter(({ status }) => status !== 503),
      [],
    );
  });

  test("a filter of a route, of a method and of failures is held to", async () => {
    const log = followed(["--route", "c.test", "--method", "get", "--failed"]);
    const line = await log.seen(
      () => Promise.all([get("c.test", "/down"), get("a.test", "/bad/other")]),
      ({ target }) => target === "/down",
    );
    assert.equal(line.failure, "CONNECT_REFUSED");
    assert.deepEqual([...new Set(log.lines.map(({ route }) => route))], ["c.test"]);
  });

  test("secrets are in no line, whatever their names are written like", async () => {
    const log = followed(["--text", "/login"]);
    await log.seen(
      () =>
        get("a.test", "/login?user=ann&t%6Fken=geheim1&api_key=geheim2&X-Amz-Signature=geheim3", {
          Authorization: "Bearer geheim4",
          Cookie: "sid=geheim5",
        }),
      ({ target }) => target?.startsWith("/login") === true,
    );
    // The configuration says that it is a key.
    await log.seen(
      () => get("k.test", "/login/by-key?way=geheim&x=1"),
      ({ target }) => target?.startsWith("/login/by-key") === true,
    );
    const text = JSON.stringify(log.lines);
    assert.match(text, /by-key\?way=\(not shown\)&x=1/);
    assert.match(text, /user=ann/);
    assert.doesNotMatch(text, /geheim/);
  });

  test("what failed is there for who comes later, and a wrong filter is refused with what to write", async () => {
    await get("c.test", "/was-down");
    const { stdout, code } = await run("logs", "--failed", "--route", "c.test", "--json");
    assert.equal(code, 0);
    assert.match(stdout, /was-down/);
    const other = await run("logs", "--failed", "--route", "b.test", "--json");
    assert.equal(other.stdout, "");
    const wrong = await run("logs", "--slower", "soon");
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /"soon" is not a duration; write 500ms or 2s/);
  });

  test("a WebSocket and a running request are listed, and each can be closed", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${program.port()}/chat?token=geheim`, {
      headers: { Host: "a.test" },
    });
    await within(once(socket, "open"), 5000, "the WebSocket to open");
    const hanging = get("b.test", "/hang/1").catch(() => "cut");
    const open = await eventually("both to be open", async () => {
      const { stdout } = await run("traffic", "--json");
      const rows = JSON.parse(stdout) as { id: string; isTunnel: boolean; target: string }[];
      return rows.length >= 2 ? rows : undefined;
    });
    const tunnel = open.find(({ isTunnel }) => isTunnel);
    const request = open.find(({ target }) => target === "/hang/1");
    assert.ok(tunnel !== undefined && request !== undefined, JSON.stringify(open));
    assert.equal(tunnel.target, "/chat?token=(not shown)");
    const table = await run("traffic");
    assert.match(table.stdout, /ID +FOR/);
    assert.match(table.stdout, /tunnel/);

    const closed = once(socket, "close");
    assert.equal((await run("traffic", "--close", tunnel.id)).code, 0);
    await within(closed, 5000, "the WebSocket to be closed");
    assert.equal((await run("traffic", "--close", request.id)).code, 0);
    assert.equal(await within(hanging, 5000, "the request to be cut"), "cut");
    await eventually("the backend to be let go", () => left.length === 2);
    assert.deepEqual(left.toSorted(), ["request", "tunnel"]);
    assert.match((await run("traffic")).stdout, /nothing is open/);
    await eventually("both to be in the access log", async () => {
      const lines = await program.accessLog();
      return lines.filter((line) => line.includes("OPERATOR_CLOSED")).length === 2;
    });

    const missing = await run("traffic", "--close", tunnel.id);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /nothing is open that is called/);
    assert.equal((await get("a.test", "/after")).status, 200);
  });
});
