import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { test } from "node:test";
import { tempFolder } from "../harness/temp-folder.ts";

const root = join(import.meta.dirname, "..", "..");

async function run(folder: string, command: string, ...words: string[]) {
  const child = spawn(command, words, {
    ...{ cwd: folder, timeout: 240_000, killSignal: "SIGKILL" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<unknown>((resolve) => {
      child.on("error", resolve);
      child.on("close", resolve);
    }),
  ]);
  return { isFine: code === 0, text: `${stdout}${stderr}${String(code)}`, stdout: stdout.trim() };
}

/** Both packages of the program, an answer through each, and what came of it on one line. */
const usage = `
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import { createProxy, ConfigError } from "tidegate";
import { defineMiddleware, z } from "tidegate/middleware";
import { tryMiddleware } from "tidegate/testing";
import * as httpProxy from "tidegate/http-proxy";

const back = createServer((request, response) => {
  response.end("backend " + request.url + " " + request.headers["x-mine"]);
});
await new Promise<void>((resolve) => back.listen(0, "127.0.0.1", resolve));
const bound = back.address();
const target = "http://127.0.0.1:" + (typeof bound === "object" && bound !== null ? bound.port : 0);

const mine = defineMiddleware({
  settings: z.strictObject({ value: z.string() }),
  create: ({ value }) => ({ onRequest: (request) => request.headers.set("X-Mine", value) }),
});
const said: string[] = [];
const proxy = await createProxy(
  { routes: { "*": { service: target, middlewares: [{ mine: { value: "1" } }] } } },
  { middlewares: { mine } },
);
const { port } = await proxy.listen("127.0.0.1:0");
said.push(await (await fetch("http://127.0.0.1:" + port + "/a")).text());
await proxy.apply({ routes: { "*": "nonsense" } }).catch((error: unknown) => {
  said.push(String(error instanceof ConfigError));
});
await proxy.close();

writeFileSync(
  "hello.mjs",
  'import { defineMiddleware } from "tidegate/middleware";' +
    'export default defineMiddleware({ create: () => ({ onRequest: () => ({ status: 418 }) }) });',
);
const trial = await tryMiddleware(new URL("hello.mjs", import.meta.url));
said.push(String((await trial.ask("/")).status));
await trial[Symbol.asyncDispose]();

export const wrong: httpProxy.ServerOptions = {
  // @ts-expect-error there is no such option
  changeOrign: true,
};
const old = httpProxy.createProxyServer({ target, changeOrigin: true });
old.on("proxyReq", (proxyReq, request) => {
  proxyReq.setHeader("X-Mine", String(request.method));
});
old.on("error", (error, _request, response) => {
  if ("writeHead" in response) response.writeHead(502).end(error.code);
});
const front = createServer((request, response) => old.web(request, response));
await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
const there = front.address();
const place = typeof there === "object" && there !== null ? there.port : 0;
said.push(await (await fetch("http://127.0.0.1:" + place + "/b")).text());
old.close();
for (const server of [front, back]) {
  server.closeAllConnections();
  server.close();
}
console.log(JSON.stringify(said));
`;

const expected = '["backend /a 1","true","418","backend /b GET"]';

test(
  "the packed package works from TypeScript and from JavaScript",
  { timeout: 590_000 },
  async (t) => {
    await using folder = await tempFolder("tidegate-pack-");
    const copy = join(folder.path, "copy");
    const project = join(folder.path, "project");
    mkdirSync(project);
    // Packing builds; others may be using what is built here.
    const left = new Set([".git", "node_modules", "dist"]);
    mkdirSync(copy);
    for (const name of readdirSync(root)) {
      if (!left.has(name)) cpSync(join(root, name), join(copy, name), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    const packed = await run(copy, "npm", "pack", "--pack-destination", project);
    assert.ok(packed.isFine, packed.text);
    const archive = readdirSync(project).find((name) => name.endsWith(".tgz"));
    assert.ok(archive !== undefined, packed.text);
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "mine", type: "module" }));
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
    // What is optional is an engine of 120 MB; this test runs on ours.
    flags.push("--omit=optional");
    const installed = await run(project, "npm", "install", `./${archive}`, ...flags);
    if (!installed.isFine && /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED/.test(installed.text)) {
      t.skip("the package registry cannot be reached");
      return;
    }
    assert.ok(installed.isFine, installed.text);
    for (const name of ["typescript", "@types"]) {
      symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name));
    }
    writeFileSync(join(project, "use.ts"), usage);
    const options = { strict: true, module: "nodenext", target: "es2024", types: ["node"] };
    const lib = ["es2024", "esnext.disposable"];
    const compilerOptions = { ...options, lib, exactOptionalPropertyTypes: true, outDir: "out" };
    writeFileSync(
      join(project, "tsconfig.json"),
      JSON.stringify({ compilerOptions, include: ["use.ts"] }),
    );
    const compiled = await run(project, join(root, "node_modules", ".bin", "tsc"));
    assert.ok(compiled.isFine, compiled.text);
    cpSync(join(project, "out", "use.js"), join(project, "use.js"));
    const common =
      'const { createProxyServer } = require("tidegate/http-proxy"); console.log(typeof createProxyServer);';
    writeFileSync(join(project, "use.cjs"), common);
    const [typed, required] = await Promise.all([
      run(project, process.execPath, "use.ts"),
      run(project, process.execPath, "use.cjs"),
    ]);
    assert.equal(typed.stdout, expected, typed.text);
    assert.equal(required.stdout, "function", required.text);
    // By itself: it writes the same file as the one before.
    const plain = await run(project, process.execPath, "use.js");
    assert.equal(plain.stdout, expected, plain.text);
  },
);
