// Files as answers: which, in what form, which part of them, and what nobody gets.

import assert from "node:assert/strict";
import { mkdir, rename, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { after, before, describe, test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { ask, type AskOptions, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { httpOrigin } from "../harness/origin.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const longAgo = new Date("2026-01-02T03:04:05.678Z");
const script = "let x = 1;\n".repeat(100);

describe("files", () => {
  const stack = new AsyncDisposableStack();
  let program: Tidegate;
  let folder: TempFolder;
  let port: number;

  const write = async (name: string, text: string | Buffer, at = longAgo) => {
    await mkdir(dirname(folder.file(name)), { recursive: true });
    await writeFile(folder.file(name), text);
    await utimes(folder.file(name), at, at);
  };
  const get = (path: string, options: AskOptions = {}) =>
    ask(port, { name: "files.test", path, ...options });

  before(async () => {
    folder = stack.use(await tempFolder());
    const origin = stack.use(
      await httpOrigin((request, response) => {
        response.end(`origin ${request.method} ${request.url}`);
      }),
    );
    await write("www/hello.txt", "0123456789");
    await write("www/index.html", "<h1>top</h1>");
    await write("www/docs/index.html", "<h1>docs</h1>");
    await write("www/docs/page.html", "<h1>page</h1>");
    await write("www/app.js", script);
    await write("www/app.js.br", brotliCompressSync(script));
    await write("www/app.js.gz", gzipSync(script));
    await write("www/old.js", script);
    await write("www/old.js.gz", gzipSync("forgotten"), new Date("2025-01-01T00:00:00Z"));
    await write("www/alone.css.gz", gzipSync("alone"));
    await write("www/.env", "SECRET");
    await write("www/.git/config", "SECRET");
    await write("www/.well-known/security.txt", "Contact: us");
    await write("www/a b+ä#?.txt", "odd name");
    await write("www/empty", "");
    await write("www/list/<b>&\"'.txt", "markup");
    await write("www/list/javascript:alert(1)", "scheme");
    await write("www/list/sub/x", "x");
    await write("www/list/.hidden", "SECRET");
    await write("secret.txt", "SECRET");
    await symlink(folder.file("www/.env"), folder.file("www/env.txt"));
    await symlink("loop", folder.file("www/loop"));
    await writeFile(folder.file("www/huge.bin"), "");
    await truncate(folder.file("www/huge.bin"), 5 * 1024 ** 3);
    const root = folder.file("www");
    const files = { root, precompressed: true, cacheControl: { "*.js": "max-age=60" } };
    program = stack.use(
      await startTidegate({
        config: {
          listeners: { web: "127.0.0.1:0" },
          routes: {
            "files.test": { files },
            "list.test": { files: { root: folder.file("www/list"), listing: true } },
            "spa.test": { files: { root, spa: true } },
            "try.test": { files: { root, try: ["$path", "$path.html", "@app"] } },
            "gone.test": { files: { root, try: ["$path", "=410"] } },
            "mount.test/static": { files: root, stripPrefix: "/static", restoreUrls: true },
          },
          services: { app: { backends: [origin.url] } },
        },
      }),
    );
    port = program.port();
  });
  after(() => stack.disposeAsync());

  test("a file comes with its type, its length, its date and its tag", async () => {
    const answer = await get("/hello.txt");
    assert.equal(answer.status, 200);
    assert.equal(answer.body, "0123456789");
    assert.equal(field(answer, "content-type"), "text/plain; charset=utf-8");
    assert.equal(field(answer, "last-modified"), "Fri, 02 Jan 2026 03:04:05 GMT");
    assert.equal(field(answer, "accept-ranges"), "bytes");
    assert.match(field(answer, "etag"), /^"[^"]+"$/);
    assert.equal((await get("/empty")).body, "");
    assert.equal(field(await get("/empty"), "content-type"), "application/octet-stream");
    assert.equal((await get("/a%20b%2B%C3%A4%23%3F.txt")).body, "odd name");
    assert.equal((await get("/docs//page.html")).body, "<h1>page</h1>");
  });

  test("HEAD is GET without the body, and a connection serves many", async () => {
    await using client = await connect(port);
    for (let round = 0; round < 3; round++) {
      await client.send("HEAD /hello.txt HTTP/1.1\r\nHost: files.test\r\n\r\n");
      const head = await client.readResponse({ method: "HEAD" });
      assert.equal(field(head, "content-length"), "10");
      await client.send("GET /hello.txt HTTP/1.1\r\nHost: files.test\r\n\r\n");
      assert.equal((await client.readResponse()).body, "0123456789");
    }
    await client.send("HEAD /huge.bin HTTP/1.1\r\nHost: files.test\r\n\r\n");
    const head = await client.readResponse({ method: "HEAD" });
    assert.equal(field(head, "content-length"), String(5 * 1024 ** 3));
  });

  test("who has it already is told so, and who wants another gets nothing", async () => {
    const first = await get("/hello.txt");
    const tag = field(first, "etag");
    const date = field(first, "last-modified");
    const status = async (headers: Record<string, string>) =>
      (await get("/hello.txt", { headers })).status;
    const same = await get("/hello.txt", { headers: { "If-None-Match": `"x", ${tag}` } });
    assert.equal(same.status, 304);
    assert.equal(same.body, "");
    assert.equal(field(same, "etag"), tag);
    assert.equal(field(same, "content-type"), "");
    assert.equal(await status({ "If-Modified-Since": date }), 304);
    assert.equal(await status({ "If-None-Match": '"x"', "If-Modified-Since": date }), 200);
    assert.equal(await status({ "If-Match": '"x"' }), 412);
    assert.equal(await status({ "If-Match": tag }), 200);
    assert.equal(await status({ "If-Unmodified-Since": "Thu, 01 Jan 2026 00:00:00 GMT" }), 412);
  });

  test("parts of a file", async () => {
    const part = async (range: string, more: Record<string, string> = {}) => {
      const answer = await get("/hello.txt", { headers: { Range: range, ...more } });
      return [answer.status, field(answer, "content-range"), answer.body];
    };
    const tag = field(await get("/hello.txt"), "etag");
    assert.deepEqual(await part("bytes=2-4"), [206, "bytes 2-4/10", "234"]);
    assert.deepEqual(await part("bytes=-2"), [206, "bytes 8-9/10", "89"]);
    assert.deepEqual(await part("bytes=8-"), [206, "bytes 8-9/10", "89"]);
    assert.deepEqual((await part("bytes=10-")).slice(0, 2), [416, "bytes */10"]);
    assert.deepEqual((await part("bytes=4-2")).slice(0, 2), [416, "bytes */10"]);
    assert.deepEqual(await part("lines=1-2"), [200, "", "0123456789"]);
    assert.deepEqual(await part("bytes=0-8,1-9"), [200, "", "0123456789"]);
    assert.deepEqual(await part("bytes=2-4", { "If-Range": tag }), [206, "bytes 2-4/10", "234"]);
    assert.deepEqual(await part("bytes=2-4", { "If-Range": '"x"' }), [200, "", "0123456789"]);
    const hundred = Array.from({ length: 100 }, (_, at) => `${at}-${at}`).join(",");
    assert.deepEqual(await part(`bytes=${hundred}`), [200, "", "0123456789"]);
    const head = await get("/hello.txt", { method: "HEAD", headers: { Range: "bytes=2-4" } });
    assert.equal(head.status, 200, "a range is for GET alone");
  });

  test("several parts in one answer", async () => {
    const headers = { Range: "bytes=0-1, 5-5, -1" };
    for (const path of ["/hello.txt", "/hello.txt"]) {
      const answer = await get(path, { headers });
      assert.equal(answer.status, 206);
      const boundary = /boundary=(.+)$/.exec(field(answer, "content-type"))?.[1] ?? "";
      const parts = answer.body.split(`--${boundary}`).slice(1, -1);
      assert.deepEqual(
        parts.map((each) => each.split("\r\n\r\n")[1]),
        ["01\r\n", "5\r\n", "9\r\n"],
      );
      assert.match(parts[1] ?? "", /Content-Range: bytes 5-5\/10\r\n/);
    }
    const far = await get("/huge.bin", { headers: { Range: "bytes=0-1,5000000000-5000000001" } });
    assert.match(
      far.body,
      /Content-Range: bytes 5000000000-5000000001\/5368709120\r\n\r\n\0\0\r\n/,
    );
  });

  test("a compressed file beside the plain one is for who takes it", async () => {
    const js = async (accept: string | undefined, path = "/app.js") =>
      get(path, accept === undefined ? {} : { headers: { "Accept-Encoding": accept } });
    const plain = await js(undefined);
    const small = await js("gzip, br");
    const other = await js("gzip;q=1, br;q=0.1");
    assert.deepEqual(
      [plain, small, other].map((each) => field(each, "content-encoding")),
      ["", "br", "gzip"],
    );
    assert.equal(plain.body, script);
    assert.equal(other.body, gzipSync(script).latin1Slice());
    assert.equal(new Set([plain, small, other].map((each) => field(each, "etag"))).size, 3);
    for (const each of [plain, small, other]) {
      assert.equal(field(each, "vary"), "Accept-Encoding");
      assert.equal(field(each, "content-type"), "text/javascript; charset=utf-8");
      assert.equal(field(each, "cache-control"), "max-age=60");
    }
    assert.equal(field(await js("br;q=0"), "content-encoding"), "");
    assert.equal((await js("gzip", "/old.js")).body, script, "an older one was forgotten");
    assert.equal((await js("gzip", "/alone.css")).status, 404, "there is no plain one");
  });

  test("a folder is asked for with its slash, and shows its index", async () => {
    assert.equal((await get("/")).body, "<h1>top</h1>");
    assert.equal((await get("/docs/")).body, "<h1>docs</h1>");
    const place = async (path: string, options: AskOptions = {}) => {
      const answer = await get(path, options);
      return [answer.status, field(answer, "location")];
    };
    assert.deepEqual(await place("/docs"), [301, "/docs/"]);
    assert.deepEqual(await place("/docs?a=1"), [301, "/docs/?a=1"]);
    assert.deepEqual(await place("//docs"), [301, "/docs/"], "no other host");
    assert.deepEqual(await place("/static/docs", { name: "mount.test" }), [301, "/static/docs/"]);
    assert.equal((await get("/static/docs/", { name: "mount.test" })).body, "<h1>docs</h1>");
    assert.equal((await get("/list/")).status, 404);
    assert.equal((await get("/hello.txt/")).status, 404);
  });

  test("what is hidden is not there, not even by another name", async () => {
    const paths = ["/.env", "/.git/config", "/.git/", "/.git", "/env.txt", "/%2eenv", "/.ENV"];
    for (const path of paths) assert.equal((await get(path)).status, 404, path);
    assert.equal((await get("/.well-known/security.txt")).body, "Contact: us");
  });

  test("a path that could mean something else means nothing", async () => {
    const paths = [
      "/..%2fsecret.txt",
      "/%2e%2e%2fsecret.txt",
      "/%2e%2e%2Fwww%2Fhello.txt",
      "/%252e%252e%252fsecret.txt",
      "/%252e%252e/secret.txt",
      "/..%5csecret.txt",
      "/%c0%ae%c0%ae/secret.txt",
      "/%c0%ae%c0%ae%c0%afsecret.txt",
      "/docs/..%2f..%2fsecret.txt",
      "/hello.txt%2f",
      "/hello.txt%0a",
      "/hello.txt%20",
      "/hello.txt.",
      "/HELLO.TXT",
      "/loop",
      "/loop/a",
      `/${"a".repeat(256)}`,
      `/${"a/".repeat(3000)}`,
      "/hello.txt/x",
    ];
    for (const path of paths) {
      const answer = await get(path);
      assert.equal(answer.status, 404, path);
      assert.doesNotMatch(answer.body, /SECRET/);
    }
    for (const path of ["/../secret.txt", "/%2e%2e/secret.txt", "/hello.txt%00"]) {
      assert.equal((await get(path)).status, 400, path);
    }
  });

  test("files are only read", async () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const answer = await get("/hello.txt", { method, body: "x".repeat(1000) });
      assert.equal(answer.status, 405, method);
      assert.equal(field(answer, "allow"), "GET, HEAD, OPTIONS");
    }
    const answer = await get("/hello.txt", { method: "OPTIONS" });
    assert.deepEqual([answer.status, field(answer, "allow")], [204, "GET, HEAD, OPTIONS"]);
    const withBody = await get("/hello.txt", { body: "let go" });
    assert.equal(withBody.body, "0123456789");
  });

  test("what is not there is looked for elsewhere, in order", async () => {
    const at = (name: string, path: string, options: AskOptions = {}) =>
      get(path, { name, ...options });
    assert.equal((await at("spa.test", "/a/b/c")).body, "<h1>top</h1>");
    assert.equal((await at("spa.test", "/hello.txt")).body, "0123456789");
    assert.equal((await at("try.test", "/docs/page")).body, "<h1>page</h1>");
    assert.equal((await at("try.test", "/api?x=1")).body, "origin GET /api?x=1");
    const posted = await at("try.test", "/api", { method: "POST", body: "x".repeat(100_000) });
    assert.equal(posted.body, "origin POST /api");
    assert.equal((await at("try.test", "/hello.txt", { method: "POST", body: "x" })).status, 405);
    assert.equal((await at("gone.test", "/nothing")).status, 410);
  });

  test("a folder is listed for people and for programs, and no name of it runs", async () => {
    const page = await get("/", { name: "list.test", headers: { Accept: "text/html,*/*;q=0.8" } });
    assert.equal(field(page, "content-type"), "text/html; charset=utf-8");
    assert.match(field(page, "content-security-policy"), /default-src 'none'/);
    assert.match(page.body, /href="%3Cb%3E%26%22%27.txt">&#60;b&#62;&#38;&#34;&#39;.txt<\/a>/);
    assert.match(page.body, /href="javascript%3Aalert%281%29"/);
    assert.doesNotMatch(page.body, /<b>|hidden/);
    const asked = { name: "list.test", headers: { Accept: "application/json" } };
    const json = await get("/?sort=name&order=desc", asked);
    const { entries } = JSON.parse(json.body) as { entries: { name: string; href: string }[] };
    assert.deepEqual(
      entries.map(({ name }) => name),
      ["sub", "javascript:alert(1)", "<b>&\"'.txt"],
    );
    for (const { href } of entries) {
      assert.notEqual((await get(`/${href}`, { name: "list.test" })).status, 404, href);
    }
    assert.equal((await get("/sub", { name: "list.test" })).status, 301);
  });

  test("a file that is replaced is seen, in whatever form it was known", async () => {
    await write("www/changing.txt", "one", new Date());
    assert.equal((await get("/changing.txt")).body, "one");
    await write("changed", "two", new Date());
    await rename(folder.file("changed"), folder.file("www/changing.txt"));
    await eventually(
      "the new file",
      async () => (await get("/changing.txt")).body === "two" || undefined,
    );
    const weak = field(await get("/changing.txt"), "etag");
    assert.match(weak, /^W\/"/, "it may change again within the tick of its clock");
  });

  test("a file that was young when it was read is read again, though nothing shows that it changed", async () => {
    const now = new Date();
    await write("www/young.txt", "aaa", now);
    assert.equal((await get("/young.txt")).body, "aaa");
    await write("www/young.txt", "bbb", now);
    await eventually(
      "the other bytes",
      async () => (await get("/young.txt")).body === "bbb" || undefined,
    );
  });
});
