// Who a host name belongs to when containers of several projects, and the file, want it: a real Docker
// Engine, the real program, and labels as a hostile tenant would write them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { answeredBy, asked, discoveryOf, found } from "../harness/discovered.ts";
import {
  type DockerEngine,
  dockerEngineNeeds,
  startDockerEngine,
} from "../harness/docker-engine.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";
import { webContainers, webImageNeeds } from "../harness/web-image.ts";

const skip = needsRoot() || needs(...dockerEngineNeeds, ...webImageNeeds);

/** A route of the file that answers by itself, so that nothing but the file can have answered. */
const ofFile = { respond: { status: 200, body: "the file" } };

function start(
  { endpoint }: DockerEngine,
  docker: Record<string, unknown> = {},
  routes: Record<string, unknown> = {},
): Promise<Tidegate> {
  return startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      providers: { docker: { endpoint, ...docker } },
      routes: { "file.test": ofFile, ...routes },
    },
  });
}

/** Once somebody of this name was refused, with this in the reason. */
async function refused(program: Tidegate, name: string, what: string): Promise<void> {
  let last = "";
  await eventually(
    `${name} to be refused ${what}`,
    async () => {
      const { refusals } = await discoveryOf(program);
      last = JSON.stringify(refusals);
      return refusals.some((each) => each.place.includes(name) && each.message.includes(what))
        ? true
        : undefined;
    },
    15_000,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}; refused were: ${last}`, { cause: error });
  });
}

test("hosts of containers", { skip, timeout: 240_000 }, async (context) => {
  await using engine = await startDockerEngine();
  const web = await webContainers(engine);
  const remove = (...names: string[]) => engine.docker(["rm", "--force", ...names]);

  await context.test(
    "a host stays with the project that has it, and goes over when that is gone",
    async () => {
      await using program = await start(engine);
      const port = program.port();
      const labels = { "tidegate.host": "shop.test" };
      await web.run({ name: "first", project: "one", labels });
      await answeredBy(program, "shop.test", "first");
      await web.run({
        name: "second",
        project: "two",
        labels: {
          "tidegate.routes.stolen.host": "SHOP.test.",
          "tidegate.routes.below.host": "shop.test",
          "tidegate.routes.below.path": "/api",
          "tidegate.routes.own.host": "two.test",
        },
      });
      await answeredBy(program, "two.test", "second");
      await refused(program, "second", "shop.test");
      // What it was refused is not shown as if it were served.
      const { became } = await found(program, "second");
      assert.deepEqual(
        became.map(({ rule }) => rule),
        ["Host(`two.test`)"],
      );
      for (const path of ["/", "/api/", "/"]) {
        assert.deepEqual(await asked(port, "shop.test", path), { status: 200, body: "first" });
      }
      // Stopped is not gone: nobody else gets what it is only away from.
      await engine.docker(["stop", "--time", "0", "first"]);
      await eventually("the page of a stopped container", async () =>
        (await asked(port, "shop.test")).status === 503 ? true : undefined,
      );
      assert.equal((await asked(port, "shop.test", "/api/")).status, 503);
      await engine.docker(["start", "first"]);
      await answeredBy(program, "shop.test", "first");
      const warnings = program
        .stderr()
        .split("\n")
        .filter((line) => line.includes("second") && /shop\.test/i.test(line));
      // Two of its routes were refused, and what happened since is nothing new.
      assert.ok(warnings.length > 0 && warnings.length <= 2, program.stderr());
      await remove("first");
      await answeredBy(program, "shop.test", "second");
      await answeredBy(program, "shop.test", "second", "/api/");
      await web.run({ name: "first", project: "one", labels });
      await refused(program, "first", "shop.test");
      assert.equal((await asked(port, "shop.test")).body, "second");
      await remove("first", "second");
    },
  );

  await context.test("a new start gives nobody what they were refused before", async () => {
    const labels = { "tidegate.host": "shop.test" };
    // Its project is older than the one that has the host.
    await web.run({ name: "elder", project: "old", labels: { "tidegate.host": "old.test" } });
    await web.run({ name: "holder", project: "young", labels });
    await using program = await start(engine);
    await answeredBy(program, "shop.test", "holder");
    await web.run({ name: "later", project: "old", labels });
    await refused(program, "later", "shop.test");
    await program.stop();
    await using next = await program.startAgain();
    await refused(next, "later", "shop.test");
    await answeredBy(next, "shop.test", "holder");
    // Given up, it is free.
    await remove("holder");
    await answeredBy(next, "shop.test", "later");
    await remove("elder", "later");
  });

  await context.test("replicas of one project share a host", async () => {
    await using program = await start(engine);
    const labels = { "tidegate.host": "many.test" };
    const common = { project: "many", role: "web", labels };
    await Promise.all(["many-1", "many-2"].map((name) => web.run({ name, ...common })));
    await answeredBy(program, "many.test", "many-1");
    await answeredBy(program, "many.test", "many-2");
    assert.deepEqual((await discoveryOf(program)).refusals, []);
    await remove("many-1", "many-2");
  });

  await context.test("a provider's patterns say what may be claimed at all", async () => {
    await using program = await start(engine, { hosts: ["*.apps.test", "one.test"] });
    const port = program.port();
    await web.run({
      name: "patterns",
      labels: {
        "tidegate.routes.inside.host": "A.apps.test",
        "tidegate.routes.deep.host": "x.y.apps.test",
        "tidegate.routes.exact.host": "one.test",
        "tidegate.routes.outside.host": "evil.test",
        "tidegate.routes.apex.host": "apps.test",
        "tidegate.routes.alike.host": "evilapps.test",
        "tidegate.routes.wild.host": "*.test",
        "tidegate.routes.mixed.host": "b.apps.test, mixed.test",
        "tidegate.routes.either.rule": "Host(`c.apps.test`) || Host(`either.test`)",
        "tidegate.routes.regexp.rule": "HostRegexp(`.+`)",
        "tidegate.routes.negated.rule": "!Host(`c.apps.test`)",
        "tidegate.routes.all.rule": "PathPrefix(`/`)",
      },
    });
    for (const host of ["a.apps.test", "x.y.apps.test", "one.test"]) {
      await answeredBy(program, host, "patterns");
    }
    await refused(program, "patterns", "evil.test");
    const outside = ["evil.test", "apps.test", "evilapps.test", "any.test", "mixed.test"];
    for (const host of [...outside, "either.test", "sub.one.test", "10.0.0.1"]) {
      assert.equal((await asked(port, host)).status, 404, host);
    }
    await remove("patterns");
  });

  await context.test("what the file routes is not to be had, however it is written", async () => {
    const routes = {
      "www.test": ofFile,
      "*.wild.test": ofFile,
      "path.test/private": ofFile,
      "xn--bcher-kva.test": ofFile,
    };
    await using program = await start(engine, {}, routes);
    const port = program.port();
    await web.run({
      name: "thief",
      labels: {
        "tidegate.routes.plain.host": "www.test",
        "tidegate.routes.path.host": "WWW.TEST",
        "tidegate.routes.path.path": "/api",
        "tidegate.routes.method.rule": "Host(`www.test`) && Method(`GET`)",
        "tidegate.routes.method.priority": "1000000",
        "tidegate.routes.wild.host": "*.wild.test",
        "tidegate.routes.beside.host": "path.test",
        "tidegate.routes.unicode.host": "bücher.test",
        "tidegate.routes.own.host": "thief.test",
      },
    });
    await answeredBy(program, "thief.test", "thief");
    await refused(program, "thief", "www.test");
    for (const [host, path] of [
      ["www.test", "/"],
      ["www.test", "/api/"],
      ["a.wild.test", "/"],
      ["path.test", "/private"],
      ["xn--bcher-kva.test", "/"],
    ] as const) {
      assert.deepEqual(await asked(port, host, path), { status: 200, body: "the file" }, host);
    }
    // The whole host is the file's, not only the path that it uses.
    assert.equal((await asked(port, "path.test", "/")).status, 404);
    // A route that comes into the file takes its host at once.
    await program.writeConfig({
      listeners: { web: "127.0.0.1:0" },
      providers: { docker: { endpoint: engine.endpoint } },
      routes: { "thief.test": ofFile },
    });
    await eventually("the file to have the host", async () =>
      (await asked(port, "thief.test")).body === "the file" ? true : undefined,
    );
    await remove("thief");
  });

  await context.test(
    "a claim on everything and any priority take nothing from others",
    async () => {
      await using program = await start(engine);
      const port = program.port();
      await web.run({ name: "victim", project: "victim", labels: { "tidegate.host": "v.test" } });
      await answeredBy(program, "v.test", "victim");
      const rules = [
        "PathPrefix(`/`)",
        "HostRegexp(`.+`)",
        "Host(`greedy.test`) || PathPrefix(`/`)",
        "!Host(`greedy.test`)",
        "Method(`GET`)",
        "Header(`Host`, `v.test`)",
      ];
      const greedy = rules.map((rule, at) => [
        [`tidegate.routes.r${at}.rule`, rule],
        [`tidegate.routes.r${at}.priority`, "2147483647"],
      ]);
      await web.run({
        name: "greedy",
        project: "greedy",
        labels: {
          ...Object.fromEntries(greedy.flat()),
          "tidegate.routes.star.host": "*",
          "tidegate.routes.star.priority": "999999999",
          "tidegate.routes.wild.host": "*.test",
          "tidegate.routes.wild.priority": "999999999",
          "tidegate.routes.own.host": "greedy.test",
        },
      });
      await answeredBy(program, "greedy.test", "greedy");
      await found(program, "greedy");
      for (const path of ["/", "/api/", "/deep/er/"]) {
        assert.deepEqual(await asked(port, "v.test", path), { status: 200, body: "victim" });
        assert.deepEqual(await asked(port, "file.test", path), { status: 200, body: "the file" });
      }
      await remove("victim", "greedy");
    },
  );
});
