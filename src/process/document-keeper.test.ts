import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { test } from "node:test";
import { type DocumentWish, fileWish, urlWish } from "../config/documents.ts";
import { readConfig } from "../config/read.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import { eventually } from "../../test/harness/barrier.ts";
import { httpOrigin } from "../../test/harness/origin.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { DocumentKeeper } from "./document-keeper.ts";

/** A snapshot whose only route wants these. */
function wanting(...documents: readonly DocumentWish[]): Snapshot {
  const { snapshot } = readConfig('routes: { a.test: "http://10.0.0.1" }', {
    file: "t.yaml",
    baseFolder: "/",
  });
  const route = snapshot?.routes[0];
  assert.ok(snapshot !== undefined && route !== undefined);
  const nothing = { networks: [], lists: [] };
  const use = {
    ...({ kind: "ipRules", allow: nothing, deny: undefined, except: undefined } as const),
    ...({ of: "client", status: 403, missing: "allow", documents, written: {} } as const),
  };
  return { ...snapshot, routes: [{ ...route, middlewares: [use] }] };
}

class Stand implements Disposable {
  readonly lines: string[] = [];
  changes = 0;
  readonly keeper: DocumentKeeper;

  constructor(folder?: string) {
    const note = (text: string, fields = {}) => {
      this.lines.push(`${text} ${JSON.stringify(fields)}`);
    };
    const log: Log = { debug() {}, info: note, warn: note, error: note };
    this.keeper = new DocumentKeeper({
      log,
      folder: () => folder,
      onChange: () => void this.changes++,
    });
  }

  /** What a snapshot would have of this one. */
  textOf(wish: DocumentWish): string | undefined {
    return this.keeper.documentsFor(wanting(wish)).get(wish.name)?.text;
  }

  async live(wish: DocumentWish): Promise<void> {
    await this.keeper.prepare(wanting(wish));
    this.keeper.documentsFor(wanting(wish));
    this.keeper.settled(wanting(wish));
  }

  says(pattern: RegExp): Promise<string> {
    return eventually(`a line like ${pattern}`, async () => {
      return this.lines.find((line) => pattern.test(line));
    });
  }

  [Symbol.dispose](): void {
    this.keeper[Symbol.dispose]();
  }
}

test("a file is watched through links, and whatever else takes its place changes nothing", async () => {
  await using folder = await tempFolder();
  await mkdir(folder.file("one"));
  await mkdir(folder.file("two"));
  await writeFile(folder.file("one/list"), "10.0.0.0/8\n");
  await writeFile(folder.file("two/list"), "192.0.2.0/24\n");
  await symlink("one", folder.file("now"));
  const wish = fileWish("networks", folder.file("now/list"));
  using stand = new Stand();
  assert.equal(stand.textOf(wish), undefined, "before anything is prepared nothing is read");
  await stand.live(wish);
  assert.equal(stand.textOf(wish), "10.0.0.0/8\n");
  const documents = stand.keeper.documentsFor(wanting(wish));
  assert.equal(stand.keeper.documentsFor(wanting(wish)), documents, "it is the same object");
  await writeFile(folder.file("one/list"), "10.0.0.0/9\n");
  await eventually("the change", async () => stand.textOf(wish) === "10.0.0.0/9\n" || undefined);
  const path = folder.file("now/list");
  await rm(path);
  await stand.says(/still counts.*is not there/);
  execFileSync("mkfifo", [path]);
  await stand.says(/still counts.*is not a file/);
  await rm(path);
  await mkdir(path);
  await rm(path, { recursive: true });
  await writeFile(path, Buffer.alloc(8 * 1024 ** 2 + 1, "#"));
  await stand.says(/still counts.*is larger than 8 ?MiB/);
  await writeFile(path, "10.0.0.0/8\0");
  await stand.says(/still counts.*is no text/);
  assert.equal(stand.textOf(wish), "10.0.0.0/9\n");
  // As Kubernetes does it: a link above the file leads elsewhere.
  await symlink("two", folder.file("next"));
  await rename(folder.file("next"), folder.file("now"));
  await stand.keeper.prepare(wanting(wish));
  assert.equal(stand.textOf(wish), "192.0.2.0/24\n");
  assert.ok(stand.changes > 0);
});

type Answer = (response: ServerResponse) => void;

