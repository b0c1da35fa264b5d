// Answers with files pass through what every answer of a route passes through: the hooks of its middlewares, and HSTS. Whatever those do,
// the answer stays one, and no file stays open.

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { ask, type AskOptions, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import type { Response } from "../harness/client.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { addMiddlewares } from "./hooks.ts";
import { type Config, type Plane, startPlane } from "./plane.ts";

const bounded = { timeout: 30_000 };
const year = "max-age=31536000";

interface Case extends AskOptions {
  readonly path: string;
  readonly status: number;
  /** Bytes of the body; undefined = whatever. */
  readonly length?: number;
}

/** Every way in which a file service answers by itself, and its refusals. */
const answers: readonly Case[] = [
  { path: "/short.txt", status: 200, length: 10 },
  { path: "/middle.bin", status: 200, length: 100_000 },
  { path: "/long.bin", status: 200, length: 1_000_000 },
  { path: "/long.bin", method: "HEAD", status: 200, length: 0 },
  { path: "/long.bin", headers: { Range: "bytes=5-14" }, status: 206, length: 10 },
  { path: "/long.bin", headers: { Range: "bytes=5-14,20-29" }, status: 206 },
  { path: "/short.txt", headers: { Range: "bytes=0-0,-1" }, status: 206 },
  { path: "/short.txt", headers: { Range: "bytes=10-" }, status: 416 },
  { path: "/short.txt", headers: { "If-None-Match": "*" }, status: 304, length: 0 },
  { path: "/long.bin", headers: { "If-None-Match": "*" }, status: 304, length: 0 },
  { path: "/long.bin", headers: { "If-Match": '"x"' }, status: 412 },
  { path: "/script.js", headers: { "Accept-Encoding": "gzip" }, status: 200 },
  { path: "/folder", status: 301 },
  { path: "/folder/", status: 200 },
  { path: "/short.txt", method: "OPTIONS", status: 204, length: 0 },
];
const refusals: readonly Case[] = [
  { path: "/short.txt", method: "POST", status: 405 },
  { path: "/nothing", status: 404 },
];

function makeFiles(folder: TempFolder): void {
  mkdirSync(folder.file("www/folder"), { recursive: true });
  writeFileSync(folder.file("www/folder/x"), "x");
  writeFileSync(folder.file("www/short.txt"), "0123456789");
  writeFileSync(folder.file("www/middle.bin"), Buffer.alloc(100_000, "m"));
  writeFileSync(folder.file("www/long.bin"), Buffer.alloc(1_000_000, "l"));
  writeFileSync(folder.file("www/script.js"), "let x = 1;\n".repeat(100));
  writeFileSync(folder.file("www/script.js.gz"), gzipSync("let x = 1;\n".repeat(100)));
}

function configOf(folder: TempFolder): Config {
  const files = { root: folder.file("www"), listing: true, precompressed: true };
  return {
    listeners: {
      web: "127.0.0.1:0",
      secure: { bind: "127.0.0.1:0", tls: true },
    },
    trustedProxies: ["127.0.0.1"],
    routes: { "a.test": { files, hsts: true }, "a.test/alive": { whoami: true } },
  };
}

const get = ({ port }: Plane, each: Case, more: Record<string, string> = {}): Promise<Response> =>
  ask(port, { ...each, name: "a.test", headers: { ...each.headers, ...more } });

function openFiles(folder: TempFolder): readonly string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder.file("www")) ? [path] : [];
    } catch {
      return []; // the one that lists them
    }
  });
}

async function assertAllClosed(folder: TempFolder): Promise<void> {
  await eventually("all files to be closed", () => openFiles(folder).length === 0 || undefined);
}

const shown = ({ method = "GET", path, headers = {} }: Case) =>
  `${method} ${path} ${JSON.stringify(headers)}`;

test("a response hook sees and changes every answer with a file", bounded, async () => {
  await using folder = await tempFolder();
  makeFiles(folder);
  const seen: number[] = [];
  using _ = addMiddlewares("a.test", [
    {
      onResponse(_exchange, { status, fields }) {
        seen.push(status);
        fields.dropNamed("last-modified");
        fields.add("X-Hooked", "yes");
        fields.add("Strict-Transport-Security", "max-age=1");
      },
    },
  ]);
  await using proxy = await startPlane(configOf(folder));
  for (const each of [...answers, ...answers]) {
    const answer = await get(proxy, each);
    assert.equal(answer.status, each.status, shown(each));
    assert.equal(field(answer, "x-hooked"), "yes", shown(each));
    assert.equal(field(answer, "last-modified"), "", shown(each));
    assert.equal(field(answer, "strict-transport-security"), "max-age=1", shown(each));
    if (each.length !== undefined) assert.equal(answer.body.length, each.length, shown(each));
    const secure = await get(proxy, each, { "X-Forwarded-Proto": "https" });
    assert.equal(field(secure, "strict-transport-security"), year, `${shown(each)}: the route's`);
  }
  assert.deepEqual(
    seen.filter((_status, at) => at % 2 === 0).slice(0, answers.length),
    answers.map(({ status }) => status),
  );
  await assertAllClosed(folder);
});

test(
  "a response hook that throws costs its exchange, and no file stays open",
  bounded,
  async () => {
    await using folder = await tempFolder();
    makeFiles(folder);
    const thrower = () => {
      throw new TypeError("a bug of ours");
    };
    const told: string[] = [];
    const tell = (message: string) => void told.push(message);
    using _ = addMiddlewares("a.test", [{ onResponse: thrower }], tell);
    await using proxy = await startPlane(configOf(folder));
    for (let round = 0; round < 5; round++) {
      for (const each of answers) {
        assert.equal((await get(proxy, each)).status, 500, shown(each));
      }
    }
    await assertAllClosed(folder);
    await proxy.assertServes();
    await proxy.assertNothingLeft();
    assert.equal(told.filter((line) => line.includes("a middleware failed")).length, 1);
  },
);

test("HSTS goes once with every answer that came by TLS, and with no other", bounded, async () => {
  await using folder = await tempFolder();
  makeFiles(folder);
  await using proxy = await startPlane(configOf(folder));
  for (const each of [...answers, ...answers, ...refusals]) {
    const secure = await get(proxy, each, { "X-Forwarded-Proto": "https" });
    assert.equal(secure.status, each.status, shown(each));
    assert.equal(field(secure, "strict-transport-security"), year, shown(each));
    const plain = await get(proxy, each);
    assert.equal(field(plain, "strict-transport-security"), "", shown(each));
  }
  await assertAllClosed(folder);
});
