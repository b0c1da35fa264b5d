// Requests to a real PHP through the real program: what it is told, bodies of every framing, and paths that it must not run.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { eventually, within } from "../harness/barrier.ts";
import { connect as connectClient } from "../harness/client.ts";
import { echoOf, echoOrigin } from "../harness/echo-origin.ts";
import { needs } from "../harness/needs.ts";
import { type PhpFpm, phpFpmNeeds, startPhpFpm } from "../harness/php-fpm.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const show = `<?php header("Content-Type: application/json"); header("X-Sent: yes");
echo json_encode(["server" => $_SERVER, "length" => strlen(file_get_contents("php://input")),
  "hash" => md5(file_get_contents("php://input"))], JSON_INVALID_UTF8_SUBSTITUTE);`;

const scripts = {
  "index.php": show,
  "shop/index.php": show,
  "three.js/a.php": show,
  "count.php": `<?php file_put_contents(dirname(__DIR__) . "/copies",
    $_SERVER["REQUEST_METHOD"] . " " . strlen(file_get_contents("php://input")) . "\\n", FILE_APPEND);`,
  "photo.jpg": "<?php echo 'run';",
  "plain.txt": "<?php echo 'run';",
};

const skip = needs(...phpFpmNeeds);
const stack = new AsyncDisposableStack();
let php: PhpFpm;
let program: Tidegate;

before(async () => {
  if (skip !== false) return;
  // As careless as a pool can be: what is not kept away from it here would be run.
  php = stack.use(await startPhpFpm({ scripts, settings: ["security.limit_extensions ="] }));
  const { root, socket, port } = php;
  program = stack.use(
    await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: {
          "app.test": { service: "app" },
          "tcp.test": { service: "tcp" },
          "small.test": { service: "app", maxBody: "10kB" },
          "files.test": {
            service: { files: root, fastcgi: `unix:${socket}` },
          },
          "mounted.test": { service: "app", stripPrefix: "/mounted" },
        },
        services: {
          app: { fastcgi: { backends: `unix:${socket}`, root } },
          tcp: { fastcgi: { backends: `127.0.0.1:${port}`, root } },
        },
      },
    }),
  );
});
after(() => stack.disposeAsync());

interface Shown {
  readonly server: Readonly<Record<string, string>>;
  readonly length: number;
  readonly hash: string;
}

async function shown(options: Parameters<typeof ask>[1]): Promise<Shown> {
  const response = await ask(program.port(), options);
  assert.equal(response.status, 200, response.body);
  return JSON.parse(response.body) as Shown;
}

test(
  "a script finds itself, its path and its client as it would behind nginx",
  { skip },
  async () => {
    const { server } = await shown({ path: "/shop/?a=1" });
    const expected = {
      SCRIPT_NAME: "/shop/index.php",
      SCRIPT_FILENAME: `${php.root}/shop/index.php`,
      DOCUMENT_ROOT: php.root,
      REQUEST_URI: "/shop/?a=1",
      QUERY_STRING: "a=1",
      PHP_SELF: "/shop/index.php",
      REMOTE_ADDR: "127.0.0.1",
      SERVER_ADDR: "127.0.0.1",
      SERVER_PORT: String(program.port()),
      SERVER_NAME: "app.test",
      HTTP_HOST: "app.test",
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(server[name], value, name);
    assert.match(server["REMOTE_PORT"] ?? "", /^[1-9]\d+$/);
    const { server: other } = await shown({ name: "tcp.test", path: "/index.php/more" });
    assert.equal(other["PATH_INFO"], "/more");
    assert.equal(other["PHP_SELF"], "/index.php/more");
  },
);

test("below a mount a script is called as clients call it", { skip }, async () => {
  const { server } = await shown({ name: "mounted.test", path: "/mounted/shop/" });
  assert.equal(server["SCRIPT_NAME"], "/mounted/shop/index.php");
  assert.equal(server["PHP_SELF"], "/mounted/shop/index.php");
  assert.equal(server["SCRIPT_FILENAME"], `${php.root}/shop/index.php`);
  assert.equal(server["REQUEST_URI"], "/mounted/shop/");
});

test(
  "nothing that a client sends becomes HTTP_PROXY, or another's variable",
  { skip },
  async () => {
    const headers = {
      Proxy: "http://evil.test",
      X_Real_IP: "10.9.9.9",
      "X-Forwarded-For": "10.9.9.9",
      Foo_Bar: "10.9.9.9",
      Cookie: `a=${"b".repeat(20_000)}`,
    };
    const { server } = await shown({ path: "/index.php", headers });
    assert.equal(server["HTTP_PROXY"], undefined);
    assert.equal(server["HTTP_X_FORWARDED_FOR"], "127.0.0.1");
    assert.equal(server["HTTP_COOKIE"]?.length, 20_002);
    assert.doesNotMatch(JSON.stringify(server), /10\.9\.9\.9|evil/);
  },
);

test("no file that is not a script is run, whatever stands behind it", { skip }, async () => {
  const paths = [
    "/photo.jpg",
    "/photo.jpg/x.php",
    "/photo.jpg%2Fx.php",
    "/photo.jpg%20/x.php",
    "/PHOTO.JPG/x.php",
    "/plain.txt/.php",
    "/plain.txt/a/b.php/c",
    "/photo.jpg;.php/x",
    "/index.PHP",
    "/index.php%20",
    "/index.php.",
    "/index.php%5Cx",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2findex.php",
  ];
  for (const name of ["app.test", "tcp.test"]) {
    for (const path of paths) {
      const response = await ask(program.port(), { name, path });
      assert.match(String(response.status), /^40[04]$/, `${path}: ${response.body}`);
      assert.doesNotMatch(response.body, /run|<\?php/, path);
    }
  }
});

test("where scripts are looked at, folders may be called like files", { skip }, async () => {
  const path = "/three.js/a.php";
  assert.equal((await ask(program.port(), { name: "files.test", path })).status, 200);
  assert.equal((await ask(program.port(), { name: "app.test", path })).status, 404);
  for (const each of ["/photo.jpg/x.php", "/plain.txt/a.php", "/none/x.php"]) {
    assert.equal((await ask(program.port(), { name: "files.test", path: each })).status, 404, each);
  }
});

test("HEAD has the head alone, and the connection goes on", { skip }, async () => {
  await using client = await connectClient(program.port());
  await client.send("HEAD /index.php HTTP/1.1\r\nHost: app.test\r\n\r\n");
  const head = await client.readResponse({ method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(field(head, "x-sent"), "yes");
  await client.send("GET /index.php HTTP/1.1\r\nHost: app.test\r\n\r\n");
  assert.equal((await client.readResponse()).status, 200);
});

test(
  "bodies arrive whole, with and without a length, in memory and in a file",
  { skip },
  async () => {
    for (const size of [0, 1, 60_000, 70_000, 3_000_000]) {
      const body = "x".repeat(size);
      const told = await shown({ path: "/index.php", method: "POST", body });
      assert.equal(told.length, size);
      // Where files are looked for first, the body comes while nobody is there to take it. What was found is remembered for
      // a moment, so that each path is another.
      for (const name of ["app.test", "files.test"]) {
        const chunked = await chunkedPost(name, `/index.php/${size}`, body);
        assert.equal(chunked.status, 200);
        const gathered = JSON.parse(chunked.body) as Shown;
        assert.equal(gathered.length, size);
        assert.equal(gathered.hash, told.hash);
        assert.equal(gathered.server["CONTENT_LENGTH"], String(size));
      }
    }
  },
);

async function chunkedPost(name: string, path: string, body: string) {
  await using client = await connectClient(program.port(), { timeoutMs: 20_000 });
  const piece = 16_000;
  let text = `POST ${path} HTTP/1.1\r\nHost: ${name}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  for (let at = 0; at < body.length; at += piece) {
    const part = body.slice(at, at + piece);
    text += `${part.length.toString(16)}\r\n${part}\r\n`;
  }
  await client.send(`${text}0\r\n\r\n`);
  return await client.readResponse({ method: "POST" });
}

