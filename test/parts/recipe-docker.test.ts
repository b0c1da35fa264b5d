// A container of a real Docker Engine in which there is PHP and no web server, behind the real program: its files,
// and PHP on a socket that only it sees. No port of it is published.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import {
  type DockerEngine,
  dockerEngineNeeds,
  startDockerEngine,
} from "../harness/docker-engine.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { makePhpImage, runPhp } from "../harness/recipe-image.ts";
import { phpNeeds, phpSocket } from "../harness/recipe-php.ts";
import { digestOf, formOf, noiseBytes, requestOf } from "../harness/recipe-request.ts";
import { type RecipeRequest } from "../harness/recipe-request.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needsRoot() || needs(...dockerEngineNeeds, ...phpNeeds, "busybox", "tar");

const configuration = (endpoint: string) => `
listeners: { web: 127.0.0.1:0 }
accessLog: { format: json, path: "{folder}/access.log" }
providers: { docker: { endpoint: "${endpoint}" } }
workers: 2
routes:
  feeds.test:
    container: docker/feeds
    preset: php
    files: /var/www
    fastcgi: unix:${phpSocket}
  twin.test:
    container: docker/twin
    preset: php
    files: /var/www
    fastcgi: unix:${phpSocket}
`;

describe("PHP in a Docker container", { skip, timeout: 150_000 }, () => {
  let engine: DockerEngine;
  let program: Tidegate;
  const parts = new AsyncDisposableStack();
  before(async () => {
    engine = parts.use(await startDockerEngine());
    await makePhpImage(engine);
    await runPhp(engine, "feeds", ["--network", "none"]);
    program = parts.use(await startTidegate({ config: configuration(engine.endpoint) }));
  });
  after(() => parts.disposeAsync());

  const ask = (path: string, more: Partial<RecipeRequest> = {}) =>
    requestOf(program.port(), { host: "feeds.test", path, ...more });
  const becomes = (path: string, wanted: number, host = "feeds.test") =>
    eventually(
      `${wanted} for ${path}`,
      async () => ((await ask(path, { host })).status === wanted ? true : undefined),
      20_000,
    );

  test("it is logged in to and uploaded to, without a network", async () => {
    await becomes("/ttrss/login.php", 200);
    assert.equal((await ask("/ttrss/images/note.txt")).text.length, 100);
    const first = await ask("/ttrss/");
    assert.deepEqual([first.status, first.headers.location], [302, "login.php"]);
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const body = "op=login&login=kim&password=opensesame";
    const done = await ask("/ttrss/index.php", { method: "POST", headers, body });
    const [Cookie = ""] = done.cookies.map((each) => each.split(";")[0] ?? "");
    const bytes = noiseBytes(3_000_000);
    const form = formOf({ op: "upload" }, "opml", bytes);
    const answer = await ask("/ttrss/index.php", {
      method: "POST",
      headers: { ...form.headers, Cookie },
      body: form.body,
    });
    assert.equal((answer.json() as { sha256: string }).sha256, digestOf(bytes));
    const told = (await ask("/ttrss/told.php")).json() as Record<string, string>;
    assert.equal(told["SCRIPT_FILENAME"], "/var/www/ttrss/told.php");
    assert.doesNotMatch((await ask("/ttrss/config.PHP/x.css")).text, /the-password-of-ttrss/);
  });

  test("killed, it is away; started or made anew, it serves; and another is another", async () => {
    await becomes("/ttrss/login.php", 200);
    await becomes("/ttrss/login.php", 503, "twin.test");
    await engine.docker(["kill", "feeds"]);
    await becomes("/ttrss/login.php", 503);
    await becomes("/ttrss/images/note.txt", 503);
    await engine.docker(["start", "feeds"]);
    await becomes("/ttrss/login.php", 200);
    await engine.docker(["rm", "--force", "feeds"]);
    await becomes("/ttrss/login.php", 503);
    await runPhp(engine, "feeds");
    await becomes("/ttrss/login.php", 200);
    await runPhp(engine, "twin");
    await becomes("/ttrss/login.php", 200, "twin.test");
    await engine.docker(["exec", "twin", "/bin/sh", "-c", "echo twin >/var/www/name.txt"]);
    await becomes("/name.txt", 200, "twin.test");
    assert.equal((await ask("/name.txt")).status, 404);
  });
});
