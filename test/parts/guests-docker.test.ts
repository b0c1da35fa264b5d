// Files of real containers of Docker and Podman through the real program, by configuration and by label, and the
// container's place as the provider tells it: after a restart, when it is gone, and when its engine is another one's.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import type { GuestPlace } from "../../src/config/guest.ts";
import type { DockerSettings } from "../../src/config/provider-settings.ts";
import { isPlatform } from "../../src/config/provider-settings.ts";
import { readConfig } from "../../src/config/read.ts";
import { createLogger } from "../../src/lib/log.ts";
import { DockerSource } from "../../src/providers/docker/docker.ts";
import { guestsOf, namesakesMarked } from "../../src/providers/guest-names.ts";
import { eventually } from "../harness/barrier.ts";
import { dockerEngineNeeds, startDockerEngine } from "../harness/docker-engine.ts";
import { freePort } from "../harness/free-port.ts";
import { answered, get, refused } from "../harness/guest-answers.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { podmanNeeds, startPodman } from "../harness/podman-service.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";
import { webContainers, type WebContainers, webImageNeeds } from "../harness/web-image.ts";

interface Engine extends AsyncDisposable {
  readonly endpoint: string;
  docker(args: readonly string[], options?: { mayFail?: boolean }): Promise<unknown>;
}

interface Platform {
  readonly name: "docker" | "podman";
  readonly skip: false | string;
  start(port: number): Promise<Engine>;
}

const platforms: readonly Platform[] = [
  {
    name: "docker",
    skip: needsRoot() || needs(...dockerEngineNeeds, ...webImageNeeds),
    start: (port) => startDockerEngine({ hosts: [`tcp://127.0.0.1:${port}`] }),
  },
  {
    name: "podman",
    skip: needsRoot() || needs(...podmanNeeds, ...webImageNeeds),
    start: () => startPodman(),
  },
];

/** A file system in memory, which only those who are in the container see. */
const memory = ["--tmpfs", "/run"];

