// Two gigabytes down and two gigabytes up in constant memory, and a slow reader of a fast backend: what
// flows through must not pile up. The content is a repeating pattern that is checked to the last byte.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import { checkBody, sendBody } from "../harness/big-body.ts";
import { growthDuring } from "../harness/growth.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const listeners = { web: "127.0.0.1:0" };
const total = 2 * 1024 ** 3;
const mebibyte = 1024 ** 2;
const maxGrowth = 150 * mebibyte;

function start(url: string): Promise<Tidegate> {
  return startTidegate({ config: { listeners, routes: { "app.test": url } } });
}

async function get(port: number, path: string): Promise<IncomingMessage> {
  const sent = request({ port, host: "127.0.0.1", path, headers: { Host: "app.test" } });
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response;
}

function serve(path: string, response: ServerResponse, size: number): void {
  if (path === "/length") response.setHeader("Content-Length", size);
  // A reader that leaves early ends the stream; that is not this test's affair.
  response.on("error", () => {});
  void sendBody(response, size);
}

for (const path of ["/length", "/chunks"]) {
  test(`2 GB come down (${path}) in constant memory`, { timeout: 90_000 }, async () => {
    await using origin = await httpOrigin((incoming, response) => {
      const isWarmUp = incoming.url === "/warm-up";
      serve(path, response, isWarmUp ? 50 * mebibyte : total);
    });
    await using program = await start(origin.url);
    await checkBody(await get(program.port(), "/warm-up"));
    const growth = await growthDuring(program.pid, async () => {
      assert.equal(await checkBody(await get(program.port(), path)), total);
    });
    assert.ok(growth < maxGrowth, `grew by ${(growth / mebibyte).toFixed()} MiB`);
  });

  test(`2 GB go up (${path}) in constant memory`, { timeout: 90_000 }, async () => {
    await using origin = await httpOrigin((incoming, response) => {
      void checkBody(incoming).then(
        (size) => response.end(String(size)),
        (error: unknown) => response.writeHead(400).end(String(error)),
      );
    });
    await using program = await start(origin.url);
    const upload = async (size: number) => {
      const sent = request({
        port: program.port(),
        host: "127.0.0.1",
        method: "PUT",
        path,
        headers: { Host: "app.test", ...(path === "/length" ? { "Content-Length": size } : {}) },
      });
      const answer = once(sent, "response");
      await sendBody(sent, size);
      const [response] = (await answer) as [IncomingMessage];
      let text = "";
      for await (const chunk of response) text += String(chunk);
      assert.equal(text, String(size));
    };
    await upload(50 * mebibyte);
    const growth = await growthDuring(program.pid, () => upload(total));
    assert.ok(growth < maxGrowth, `grew by ${(growth / mebibyte).toFixed()} MiB`);
  });
}

test("a slow reader of a fast backend costs no memory", { timeout: 30_000 }, async () => {
  await using origin = await httpOrigin((_incoming, response) => {
    serve("/length", response, 200 * mebibyte);
  });
  await using program = await start(origin.url);
  const growth = await growthDuring(program.pid, async () => {
    const readers = await Promise.all(
      Array.from({ length: 20 }, () => get(program.port(), "/slow")),
    );
    const end = Date.now() + 3000;
    // A megabyte a second each, in twenty steps.
    while (Date.now() < end) {
      for (const reader of readers) reader.read(Math.min(50_000, reader.readableLength));
      await pause(50);
    }
    for (const reader of readers) reader.destroy();
  });
  // The system's buffers hold a few megabytes for each; ours may hold some hundred kilobytes.
  assert.ok(growth < 40 * mebibyte, `grew by ${(growth / mebibyte).toFixed()} MiB`);
});

test("a backend that reads slowly does not make uploads pile up", { timeout: 30_000 }, async () => {
  await using origin = await httpOrigin((incoming, response) => {
    if (incoming.method === "GET") response.end();
    else incoming.pause();
  });
  await using program = await start(origin.url);
  await ask(program.port());
  const growth = await growthDuring(program.pid, async () => {
    const uploads = Array.from({ length: 20 }, () => {
      const sent = request({
        port: program.port(),
        host: "127.0.0.1",
        method: "PUT",
        headers: { Host: "app.test", "Content-Length": 200 * mebibyte },
      });
      sent.on("error", () => {});
      return sent;
    });
    for (const each of uploads) {
      // Until the other side takes no more: the promise of the rest never comes true.
      void sendBody(each, 200 * mebibyte).catch(() => {});
    }
    await pause(2000);
    for (const each of uploads) each.destroy();
  });
  assert.ok(growth < 40 * mebibyte, `grew by ${(growth / mebibyte).toFixed()} MiB`);
});