test("a body without a length counts against the route's limit", { skip }, async () => {
  const refused = await chunkedPost("small.test", "/index.php", "x".repeat(20_000));
  assert.equal(refused.status, 413);
});

test("who waits for 100 Continue gets it, once", { skip }, async () => {
  for (const length of ["Content-Length: 5", "Transfer-Encoding: chunked"]) {
    const socket = connect(program.port(), "127.0.0.1");
    let received = "";
    let wake = () => {};
    socket.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1");
      wake();
    });
    const until = (pattern: RegExp) =>
      within(
        new Promise<void>((resolve) => {
          wake = () => (pattern.test(received) ? resolve() : undefined);
          wake();
        }),
        5000,
        String(pattern),
      );
    socket.write(
      `POST /index.php HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nConnection: close\r\n${length}\r\n\r\n`,
    );
    await until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    socket.write(length.startsWith("C") ? "hello" : "5\r\nhello\r\n0\r\n\r\n");
    await until(/"length":5/);
    assert.equal(received.match(/100 Continue/g)?.length, 1);
    socket.destroy();
  }
});

test(
  "a program may stand in for a server, a server for a program, and get copies",
  { skip },
  async () => {
    await using server = await echoOrigin("server");
    const { root, socket } = php;
    const php2 = { fastcgi: { backends: `unix:${socket}`, root } };
    const gone = "http://127.0.0.1:1";
    await using mixed = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: {
          "first.test": { service: "first" },
          "second.test": { service: "second" },
          "copied.test": { service: "copied" },
        },
        services: {
          php: php2,
          server: { backends: [server.url] },
          gone: { backends: [gone] },
          goneProgram: { fastcgi: { backends: "127.0.0.1:1", root } },
          first: { failover: ["gone", "php"] },
          second: { failover: ["goneProgram", "server"] },
          copied: { mirror: "server", to: { php: "100%" } },
        },
      },
    });
    for (const body of ["short", "x".repeat(20_000)]) {
      const options = { method: "PUT", path: "/index.php", body };
      const first = await ask(mixed.port(), { ...options, name: "first.test" });
      assert.equal((JSON.parse(first.body) as Shown).length, body.length);
      const second = await ask(mixed.port(), { ...options, name: "second.test" });
      assert.equal(echoOf(second).body, body);
      const copied = await ask(mixed.port(), {
        ...options,
        name: "copied.test",
        path: "/count.php",
      });
      assert.equal(echoOf(copied).body, body);
      await eventually("the copy to be there", async () => {
        const seen = await readFile(join(php.folder, "copies"), "utf8").catch(() => "");
        return seen.includes(`PUT ${body.length}\n`) || undefined;
      });
    }
  },
);
