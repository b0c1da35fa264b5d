// Whole requests recorded on request, given as HAR and for a shell, and sent once more to another backend.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { ask } from "../harness/ask.ts";
import { eventually, within } from "../harness/barrier.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

interface HarEntry {
  readonly startedDateTime: string;
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: readonly { readonly name: string; readonly value: string }[];
    readonly postData?: { readonly text: string; readonly mimeType: string };
  };
  readonly response: { readonly status: number; readonly content: { readonly text: string } };
}

describe("records", () => {
  const stack = new AsyncDisposableStack();
  let program: Tidegate;
  let origin: HttpOrigin;

  before(async () => {
    origin = stack.use(
      await httpOrigin((request, response) => {
        response.setHeader("Set-Cookie", "sid=geheim-back");
        response.setHeader("X-Made", "yes");
        if (request.method !== "POST") response.end(`you asked for ${request.url}`);
        else request.pipe(response);
      }),
    );
    const sockets = new WebSocketServer({ server: origin.server });
    sockets.on("connection", (socket) => {
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    stack.defer(() => sockets.close());
    program = stack.use(
      await startTidegate({
        config: {
          listeners: { web: "127.0.0.1:0" },
          admin: false,
          routes: { "a.test": origin.url, "b.test": origin.url },
        },
        workers: 2,
      }),
    );
  });
  after(() => stack.disposeAsync());

  const run = (...args: string[]) =>
    runCommand(tidegate, [...args, "--control", program.control], { timeoutMs: 15_000 });
  const secrets = {
    Authorization: "Bearer geheim-1",
    Cookie: "sid=geheim-2",
    "X-Api-Key": "geheim-3",
  };

  const started = async (...args: string[]) => {
    const { stdout, stderr, code } = await run("record", ...args, "--json");
    assert.equal(code, 0, stderr);
    return (JSON.parse(stdout) as { id: string }).id;
  };
  const rowOf = async (id: string) => {
    const rows = JSON.parse((await run("records", "--json")).stdout) as {
      id: string;
      exchanges: number;
      state: string;
    }[];
    const row = rows.find((each) => each.id === id);
    if (row === undefined) throw new Error(`there is no record ${id}`);
    return row;
  };
  /** Asks until a record is full: when the workers have begun nobody tells. */
  const filled = (id: string, request: () => Promise<unknown>) =>
    eventually(
      "the record to be full",
      async () => {
        await request();
        return (await rowOf(id)).state === "done";
      },
      15_000,
    );
  const harOf = async (id: string) => {
    const { stdout } = await run("records", id, "--har");
    return (JSON.parse(stdout) as { log: { version: string; entries: HarEntry[] } }).log;
  };

  test("a record has what was asked for of its route, without secrets, as HAR and for a shell", async () => {
    const id = await started("a.test", "--count", "3");
    const path = "/order?item=1&token=geheim-4";
    await filled(id, async () => {
      const body = "it's a body";
      await ask(program.port(), { name: "b.test", path: "/other" });
      await ask(program.port(), {
        ...{ name: "a.test", path, method: "POST", body },
        headers: { ...secrets, "Content-Type": "text/plain" },
      });
    });
    const { version, entries } = await harOf(id);
    assert.equal(version, "1.2");
    assert.equal(entries.length, 3);
    const [entry] = entries;
    assert.equal(entry?.request.method, "POST");
    assert.equal(entry?.request.url, "http://a.test/order?item=1&token=(not shown)");
    assert.deepEqual(entry?.request.postData?.text, "it's a body");
    assert.equal(entry?.response.status, 200);
    assert.equal(entry?.response.content.text, "it's a body");
    assert.ok(!Number.isNaN(Date.parse(entry?.startedDateTime ?? "")));
    const all = [
      await run("records", id),
      await run("records", id, "--har"),
      await run("records", id, "--curl"),
    ];
    for (const { stdout, code } of all) {
      assert.equal(code, 0);
      assert.doesNotMatch(stdout, /geheim/);
    }
    assert.match(all[2]?.stdout ?? "", /^printf %s 'aXQ[^']*' \| base64 -d \| curl /m);
  });

  test("the command for a shell asks for the same once more", async () => {
    const id = await started("a.test", "--count", "1");
    await filled(id, () => ask(program.port(), { name: "a.test", path: "/it's;$(id)?a=1" }));
    const [line = ""] = (await run("records", id, "--curl")).stdout.split("\n");
    const here = line.replace("http://a.test", `http://127.0.0.1:${program.port()}`);
    const { stdout } = await runCommand("sh", ["-c", `${here} --silent --header 'Host: a.test'`]);
    assert.match(stdout, /you asked for \/it's;\$\(id\)\?a=1/);
  });

  test("passwords are left out of bodies, and a request without its own is not sent again", async () => {
    const id = await started("a.test", "--count", "1");
    await filled(id, () =>
      ask(program.port(), {
        ...{ name: "a.test", path: "/login", method: "POST", body: "user=ann&password=geheim" },
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
      }).then(({ body }) => assert.equal(body, "user=ann&password=geheim")),
    );
    const [entry] = (await harOf(id)).entries;
    assert.equal(entry?.request.postData?.text, "user=ann&password=(not shown)");
    const again = await run("replay", id, "--to", origin.url, "--all");
    assert.match(again.stdout, /^not sent +POST \/login\n +values in its body were left out/m);
  });

  test("secrets are recorded only where they are asked for", async () => {
    const id = await started("a.test", "--count", "1", "--with-secrets");
    await filled(id, () =>
      ask(program.port(), { name: "a.test", path: "/?token=geheim-4", headers: secrets }),
    );
    const { stdout } = await run("records", id);
    for (const each of ["geheim-1", "geheim-2", "geheim-3", "geheim-4", "geheim-back"]) {
      assert.ok(stdout.includes(each), each);
    }
  });

  test("a long body is kept up to its limit, and a record is gone when it is deleted", async () => {
    const id = await started("a.test", "--count", "1", "--bodies", "10");
    const body = "x".repeat(100_000);
    await filled(id, () =>
      ask(program.port(), { name: "a.test", path: "/", method: "POST", body }).then((response) =>
        assert.equal(response.body, body),
      ),
    );
    const [entry] = (await harOf(id)).entries;
    assert.equal(entry?.request.postData?.text, "x".repeat(10));
    assert.equal((await run("records", id, "--delete")).code, 0);
    assert.equal((await run("records", id)).code, 1);
    const missing = await run("record", "nobody.test");
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /there is no route nobody\.test/);
  });

  test("what is recorded goes through as ever: a long body both ways, and a WebSocket", async () => {
    const id = await started("a.test", "--count", "2", "--bodies", "1KiB");
    const body = "0123456789".repeat(500_000);
    const socket = await eventually("both to be recorded", async () => {
      const echoed = await ask(program.port(), { name: "a.test", path: "/", method: "POST", body });
      assert.equal(echoed.body.length, body.length);
      assert.ok(echoed.body === body);
      if ((await rowOf(id)).exchanges === 0) return undefined;
      return new WebSocket(`ws://127.0.0.1:${program.port()}/chat`, {
        headers: { Host: "a.test" },
      });
    });
    await within(once(socket, "open"), 5000, "the WebSocket to open");
    for (const word of ["one", "two"]) {
      const answer = once(socket, "message");
      socket.send(word);
      const [bytes] = (await within(answer, 5000, "an echo")) as [Buffer];
      assert.equal(bytes.toString(), word);
    }
    const closed = once(socket, "close");
    socket.close();
    await within(closed, 5000, "the WebSocket to close");
    await eventually("the record to be full", async () => (await rowOf(id)).state === "done");
    const recorded = JSON.parse((await run("records", id)).stdout) as {
      exchanges: { body: { bytes: number; base64: string }; entry: { status: number } }[];
    };
    const [first, second] = recorded.exchanges;
    assert.equal(first?.body.bytes, body.length);
    assert.equal(Buffer.from(first?.body.base64 ?? "", "base64").toString(), body.slice(0, 1024));
    assert.ok([101, 200].includes(second?.entry.status ?? 0));
  });

  test("a replay tells the same from the different, and sends nothing that changes something", async () => {
    const posted: string[] = [];
    await using other = await httpOrigin((request, response) => {
      if (request.method === "POST") posted.push(request.url ?? "");
      response.setHeader("Set-Cookie", "sid=other");
      if (request.url === "/same") response.setHeader("X-Made", "yes");
      response.statusCode = request.url === "/gone" ? 410 : 200;
      response.end(`you asked for ${request.url}`);
    });
    const id = await started("a.test", "--count", "8");
    await filled(id, async () => {
      for (const path of ["/same", "/gone"]) await ask(program.port(), { name: "a.test", path });
      await ask(program.port(), { name: "a.test", path: "/same", method: "POST", body: "b" });
    });
    const same = await run("replay", id, "--to", origin.url);
    assert.equal(same.code, 0, same.stdout);
    const different = await run("replay", id, "--to", other.url);
    assert.equal(different.code, 1);
    assert.match(different.stdout, /^same +GET \/same$/m);
    assert.match(
      different.stdout,
      /^different +GET \/gone\n +status 200 .+ 410\n +without x-made$/m,
    );
    assert.match(different.stdout, /^not sent +POST \/same\n +POST may change something/m);
    assert.deepEqual(posted, []);
    const all = await run("replay", id, "--to", other.url, "--all", "--json");
    assert.equal(all.code, 1);
    assert.ok(posted.length > 0);
    const nobody = await run("replay", id, "--to", "127.0.0.1:1");
    assert.match(nobody.stderr, /is no URL to send to/);
  });
});
