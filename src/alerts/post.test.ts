import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { postReceiver } from "../../test/harness/post-receiver.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import type { AlertChannel } from "../config/alert-settings.ts";
import { sendAs } from "./delivery.ts";
import type { Item, Message } from "./message.ts";

const send = sendAs({ hostName: "front-1", version: "1.2.3" });
const never = new AbortController().signal;

const at = Date.UTC(2026, 10, 21, 10, 0, 3);

const item: Item = {
  topic: "backend",
  key: "backend db tcp://10.0.3.11:3306",
  state: "raised",
  title: "db: 10.0.3.11:3306 is down",
  text: "refused the connection",
  at,
  since: at,
  changes: 1,
};

const message: Message = {
  id: "4f3c0c86-5bd1-4d7c-a5e5-6d1a3d0c7f10",
  at,
  kind: "alerts",
  title: item.title,
  text: `${item.title}\n  äöü`,
  items: [item],
};

function webhook(url: string, more: object = {}): AlertChannel {
  return { kind: "webhook", name: "webhook", url, secret: undefined, headers: {}, ...more };
}

test("a webhook gets JSON whose signature covers time and body", async () => {
  await using receiver = await postReceiver();
  const channel = webhook(`${receiver.origin}/hook?x=1`, {
    secret: "shared",
    headers: { "X-Team": "ops" },
  });
  const before = Math.floor(Date.now() / 1000);
  const delivery = await send(channel, message, never);
  assert.deepEqual(delivery, {
    kind: "taken",
    text: `${new URL(receiver.origin).host} took it (200)`,
  });
  const [post] = receiver.posts;
  assert.ok(post);
  assert.equal(post.method, "POST");
  assert.equal(post.target, "/hook?x=1");
  assert.equal(post.headers["content-type"], "application/json");
  assert.equal(post.headers["x-team"], "ops");
  assert.equal(post.headers["idempotency-key"], message.id);
  const signature = String(post.headers["x-tidegate-signature"]);
  const [, seconds = "", digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
  assert.ok(Number(seconds) >= before && Number(seconds) <= Date.now() / 1000, signature);
  const expected = createHmac("sha256", "shared").update(`${seconds}.${post.body}`).digest("hex");
  assert.equal(digest, expected);
  assert.deepEqual(JSON.parse(post.body), {
    id: message.id,
    kind: "alerts",
    time: "2026-11-21T10:00:03.000Z",
    host: "front-1",
    version: "1.2.3",
    title: message.title,
    text: message.text,
    alerts: [
      {
        topic: "backend",
        key: "backend db tcp://10.0.3.11:3306",
        state: "raised",
        title: item.title,
        text: item.text,
        time: "2026-11-21T10:00:03.000Z",
        since: "2026-11-21T10:00:03.000Z",
        changes: 1,
      },
    ],
  });
});

test("the reference says how a message looks, and its way to check the signature works", async () => {
  await using receiver = await postReceiver();
  await using folder = await tempFolder();
  const file = join(import.meta.dirname, "../../docs/reference/alerts.md");
  const page = await readFile(file, "utf8");
  const block = (language: string) =>
    new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(page)?.[1] ?? "";
  await writeFile(folder.file("check.mjs"), `${block("js")}\nexport { isGenuine };\n`);
  const { isGenuine } = (await import(folder.file("check.mjs"))) as {
    isGenuine: (header: string, body: string, secret: string) => boolean;
  };
  await send(webhook(receiver.origin, { secret: "shared" }), message, never);
  const [post] = receiver.posts;
  assert.ok(post);
  const header = String(post.headers["x-tidegate-signature"]);
  assert.equal(isGenuine(header, post.body, "shared"), true);
  assert.equal(isGenuine(header, `${post.body} `, "shared"), false);
  assert.equal(isGenuine(header, post.body, "other"), false);
  assert.equal(isGenuine(header.replace(/t=\d+/, "t=1"), post.body, "shared"), false);
  const [real, documented] = [JSON.parse(post.body), JSON.parse(block("json"))];
  assert.deepEqual(Object.keys(real), Object.keys(documented));
  assert.deepEqual(Object.keys(real.alerts[0]), Object.keys(documented.alerts[0]));
});

test("without a secret there is no signature; user and password of the URL are sent as such", async () => {
  await using receiver = await postReceiver();
  const url = receiver.origin.replace("//", "//us%20er:p%40ss@");
  assert.equal((await send(webhook(`${url}/x`), message, never)).kind, "taken");
  const [post] = receiver.posts;
  assert.equal(post?.headers["x-tidegate-signature"], undefined);
  assert.equal(post?.headers.authorization, `Basic ${btoa("us er:p@ss")}`);
});

test("what a receiver answers decides whether it is tried again", async () => {
  await using receiver = await postReceiver();
  const cases: readonly (readonly [number, string])[] = [
    [201, "taken"],
    [204, "taken"],
    [302, "refused"],
    [400, "refused"],
    [404, "refused"],
    [408, "failed"],
    [429, "failed"],
    [500, "failed"],
    [503, "failed"],
  ];
  for (const [status, kind] of cases) {
    receiver.answer = (response) => {
      response.writeHead(status, { Location: `${receiver.origin}/other` }).end("because\r\nof it");
    };
    const delivery = await send(webhook(`${receiver.origin}/hook`), message, never);
    assert.equal(delivery.kind, kind, String(status));
  }
  assert.ok(
    receiver.posts.every(({ target }) => target === "/hook"),
    "no redirect was followed",
  );
});

test("an answer of any length is read only at its beginning", async () => {
  await using receiver = await postReceiver();
  const closed = Promise.withResolvers<number>();
  receiver.answer = (response) => {
    let sent = 0;
    response.writeHead(500);
    const more = () => {
      for (;;) {
        if (response.destroyed) return;
        sent += 65_536;
        if (!response.write(Buffer.alloc(65_536, "x"))) return;
      }
    };
    response.on("drain", more);
    response.on("close", () => closed.resolve(sent));
    more();
  };
  const delivery = await send(webhook(receiver.origin), message, never);
  assert.equal(delivery.kind, "failed");
  assert.ok(delivery.text.length < 200);
  // What lies in the buffers of two sockets, and not a stream without end.
  assert.ok((await closed.promise) < 32 * 1024 * 1024);
});

test("a status that says yes is believed, even when the rest of the answer never comes", async () => {
  await using receiver = await postReceiver();
  const stop = new AbortController();
  receiver.answer = (response) => {
    response.writeHead(200, { "Content-Length": 10 });
    response.flushHeaders();
    response.write("x", () => response.destroy());
  };
  assert.equal((await send(webhook(receiver.origin), message, stop.signal)).kind, "taken");
});

test("a receiver that never answers is given up when the signal says so", async () => {
  await using receiver = await postReceiver();
  receiver.answer = () => undefined;
  const stop = new AbortController();
  const sending = send(webhook(receiver.origin), message, stop.signal);
  await receiver.arrived(1);
  stop.abort();
  assert.equal((await sending).kind, "failed");
});

test("ntfy gets text, and its title, priority, tags and token in fields", async () => {
  await using receiver = await postReceiver();
  const channel: AlertChannel = {
    kind: "ntfy",
    name: "ntfy",
    url: `${receiver.origin}/topic`,
    token: "tk_1",
  };
  assert.equal((await send(channel, message, never)).kind, "taken");
  const service = { ...item, topic: "service" } as const;
  await send(channel, { ...message, title: "größer\r\nX: y", items: [service] }, never);
  const cleared = { ...item, state: "cleared" } as const;
  const long = "ä".repeat(5000);
  await send({ ...channel, token: undefined }, { ...message, text: long, items: [cleared] }, never);
  await send(channel, { ...message, kind: "test", items: [] }, never);
  const fields = receiver.posts.map(({ headers }) => [headers["priority"], headers["tags"]]);
  assert.deepEqual(fields, [
    ["high", "warning"],
    ["urgent", "rotating_light"],
    ["default", "white_check_mark"],
    ["default", "information_source"],
  ]);
  const [first, second, third] = receiver.posts;
  assert.equal(first?.target, "/topic");
  assert.equal(first.headers["title"], `front-1: ${message.title}`);
  assert.equal(first.headers.authorization, "Bearer tk_1");
  assert.equal(first.body, message.text);
  const title = Buffer.from("front-1: größer X: y").toString("base64");
  assert.equal(second?.headers["title"], `=?UTF-8?B?${title}?=`);
  assert.ok(third);
  assert.equal(third.headers.authorization, undefined);
  assert.ok(Buffer.byteLength(third.body) <= 4096);
  assert.match(third.body, /^ä+…$/);
});

test("no text about a delivery holds a secret, whatever the other side says", async () => {
  await using receiver = await postReceiver();
  const secrets = ["hunter2", "T000/B000/xyz", "s3cr3t", "tk_42", "us:er2"];
  const base = receiver.origin.replace("//", "//u:us%3Aer2@");
  receiver.answer = (response, post) => {
    const { authorization = "", "x-key": key } = post.headers;
    response.writeHead(400).end(`${base}${post.target} ${authorization} ${String(key)} hunter2`);
  };
  const channels: AlertChannel[] = [
    webhook(`${base}/T000/B000/xyz`, { secret: "hunter2", headers: { "X-Key": "s3cr3t" } }),
    { kind: "ntfy", name: "n", url: `${base}/hunter2`, token: "tk_42" },
    webhook("http://u:hunter2@127.0.0.1:1/s3cr3t"),
    webhook("http://u:hunter2@nobody.invalid/s3cr3t"),
  ];
  for (const channel of channels) {
    const delivery = await send(channel, message, never);
    assert.notEqual(delivery.kind, "taken");
    const encoded = [...secrets, ...secrets.map((each) => btoa(`u:${each}`))];
    for (const secret of encoded) assert.ok(!delivery.text.includes(secret), delivery.text);
  }
  assert.equal(receiver.posts.length, 2);
});
