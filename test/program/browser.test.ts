// A real browser loads a small site through the proxy: page, style, script, images, data, a form, and a
// WebSocket.

import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { WebSocketServer } from "ws";
import { findCommand, needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

const listeners = { web: "127.0.0.1:0" };

const site: Readonly<Record<string, readonly [type: string, body: string | Buffer]>> = {
  "/": [
    "text/html",
    `<!doctype html><title>site</title><link rel="stylesheet" href="/style.css">
<script type="module" src="/app.js"></script>
<img id="one" src="/one.svg"><img id="two" src="/two.svg">
<form method="post" action="/form"><input name="text" value="grüße"><button>go</button></form>`,
  ],
  "/style.css": ["text/css", "body { color: rgb(1, 2, 3) }"],
  "/app.js": [
    "text/javascript",
    `const socket = new WebSocket("ws://" + location.host + "/socket");
socket.onopen = () => socket.send("from the browser");
socket.onmessage = (event) => { document.body.dataset.echo = event.data; };
const data = await (await fetch("/data.json")).json();
document.body.dataset.fetched = data.items.length;`,
  ],
  "/one.svg": ["image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>`],
  "/two.svg": ["image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>`],
  "/data.json": ["application/json", JSON.stringify({ items: Array.from({ length: 5000 }) })],
};

test(
  "a browser loads a site, posts a form and opens a WebSocket",
  { skip: needs("chromium") },
  async () => {
    await using origin = await httpOrigin((request, response) => {
      if (request.method === "POST") {
        void buffer(request).then((body) => {
          response.setHeader("Content-Type", "text/html; charset=utf-8");
          response.end(`<p id="sent">${new URLSearchParams(String(body)).get("text")}</p>`);
        });
        return;
      }
      const [type, body] = site[request.url ?? ""] ?? [];
      response.statusCode = type === undefined ? 404 : 200;
      response.setHeader("Content-Type", type ?? "text/plain");
      response.end(body);
    });
    const sockets = new WebSocketServer({ server: origin.server });
    sockets.on("connection", (socket) =>
      socket.on("message", (data: Buffer) => socket.send(data.toString())),
    );
    await using program = await startTidegate({
      config: { listeners, routes: { "site.localhost": origin.url } },
    });
    const browser = await chromium.launch({
      executablePath: findCommand("chromium") ?? "chromium",
      timeout: 20_000,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(10_000);
      const failed: string[] = [];
      page.on("requestfailed", (request) =>
        failed.push(`${request.url()}: ${request.failure()?.errorText}`),
      );
      page.on("pageerror", (error) => failed.push(String(error)));
      await page.goto(`http://site.localhost:${program.port()}/`, { waitUntil: "load" });
      await page.waitForSelector('body[data-echo="from the browser"][data-fetched="5000"]');
      const found = await page.evaluate(`({
      color: getComputedStyle(document.body).color,
      widths: [...document.images].map((each) => each.naturalWidth),
    })`);
      assert.deepEqual(found, { color: "rgb(1, 2, 3)", widths: [7, 9] });
      await page.click("button");
      assert.equal(await page.textContent("#sent"), "grüße");
      assert.deepEqual(failed, []);
    } finally {
      await browser.close();
      sockets.close();
    }
  },
);