for (const { name: kind, skip, start } of platforms) {
  describe(`containers of ${kind} whose files are served`, { skip, timeout: 240_000 }, () => {
    let engine: Engine;
    let web: WebContainers;
    let port = 0;
    before(async () => {
      port = await freePort();
      engine = await start(port);
      web = await webContainers(engine as Parameters<typeof webContainers>[0]);
    });
    after(() => engine?.[Symbol.asyncDispose]());

    const settings = { endpoint: "", exposedByDefault: false };
    const config = (container: string) => ({
      listeners: { web: "127.0.0.1:0" },
      providers: { [kind]: { ...settings, endpoint: engine.endpoint } },
      routes: {
        "files.test": { service: { container, files: "/www" } },
        "memory.test": { service: { container, files: "/run" } },
      },
    });
    const note = (name: string, text: string) =>
      engine.docker(["exec", name, "/bin/sh", "-c", `echo ${text} >/run/note.txt`]);

    test("files of its layers and of its memory are served, again after a restart, and not when it is gone", async (context) => {
      await web.run({ name: "site", args: memory });
      await note("site", "one");
      await using program = await startTidegate({ config: config(`${kind}/site`) });
      assert.equal(await answered(program, "files.test/index.html", /./), "site");
      assert.equal(await answered(program, "memory.test/note.txt", /./), "one");
      await engine.docker(["restart", "--time", "0", "site"]);
      await note("site", "two");
      const startedAt = performance.now();
      assert.equal(await answered(program, "memory.test/note.txt", /two/), "two");
      context.diagnostic(`seen anew after ${Math.round(performance.now() - startedAt)} ms`);
      assert.equal(await answered(program, "files.test/index.html", /site/), "site");
      await engine.docker(["stop", "--time", "0", "site"]);
      await refused(program, "files.test/index.html", /^503 .*GUEST_AWAY/);
      await engine.docker(["rm", "--force", "site"]);
      await refused(program, "files.test/index.html", /^503 .*GUEST_AWAY/);
      await program.waitForLog(new RegExp(`there is no container site of ${kind}`));
    });

    test("a label has its own files served, and a link in it to this machine's leads nowhere", async () => {
      const labels = {
        "tidegate.enable": "true",
        "tidegate.host": "own.test",
        "tidegate.files": "/",
      };
      await web.run({ name: "own", labels: { ...labels, "tidegate.files": "/www" } });
      await web.run({ name: "reach", labels: { ...labels, "tidegate.host": "reach.test" } });
      await using folder = await tempFolder();
      const secret = folder.file("secret.txt");
      await writeFile(secret, "of this machine");
      await engine.docker(["exec", "reach", "/bin/sh", "-c", "echo guests >/etc/hostname.txt"]);
      const link = ["/bin/busybox", "ln", "-s", `/../../../../..${secret}`, "/leak.txt"];
      await engine.docker(["exec", "reach", ...link]);
      await using program = await startTidegate({ config: config(`${kind}/own`) });
      assert.equal(await answered(program, "own.test/index.html", /./), "own");
      assert.equal(await answered(program, "reach.test/etc/hostname.txt", /./), "guests");
      for (const path of ["leak.txt", "proc/1/root/leak.txt", secret.slice(1)]) {
        const { status, body } = await get(program, `reach.test/${path}`);
        assert.ok(status >= 400, `${path}: ${body}`);
      }
      await engine.docker(["rm", "--force", "own", "reach"]);
    });

    test("its place is its first process, and another one after a restart", async () => {
      await web.run({ name: "told" });
      await using watched = watch(kind, engine.endpoint);
      const first = await watched.until("told", ({ init }) => init !== undefined);
      const { pid, startedAt } = first.init ?? { pid: 0, startedAt: "" };
      const stat = await readFile(`/proc/${pid}/stat`, "utf8");
      assert.equal(startedAt, stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
      assert.match(await readFile(`/proc/${pid}/root/www/index.html`, "utf8"), /told/);
      await engine.docker(["restart", "--time", "0", "told"]);
      const isOther = ({ init }: GuestPlace) => init !== undefined && init.startedAt !== startedAt;
      await watched.until("told", isOther);
      await engine.docker(["stop", "--time", "0", "told"]);
      const stopped = await watched.until("told", ({ init }) => init === undefined);
      assert.match(stopped.why, /does not run/);
      await engine.docker(["rm", "--force", "told"]);
    });

    test(
      "numbers of processes that come over the network are believed of nobody",
      { skip: kind === "podman" && "only Docker listens there" },
      async () => {
        await web.run({ name: "far" });
        await using watched = watch(kind, `tcp://127.0.0.1:${port}`);
        const place = await watched.until("far", () => true);
        assert.equal(place.init, undefined);
        assert.match(place.why, /over the network/);
        await engine.docker(["rm", "--force", "far"]);
      },
    );
  });
}

/** The provider by itself, and what it says of places. */
function watch(kind: "docker" | "podman", endpoint: string) {
  const ending = new AbortController();
  let places: ReadonlyMap<string, GuestPlace> = new Map();
  const text = JSON.stringify({
    listeners: { web: "127.0.0.1:0" },
    providers: { [kind]: { endpoint } },
  });
  const { snapshot } = readConfig(text, { file: "test.json", baseFolder: "/" });
  const settings = snapshot?.providers.find((each) => isPlatform(each)) as DockerSettings;
  const source = new DockerSource(settings, createLogger({ level: "silent", pretty: false }));
  const running = (async () => {
    for await (const list of source.workloads(ending.signal)) {
      places = guestsOf(namesakesMarked(list));
    }
  })();
  return {
    until: (name: string, fits: (place: GuestPlace) => boolean) =>
      eventually(
        `the place of ${name}`,
        () => {
          const place = places.get(name);
          return place !== undefined && fits(place) ? place : undefined;
        },
        10_000,
      ),
    async [Symbol.asyncDispose]() {
      ending.abort();
      await running;
    },
  };
}
