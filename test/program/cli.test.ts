// The commands as an operator types them: through the launcher, from another folder, with their exit codes.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { eventually, within } from "../harness/barrier.ts";
import { type CommandOptions, runCommand, tidegate } from "../harness/command.ts";
import { freePort } from "../harness/free-port.ts";
import { httpOrigin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";

const run = (args: readonly string[], options?: CommandOptions) =>
  runCommand(tidegate, args, options);

interface Running extends AsyncDisposable {
  readonly port: number;
  readonly host: string;
  stdout(): string;
}

type Bound = Record<string, readonly { readonly host: string; readonly port: number }[]>;

/** `tidegate run` without a configuration file. */
async function runDefaults(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  const portsFile = folder.file("ports.json");
  const child = spawn(tidegate, ["run", "--ports-file", portsFile, ...args], {
    cwd: folder.path,
    env: {
      ...process.env,
      PORT: undefined,
      NODE_TEST_CONTEXT: undefined,
      TIDEGATE_CONTROL: folder.file("control.sock"),
      STATE_DIRECTORY: folder.file("state"),
      TIDEGATE_ADMIN: "off",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "close");
  stack.defer(async () => {
    child.kill("SIGTERM");
    await within(exited, 5000, "the program's end");
  });
  let stdout = "";
  let stderr = "";
  child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
  child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
  const bound = await eventually(
    "the ports",
    async () => {
      if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${stderr}`);
      const text = await readFile(portsFile, "utf8").catch(() => "");
      return text.endsWith("}") ? (JSON.parse(text) as Bound) : undefined;
    },
    15_000,
  );
  const [address] = Object.values(bound)[0] ?? [];
  if (address === undefined) throw new Error("nothing is bound");
  const held = stack.move();
  return { ...address, stdout: () => stdout, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

test("run without a file serves the sample route, and says how to try it", async () => {
  await using running = await runDefaults(["--port", "0"]);
  const name = "whoami.localhost";
  const response = await ask(running.port, { name, path: "/a?b", headers: { "X-Mine": "1" } });
  assert.equal(response.status, 200);
  assert.match(response.body, /GET \/a\?b/);
  assert.match(response.body, /x-mine: 1/i);
  const text = await eventually("the welcome", () =>
    running.stdout().includes("curl") ? running.stdout() : undefined,
  );
  assert.match(text, new RegExp(`listening .*:${running.port}`));
  assert.match(text, /whoami\.localhost/);
  assert.match(
    text,
    new RegExp(`curl -H 'Host: whoami\\.localhost' http://127\\.0\\.0\\.1:${running.port}/`),
  );
});

test("an unknown host gets a page that helps, for people and for programs", async () => {
  await using running = await runDefaults(["--port", "0"]);
  const page = (accept: string) =>
    ask(running.port, { name: "what.example", headers: { Accept: accept } });
  const html = await page("text/html,*/*;q=0.8");
  assert.equal(html.status, 404);
  assert.match(field(html, "content-type"), /^text\/html/);
  assert.match(html.body, /what\.example/);
  assert.match(html.body, /routes:/);
  const json = await page("application/json");
  assert.equal((JSON.parse(json.body) as Record<string, unknown>)["code"], "NO_ROUTE");
  assert.match((await page("*/*")).body, /^404 /);
});

test("PORT sets the port, and --port goes before it", async () => {
  const first = await freePort();
  {
    await using running = await runDefaults([], { PORT: String(first) });
    assert.equal(running.port, first);
  }
  const second = await freePort();
  await using running = await runDefaults(["--port", String(second)], { PORT: "1" });
  assert.equal(running.port, second);
});

test("a port that is no port is refused, from wherever it comes", async () => {
  const option = await run(["run", "--port", "70000"]);
  assert.notEqual(option.code, 0);
  assert.match(option.stderr, /0 to 65535/);
  const variable = await run(["run"], { env: { PORT: "http" } });
  assert.notEqual(variable.code, 0);
  assert.match(variable.stderr, /PORT=http/);
});

test("an occupied port is told with what to do about it, without a stack", async () => {
  await using other = await httpOrigin((_request, response) => response.end());
  await using folder = await tempFolder();
  const file = folder.file("t.yaml");
  await writeFile(
    file,
    `listeners: { web: "127.0.0.1:${other.port}" }\nroutes: { a.test: { respond: {} } }\n`,
  );
  const env = { STATE_DIRECTORY: folder.file("state") };
  const { code, stderr } = await run(["run", "--config", file], { env });
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`EADDRINUSE.*${other.port}`));
  assert.match(stderr, /another port/);
  assert.doesNotMatch(stderr, /\n\s+at /);
});

test("a configuration with errors does not start: exit 1 and all of them, with their places", async () => {
  await using folder = await tempFolder();
  const file = folder.file("t.yaml");
  await writeFile(
    file,
    `listners: { web: ":0" }\nroutes:\n  a.test: ftp://x\n  b.test: { service: nowhere }\nworkers: many\n`,
  );
  for (const args of [
    ["run", "--config", file],
    ["check", file],
  ]) {
    const { code, stderr } = await run(args);
    assert.equal(code, 1, args[0]);
    assert.match(stderr, /t\.yaml:1:1: .*listeners/);
    assert.match(stderr, /t\.yaml:3:11: /);
    assert.match(stderr, /t\.yaml:4:\d+: .*nowhere/);
    assert.match(stderr, /t\.yaml:5:10: /);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});

test("a file that is not there is told by name, exit 1", async () => {
  for (const args of [
    ["run", "--config", "/no/such.yaml"],
    ["check", "/no/such.yaml"],
    ["routes", "/no/such.yaml"],
  ]) {
    const { code, stderr } = await run(args);
    assert.equal(code, 1, args[0]);
    assert.match(stderr, /\/no\/such\.yaml/);
  }
});

test("check says ok, in words and as JSON", async () => {
  await using folder = await tempFolder();
  const file = folder.file("t.yaml");
  await writeFile(file, "routes: { a.test: http://127.0.0.1:1 }\n");
  const words = await run(["check", file]);
  assert.deepEqual([words.code, words.stderr], [0, ""]);
  assert.match(words.stdout, /^ok/);
  const json = await run(["check", "--json", file]);
  assert.deepEqual([json.code, JSON.parse(json.stdout)], [0, []]);
});

test("routes prints the table, and reports routes that claim the same requests", async () => {
  await using folder = await tempFolder();
  const file = folder.file("t.yaml");
  await writeFile(
    file,
    `routes:
  one: { host: a.test, path: /x, service: "http://127.0.0.1:1" }
  two: { host: A.test, path: /x, service: "http://127.0.0.1:2" }
  three: { host: b.test, redirect: "https://c.test{uri}" }
`,
  );
  const { code, stdout, stderr } = await run(["routes", file]);
  assert.equal(code, 0);
  assert.match(stdout, /one .*a\.test.*http:\/\/127\.0\.0\.1:1/);
  assert.match(stdout, /three .*b\.test.*https:\/\/c\.test/);
  assert.match(
    stderr,
    /one .*t\.yaml:2:\d+.*two .*t\.yaml:3:\d+|two .*t\.yaml:3:\d+.*one .*t\.yaml:2:\d+/,
  );
  const json = await run(["routes", "--json", file]);
  assert.equal((JSON.parse(json.stdout) as unknown[]).length, 3);
});

test("schema prints a JSON Schema that knows the keys", async () => {
  const { code, stdout } = await run(["schema"]);
  assert.equal(code, 0);
  const schema = JSON.parse(stdout) as { $schema: string; properties: Record<string, unknown> };
  assert.match(schema.$schema, /json-schema\.org/);
  for (const key of ["listeners", "routes", "services", "limits", "accessLog"]) {
    assert.ok(Object.hasOwn(schema.properties, key), key);
  }
});

test("every command explains itself", async () => {
  const all = await run(["--help"]);
  assert.equal(all.code, 0);
  for (const command of ["run", "check", "routes", "schema"]) {
    assert.match(all.stdout, new RegExp(`^ +${command}\\b`, "m"));
    const { code, stdout } = await run([command, "--help"]);
    assert.equal(code, 0, command);
    assert.match(stdout, new RegExp(`Usage: tidegate ${command}`));
  }
});

test("an unknown command is an error that points to the help", async () => {
  const { code, stderr } = await run(["chekc"]);
  assert.notEqual(code, 0);
  assert.match(stderr, /check/);
});

test("the launcher works through a link and with arguments that hold spaces", async () => {
  await using folder = await tempFolder();
  await symlink(tidegate, folder.file("tg"));
  await writeFile(folder.file("my file.yaml"), "routes: { a.test: http://127.0.0.1:1 }\n");
  const { code, stdout } = await runCommand(folder.file("tg"), ["check", "my file.yaml"], {
    cwd: folder.path,
  });
  assert.equal(code, 0);
  assert.match(stdout, /^ok/);
});
