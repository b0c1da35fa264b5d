// A program that said that it takes several requests on one connection, and then refuses one: whoever asked gets an answer on
// a connection of its own, and nobody is sent there to be refused again.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { encodePairs } from "../../src/gateway/fastcgi-records.ts";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { answer, ending, startFastcgiServer } from "../harness/fastcgi-server.ts";
import { startTidegate } from "../harness/tidegate.ts";

const head = "Content-Type: text/plain\r\n\r\n";

test("who is refused a place on a connection is asked for on another", async () => {
  let refused = 0;
  const held: (() => void)[] = [];
  const busy = new Set<Socket>();
  await using server = await startFastcgiServer({
    values: encodePairs(["FCGI_MPXS_CONNS", "1", "FCGI_MAX_REQS", "5"]),
    onRequest: (socket, _count, id, path) => {
      if (busy.has(socket)) {
        refused++;
        socket.write(ending(0, 1, { id }));
        return;
      }
      const tell = () => socket.write(answer(`${head}${path}`, { id }));
      if (path === "/held") {
        busy.add(socket);
        held.push(tell);
      } else {
        tell();
      }
    },
  });
  if (server.address.kind !== "tcp") throw new Error("no port");
  await using program = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: {
        all: {
          host: "*",
          service: { fastcgi: { backends: `127.0.0.1:${server.address.port}`, multiplex: true } },
        },
      },
    },
  });
  const get = (path: string) => ask(program.port(), { name: "x.test", path });
  // The first request is on a connection of its own, and a second one is asked what it can do.
  assert.equal((await get("/first")).body, "/first");
  await eventually("the end of the question", () => server.sockets.size === 0 || undefined);
  const first = get("/held");
  await eventually("one that is not answered yet", () => held.length === 1 || undefined);
  const others = await Promise.all(["/a", "/b"].map(get));
  assert.deepEqual(
    others.map(({ status, body }) => [status, body]),
    [
      [200, "/a"],
      [200, "/b"],
    ],
  );
  assert.ok(refused >= 1, "nobody shared a connection");
  const before = refused;
  assert.equal((await get("/c")).body, "/c");
  assert.equal(refused, before);
  held[0]?.();
  assert.equal((await first).body, "/held");
});
