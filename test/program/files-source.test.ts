// Source is never read: whatever a path of a program looks like, it is run or it is not there. The program is a real one that speaks SCGI.

import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { after, before, describe, test } from "node:test";
import { ask, type AskOptions, field } from "../harness/ask.ts";
import { type ScgiApplication, scgiApplication } from "../harness/scgi-application.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const source = "<?php $password = 'SOURCE';";

type Params = Readonly<Record<string, string>>;

describe("programs beside files", () => {
  const stack = new AsyncDisposableStack();
  let program: Tidegate;
  let folder: TempFolder;
  let application: ScgiApplication;

  const write = async (name: string, text: string) => {
    await mkdir(dirname(folder.file(name)), { recursive: true });
    await writeFile(folder.file(name), text);
  };
  const get = (path: string, options: AskOptions = {}) =>
    ask(program.port(), { name: "php.test", path, ...options });
  const run = async (path: string, options: AskOptions = {}): Promise<Params> => {
    const answer = await get(path, options);
    assert.equal(field(answer, "x-ran"), "yes", `${path} is not run: ${answer.status}`);
    return JSON.parse(answer.body) as Params;
  };

  before(async () => {
    folder = stack.use(await tempFolder());
    application = stack.use(await scgiApplication());
    const names = [
      "index.php",
      "a.php",
      "shop/index.php",
      "shop/deep/b.php",
      "uploads/evil.php",
      "UP/evil.php",
      ".hidden/c.php",
      "lib.inc",
      "old.phtml",
      "backup.php~",
      "backup.php.bak",
      "x.php.jpg",
      "archive.phar",
      "d.php5",
      "CAPITAL.PHP",
      "space.php ",
      "dot.php.",
      "colon.php::$DATA",
      "wide.ph\u200bp",
      "semi.php;.jpg",
    ];
    for (const name of names) await write(`www/${name}`, source);
    await write("www/pic.jpg", "a picture");
    await write("www/plain.txt", "plain");
    await write("www/empty/x.txt", "x");
    await mkdir(folder.file("www/folder.php"));
    await write("www/folder.php/style.css", "a style");
    await symlink("a.php", folder.file("www/link.txt"));
    await symlink("shop", folder.file("www/linked"));
    await symlink("uploads", folder.file("www/elsewhere"));
    await symlink("lib.inc", folder.file("www/inc.txt"));
    const root = folder.file("www");
    const scgi = {
      backends: `127.0.0.1:${application.port}`,
      extensions: [".php"],
      neverIn: ["/uploads"],
    };
    program = stack.use(
      await startTidegate({
        config: {
          listeners: { web: "127.0.0.1:0" },
          routes: {
            "php.test": { files: { root, index: ["index.php"] }, scgi },
            "front.test": {
              files: { root, try: ["$path", "$path/", "/index.php?$query"] },
              scgi,
            },
            "query.test": { files: { root, try: ["$path", "/index.php?x=1&$query"] }, scgi },
            "mount.test/shop": { files: { root }, scgi, stripPrefix: "/shop" },
          },
        },
      }),
    );
  });
  after(() => stack.disposeAsync());

  test("a program is run, and told what follows its name", async () => {
    const told = await run("/a.php?x=1");
    assert.equal(told["SCRIPT_FILENAME"], folder.file("www/a.php"));
    assert.equal(told["QUERY_STRING"], "x=1");
    assert.equal((await run("/a.php/more/x.php"))["PATH_INFO"], "/more/x.php");
    assert.equal((await run("/shop/"))["SCRIPT_NAME"], "/shop/index.php");
    assert.equal((await run("/"))["SCRIPT_NAME"], "/index.php");
    const posted = await run("/a.php", { method: "POST", body: "x".repeat(200_000) });
    assert.equal(posted["body"]?.length, 200_000);
    assert.equal(posted["REQUEST_METHOD"], "POST");
  });

  test("files beside it are files, and a folder is asked for with its slash", async () => {
    assert.equal((await get("/pic.jpg")).body, "a picture");
    assert.equal((await get("/plain.txt", { method: "POST", body: "x" })).status, 405);
    assert.equal(field(await get("/shop"), "location"), "/shop/");
    assert.equal((await get("/empty/")).status, 404);
  });

  test("a step of try runs a program with a query of its own", async () => {
    const told = await run("/any/where?y=2", { name: "query.test" });
    assert.equal(told["SCRIPT_NAME"], "/index.php");
    assert.equal(told["QUERY_STRING"], "x=1&y=2");
    assert.equal(told["REQUEST_URI"], "/any/where?y=2");
    const bare = await run("/any/where", { name: "query.test" });
    assert.match(bare["QUERY_STRING"] ?? "", /^x=1&?$/);
  });

  const gone = [
    "/a.PHP",
    "/A.php",
    "/a.pHp",
    "/a.php.",
    "/a.php..",
    "/a.php%20",
    "/a.php%20.",
    "/a.php%2500",
    "/a.php%2500.jpg",
    "/a.php%2f",
    "/a.php%5c",
    "/a%2ephp.jpg",
    "/a.php::$DATA",
    "/a.php::%24DATA",
    "/a.php:",
    "/a.php;",
    "/a.php;.jpg",
    "/a.php%3b.jpg",
    "/a.php%0a",
    "/a.php%0d%0a",
    "/a.php%09",
    "/a.php~",
    "/a.php.bak",
    "/a%252ephp",
    "/a.ph%2570",
    "/a.php%ff",
    "/a.php%c0%80",
    "/a.p%e2%80%8bhp",
    "/%e2%80%8ba.php",
    "/a.%ef%bd%90hp",
    "/pic.jpg/a.php",
    "/pic.jpg/x.php",
    "/pic.jpg/.php",
    "/pic.jpg%2f.php",
    "/pic.jpg%20.php",
    "/.php",
    "/missing.php",
    "/missing.php/a.php",
    "/folder.php",
    "/folder.php/",
    "/folder.php/style.css",
    "/uploads/evil.php",
    "/UPLOADS/evil.php",
    "/uploads//evil.php",
    "/shop/../uploads/evil.php",
    "/uploads/evil.php/x",
    "/elsewhere/evil.php",
    "/.hidden/c.php",
    "/link.txt",
    "/inc.txt",
    "/lib.inc",
    "/old.phtml",
    "/backup.php~",
    "/backup.php.bak",
    "/x.php.jpg",
    "/archive.phar",
    "/d.php5",
    "/CAPITAL.PHP",
    "/space.php%20",
    "/dot.php.",
    "/colon.php::$DATA",
    "/wide.ph%E2%80%8Bp",
    "/semi.php;.jpg",
    "/a.php%00",
    "/a.php%00.jpg",
    "/..%2fwww/a.php",
    "/shop/..%2fa.php",
  ];

  for (const path of gone) {
    test(`${path} is neither given nor run`, async () => {
      const before = application.scripts.length;
      for (const method of ["GET", "HEAD", "POST"]) {
        const answer = await get(path, { method });
        assert.ok([400, 404].includes(answer.status), `${method}: ${answer.status}`);
        assert.doesNotMatch(answer.body, /SOURCE|<\?php/);
      }
      const range = { Range: "bytes=0-3", "Accept-Encoding": "gzip, br" };
      assert.doesNotMatch((await get(path, { headers: range })).body, /<\?p/);
      assert.equal(application.scripts.length, before, "nobody was asked");
    });
  }

  test("what runs is what is there, also over a link", async () => {
    const before = application.scripts.length;
    assert.equal((await run("/linked/deep/b.php"))["SCRIPT_NAME"], "/linked/deep/b.php");
    assert.equal((await run("//a.php"))["SCRIPT_FILENAME"], folder.file("www/a.php"));
    assert.equal((await run("/%61.ph%70"))["SCRIPT_FILENAME"], folder.file("www/a.php"));
    assert.equal((await run("/shop/./deep/../index.php"))["SCRIPT_NAME"], "/shop/index.php");
    const mounted = await run("/shop/a.php", { name: "mount.test" });
    assert.equal(mounted["SCRIPT_FILENAME"], folder.file("www/a.php"));
    for (const each of application.scripts.slice(before)) {
      assert.ok(each.startsWith(`${folder.file("www")}/`), each);
      assert.doesNotMatch(each, /\/\/|\.\./);
    }
  });

  test("a front controller does not make source readable", async () => {
    for (const path of gone) {
      const answer = await get(path, { name: "front.test" });
      assert.doesNotMatch(answer.body, /<\?php/, path);
      const ran = field(answer, "x-ran") === "yes" ? (JSON.parse(answer.body) as Params) : {};
      const { SCRIPT_FILENAME = folder.file("www/index.php") } = ran;
      assert.equal(SCRIPT_FILENAME, folder.file("www/index.php"), path);
    }
  });
});
