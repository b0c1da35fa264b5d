import assert from "node:assert/strict";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { after, before, describe, test } from "node:test";
import { type TempFolder, tempFolder } from "../../test/harness/temp-folder.ts";
import type { FilesService } from "../config/files.ts";
import { looksLikeScript, scriptOf } from "../gateway/script-path.ts";
import { Guests } from "../guest/guests.ts";
import { lookUp, type Outcome, type Place } from "./lookup.ts";
import { Names } from "./names.ts";

const step = (path: string, query?: string) => ({ kind: "path", path, query }) as const;

describe("looking for what a path leads to", () => {
  const stack = new AsyncDisposableStack();
  const guests = new Guests();
  let folder: TempFolder;

  const write = (name: string) => {
    mkdirSync(dirname(folder.file(name)), { recursive: true });
    writeFileSync(folder.file(name), name);
  };

  before(async () => {
    folder = stack.use(await tempFolder());
    for (const name of ["a.html", "dir/index.html", "dir/x", "app/index.php", ".env", "b.php"]) {
      write(`www/${name}`);
    }
    symlinkSync("../www", folder.file("www/self"));
    mkdirSync(folder.file(".hidden/real"), { recursive: true });
    write(".hidden/real/a.html");
    write(".hidden/real/.env");
    symlinkSync(".hidden/real", folder.file("rootlink"));
    symlinkSync("../.hidden/real/a.html", folder.file("www/out.html"));
    write("www/.git/config");
    symlinkSync(".git", folder.file("www/repository"));
  });
  after(() => stack.disposeAsync());

  function place(more: Partial<FilesService> = {}, isRun = true): Place {
    const settings: FilesService = {
      kind: "files",
      name: "x",
      origin: { provider: "file", place: "" },
      maintenance: undefined,
      guest: undefined,
      root: folder.file("www"),
      index: ["index.php", "index.html"],
      try: [step("$path"), step("$path/")],
      listing: false,
      precompressed: [],
      hidden: [".*"],
      shown: [],
      cacheControl: [],
      types: {},
      charset: "",
      scripts: isRun ? { service: "x@scripts", extensions: [".php"], neverIn: [] } : undefined,
      ...more,
    };
    const extensions = isRun ? [".php"] : [];
    return {
      settings,
      premises: guests.of(undefined),
      names: new Names(settings),
      programs: {
        isSource: (path) => looksLikeScript(path, extensions),
        scriptOf: (path) => scriptOf(path, extensions)?.script,
      },
      script: undefined,
      scriptRoot: settings.root,
    };
  }

  /** What it is, in a word; what is open is closed. */
  async function found(from: Place, path: string, mayRedirect = true): Promise<string> {
    const outcome: Outcome = await lookUp(from, path, mayRedirect);
    switch (outcome.kind) {
      case "file":
        outcome.file.close();
        return `file ${outcome.path}${outcome.isLasting ? "" : " for now"}`;
      case "script":
        return (
          `script ${outcome.path} ${outcome.query ?? ""}`.trim() +
          (outcome.isLasting ? "" : " for now")
        );
      case "status":
        return `status ${outcome.status}`;
      default:
        return outcome.kind;
    }
  }

  test("steps are gone through in order", async () => {
    assert.equal(await found(place(), "/a.html"), "file /a.html");
    assert.equal(await found(place(), "/a"), "nothing");
    const html = place({ try: [step("$path"), step("$path.html"), step("/dir/x")] });
    assert.equal(await found(html, "/a"), "file /a.html");
    assert.equal(await found(html, "/zzz"), "file /dir/x");
    assert.equal(
      await found(place({ try: [{ kind: "status", status: 410 }] }), "/a"),
      "status 410",
    );
    assert.equal(
      await found(place({ try: [{ kind: "service", service: "s" }] }), "/a.html"),
      "service",
    );
  });

  test("a folder shows its index, and is asked for with its slash", async () => {
    assert.equal(await found(place(), "/dir/"), "file /dir/index.html");
    assert.equal(await found(place(), "/dir"), "slash");
    assert.equal(await found(place(), "/app"), "slash");
    assert.equal(await found(place(), "/app/"), "script /app/index.php");
    assert.equal(await found(place(), "/dir", false), "file /dir/index.html for now");
    assert.equal(await found(place(), "/app", false), "script /app/index.php for now");
    assert.equal(await found(place({ listing: true, index: [] }), "/dir/"), "list");
    assert.equal(await found(place({ listing: true, index: [] }), "/dir"), "slash");
    assert.equal(await found(place({ try: [step("$path")] }), "/dir"), "nothing");
  });

  test("a program's path is run or nothing, whatever else would be tried", async () => {
    const all = place({ try: [step("$path"), step("/a.html")] });
    assert.equal(await found(all, "/b.php"), "script /b.php");
    assert.equal(await found(all, "/b.php/more"), "script /b.php/more");
    assert.equal(await found(all, "/zzz.php"), "nothing");
    assert.equal(await found(all, "/a.html/b.php"), "nothing");
    assert.equal(await found(all, "/B.PHP"), "nothing");
    assert.equal(await found(place({}, false), "/b.php"), "file /b.php", "where nothing is run");
  });

  test("a step with a query is for a program, and is never read", async () => {
    const front = place({ try: [step("$path"), step("/b.php", "x=$query")] });
    assert.equal(await found(front, "/zzz"), "script /b.php x=$query");
    const bare = place({ try: [step("/a.html", "$query")] });
    assert.equal(await found(bare, "/zzz"), "script /a.html $query");
  });

  test("what is asked for is put in as it is", async () => {
    write("www/$&");
    assert.equal(await found(place(), "/$&"), "file /$&");
  });

  test("what a link leads to counts as what it is there", async () => {
    assert.equal(await found(place(), "/self/a.html"), "file /self/a.html");
    assert.equal(await found(place(), "/self/.env"), "nothing");
    assert.equal(await found(place(), "/self/self/b.php"), "script /self/self/b.php");
    assert.equal(await found(place(), "/out.html"), "nothing", "it is in a hidden folder");
    const linked = place({ root: folder.file("rootlink") });
    assert.equal(
      await found(linked, "/a.html"),
      "file /a.html",
      "names above the root are not asked",
    );
    assert.equal(await found(linked, "/.env"), "nothing");
    const listed = place({ listing: true, index: [] });
    assert.equal(await found(listed, "/self/"), "list");
    for (const path of ["/repository/", "/repository", "/self/repository/"]) {
      assert.equal(await found(listed, path), "nothing", path);
    }
  });

  test("nothing stays open", async () => {
    const open = () => readdirSync("/proc/self/fd").length;
    await found(place(), "/a.html");
    const before = open();
    for (const path of ["/a.html", "/dir", "/dir/", "/b.php", "/out.html", "/self/.env", "/app"]) {
      for (let round = 0; round < 20; round++) await found(place(), path);
    }
    assert.ok(open() <= before + 2, `${open() - before} more`);
  });
});
