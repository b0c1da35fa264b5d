// What goes wrong beside the usual: sources where nothing runs them, files that change without showing it, floods, mounts, and answers
// to one that must not become those of another.

import assert from "node:assert/strict";
import { mkdir, symlink, utimes, writeFile } from "node:fs/promises";
import { connect as open, type Socket } from "node:net";
import { dirname } from "node:path";
import { after, before, describe, test } from "node:test";
import { ask, type AskOptions, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { httpOrigin } from "../harness/origin.ts";
import { type ScgiApplication, scgiApplication } from "../harness/scgi-application.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const longAgo = new Date("2026-01-02T03:04:05.678Z");
const source = "<?php $password = 'SOURCE';";

describe("files and those who mean no good", () => {
  const stack = new AsyncDisposableStack();
  let program: Tidegate;
  let folder: TempFolder;
  let application: ScgiApplication;

  const write = async (name: string, text: string) => {
    await mkdir(dirname(folder.file(name)), { recursive: true });
    await writeFile(folder.file(name), text);
    await utimes(folder.file(name), longAgo, longAgo);
  };
  const get = (name: string, path: string, options: AskOptions = {}) =>
    ask(program.port(), { name, path, ...options });

  before(async () => {
    folder = stack.use(await tempFolder());
    application = stack.use(await scgiApplication());
    const origin = stack.use(
      await httpOrigin((request, response) => {
        response.end(`origin ${request.url}`);
      }),
    );
    await write("www/index.html", "<h1>top</h1>");
    await write("www/.git/config", "SECRET");
    await write("www/list/x", "x");
    await symlink("../.git", folder.file("www/list/repository"));
    for (const name of ["a.php", "shop/index.php", "A.PHP", "b.php5", "c.php~", "d.phtml"]) {
      await write(`www/${name}`, source);
    }
    await write("www/wp-config.php.bak", source);
    const root = folder.file("www");
    const scgi = { backends: `127.0.0.1:${application.port}`, extensions: [".php"] };
    program = stack.use(
      await startTidegate({
        config: {
          listeners: { web: "127.0.0.1:0" },
          routes: {
            "plain.test": { files: { root, listing: true } },
            "open.test": { files: { root, hidden: [".*"] } },
            "fallback.test": {
              files: { root, index: ["index.php"], try: ["$path", "$path/", "@app"] },
            },
            "php.test": { files: root, scgi },
            "mount.test/app": { files: root, stripPrefix: "/app" },
            "mount.test/swap": { files: root, replacePrefix: { from: "/swap", to: "/" } },
            "mount.test/list": {
              files: { root: folder.file("www/list"), listing: true },
              stripPrefix: "/list",
            },
            "mount.test/php": {
              files: { root: folder.file("www/shop") },
              scgi,
              stripPrefix: "/php",
              restoreUrls: true,
            },
          },
          services: { app: { backends: [origin.url] } },
        },
      }),
    );
  });
  after(() => stack.disposeAsync());

  test("where nothing runs PHP its sources are not given away, unless that is said", async () => {
    const names = ["a.php", "A.PHP", "b.php5", "c.php~", "d.phtml", "wp-config.php.bak"];
    for (const name of names) {
      assert.equal((await get("plain.test", `/${name}`)).status, 404, name);
      assert.equal((await get("fallback.test", `/${name}`)).body, `origin /${name}`);
      assert.equal((await get("open.test", `/${name}`)).body, source, "it was wanted");
    }
    assert.equal((await get("fallback.test", "/shop/")).body, "origin /shop/");
    const list = await get("plain.test", "/shop/", { headers: { Accept: "application/json" } });
    assert.deepEqual((JSON.parse(list.body) as { entries: unknown[] }).entries, []);
  });

  test("a listing of a hidden folder is not there, also where a link leads into it", async () => {
    for (const path of ["/.git/", "/list/repository/", "/list/repository"]) {
      const answer = await get("plain.test", path);
      assert.equal(answer.status, 404, path);
      assert.doesNotMatch(answer.body, /config/);
    }
  });

  test("a file is read anew that was changed in place and given its old time", async () => {
    await write("www/version.txt", "1.0.1");
    const first = await get("plain.test", "/version.txt");
    assert.equal(first.body, "1.0.1");
    await write("www/version.txt", "1.0.2");
    const second = await eventually("the new one", async () => {
      const answer = await get("plain.test", "/version.txt");
      return answer.body === "1.0.2" ? answer : undefined;
    });
    assert.notEqual(field(second, "etag"), field(first, "etag"));
    const headers = { "If-None-Match": field(first, "etag") };
    assert.equal((await get("plain.test", "/version.txt", { headers })).status, 200);
  });

  test("who posts to a folder does not change where others are sent", async () => {
    for (let round = 0; round < 3; round++) {
      const posted = await get("php.test", "/shop", { method: "POST", body: "x" });
      assert.equal(field(posted, "x-ran"), "yes");
      const asked = await get("php.test", "/shop");
      assert.deepEqual([asked.status, field(asked, "location")], [301, "/shop/"]);
    }
  });

  test("what a mount takes off is a folder, too", async () => {
    const place = async (path: string) => {
      const answer = await get("mount.test", path);
      return [answer.status, field(answer, "location")];
    };
    for (const path of ["/app", "/swap", "/list", "/php"]) {
      for (const query of ["", "?a=1"]) {
        assert.deepEqual(await place(path + query), [301, `${path}/${query}`]);
      }
    }
    assert.equal((await get("mount.test", "/app/")).body, "<h1>top</h1>");
    assert.equal(field(await get("mount.test", "/php/"), "x-ran"), "yes");
    assert.equal(field(await get("mount.test", "/php", { method: "POST" }), "x-ran"), "yes");
    assert.deepEqual(await place("/php/index.php/"), [200, ""]);
  });

  test("a flood of paths that do not exist makes others wait, and refuses nobody", async () => {
    for (let at = 0; at < 20; at++) await write(`www/good/${at}.txt`, "good");
    const flood = new Flood(program.port(), 1500);
    try {
      await eventually("the flood", () => flood.answers > 3000 || undefined);
      for (let at = 0; at < 20; at++) {
        assert.equal((await get("plain.test", `/good/${at}.txt`)).body, "good");
      }
    } finally {
      flood.end();
    }
    assert.deepEqual([...flood.statuses], ["404"]);
  });
});

/** Asks on many connections at once, each for one path after the other that nobody has asked for. */
class Flood {
  answers = 0;
  readonly statuses = new Set<string>();
  readonly #sockets: Socket[] = [];

  constructor(port: number, connections: number) {
    for (let at = 0; at < connections; at++) this.#sockets.push(this.#begin(port, at));
  }

  #begin(port: number, number: number): Socket {
    const socket = open(port, "127.0.0.1");
    let received = "";
    let asked = 0;
    const go = () =>
      socket.write(`HEAD /none-${number}-${asked++} HTTP/1.1\r\nHost: plain.test\r\n\r\n`);
    socket.on("connect", go);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      received += bytes.latin1Slice();
      if (!received.endsWith("\r\n\r\n")) return;
      this.statuses.add(received.slice(9, 12));
      this.answers++;
      received = "";
      go();
    });
    return socket;
  }

  end(): void {
    for (const each of this.#sockets) each.destroy();
  }
}