test("a URL is asked again and again, and no answer that cannot be used changes anything", async () => {
  let answer: Answer = (response) => response.end("10.0.0.0/8\n");
  await using origin = await httpOrigin((_request, response) => answer(response));
  const wish = urlWish("networks", `${origin.url}/list?key=s3cret`, 30);
  await using folder = await tempFolder();
  using stand = new Stand(folder.path);
  await stand.live(wish);
  assert.equal(stand.textOf(wish), "10.0.0.0/8\n");
  const before = stand.keeper.documentsFor(wanting(wish));
  // Each is asked soon after a good one, since failures are waited for longer and longer.
  const bad: readonly (readonly [Answer, RegExp])[] = [
    [(to) => to.writeHead(500).end("10.0.0.0/8"), /is answered with 500/],
    [
      (to) => to.writeHead(302, { Location: "/else?key=s3cret" }).end(),
      /has moved to .*\/else; write/,
    ],
    [(to) => to.end("<html>"), /page for humans/],
    [(to) => to.end(""), /has no networks/],
    [(to) => to.end("0.0.0.0/0"), /the whole internet/],
    [
      (to) => to.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync("10.0.0.0/8")),
      /is sent compressed/,
    ],
    [(to) => to.end(Buffer.alloc(9 * 1024 ** 2, "10.0.0.0/8\n")), /more than 8 ?MiB/],
    [
      (to) => {
        to.writeHead(200, { "Content-Length": "100" }).write("10.0.0.0/16\n");
        setTimeout(() => to.destroy(), 20);
      },
      /could not be had/,
    ],
  ];
  for (const [one, pattern] of bad) {
    // A new start, which finds what was kept.
    using again = new Stand(folder.path);
    answer = one;
    await again.live(wish);
    await again.says(pattern);
    assert.match(again.lines.join("\n"), /the one before it still counts/);
    assert.equal(again.textOf(wish), "10.0.0.0/8\n");
    assert.doesNotMatch(again.lines.join("\n"), /s3cret/);
  }
  answer = (response) => response.end("192.0.2.0/24\n");
  await stand.live(wish);
  using fresh = new Stand(folder.path);
  await fresh.live(wish);
  await eventually(
    "the new list",
    async () => fresh.textOf(wish) === "192.0.2.0/24\n" || undefined,
  );
  assert.ok(before.size === 1);
});

test("what nobody wants any more is not kept", async () => {
  await using origin = await httpOrigin((_request, response) => void response.end("10.0.0.0/8\n"));
  await using folder = await tempFolder();
  using stand = new Stand(folder.path);
  const wish = urlWish("networks", `${origin.url}/list`, 60_000);
  await stand.live(wish);
  assert.equal(readdirSync(folder.file("documents")).length, 1);
  stand.keeper.settled(wanting());
  assert.equal(readdirSync(folder.file("documents")).length, 0);
});

test("a state folder full of nonsense is no reason not to start", async () => {
  await using origin = await httpOrigin((_request, response) => void response.end("10.0.0.0/8\n"));
  await using folder = await tempFolder();
  const wish = urlWish("networks", `${origin.url}/list`, 60_000);
  using first = new Stand(folder.path);
  await first.live(wish);
  const [name = ""] = readdirSync(folder.file("documents"));
  for (const text of [
    "",
    "{",
    "null",
    '{"name":1}',
    JSON.stringify({ name: wish.name, text: "<" }),
  ]) {
    await writeFile(folder.file(`documents/${name}`), text);
    using stand = new Stand(folder.path);
    await stand.live(wish);
    await eventually("the list", async () => stand.textOf(wish) === "10.0.0.0/8\n" || undefined);
  }
});

test("all documents together are bounded", async () => {
  await using folder = await tempFolder();
  const wishes: DocumentWish[] = [];
  for (let at = 0; at < 6; at++) {
    const path = folder.file(`${at}.txt`);
    await writeFile(path, "x".repeat(7 * 1024 ** 2));
    wishes.push(fileWish("text", path));
  }
  using stand = new Stand();
  await stand.keeper.prepare(wanting(...wishes));
  assert.equal(stand.keeper.documentsFor(wanting(...wishes)).size, 4);
  stand.keeper.settled(wanting(...wishes));
  assert.equal(stand.lines.filter((line) => /is left out/.test(line)).length, 2);
});
