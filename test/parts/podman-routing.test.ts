// The real program in front of containers of a real Podman service, under traffic.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answeredBy, asked, discoveryOf, found } from "../harness/discovered.ts";
import {
  askedOnAndOn,
  burst,
  hostLabel as host,
  ipOf,
  listens,
  providerIs,
  startBefore,
  status,
} from "../harness/docker-traffic.ts";
import { eventually } from "../harness/barrier.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { podmanNeeds, startPodman } from "../harness/podman-service.ts";
import { webContainers, webImageNeeds } from "../harness/web-image.ts";

const skip = needsRoot() || needs(...podmanNeeds, ...webImageNeeds, "curl");

test("containers of Podman behind the program", { skip, timeout: 240_000 }, async (context) => {
  await using podman = await startPodman();
  const { docker } = podman;
  const web = await webContainers(podman);
  await using program = await startBefore("podman", podman, { mayStart: true });
  const port = program.port();

  await context.test("a new one is routed within a second of its listening", async () => {
    await web.run({ name: "shop", labels: host("shop.test") });
    await listens(await ipOf(podman, "shop"));
    const listeningSince = performance.now();
    await answeredBy(program, "shop.test", "shop");
    const took = performance.now() - listeningSince;
    context.diagnostic(`answered ${Math.round(took)} ms after it listened`);
    assert.ok(took < 3000, `${took} ms`);
  });

  await context.test("stopped, killed, renamed, paused and moved, it is followed", async () => {
    for (const words of [["stop", "--time", "0"], ["kill"]]) {
      await docker([...words, "shop"]);
      const endedAt = performance.now();
      // A request before that is sent to an address where nobody is any more, and takes a while.
      await found(program, "shop", ({ state }) => state === "stopped");
      const took = Math.round(performance.now() - endedAt);
      context.diagnostic(`known to be stopped ${took} ms after \`podman ${words[0]}\` was done`);
      assert.match(await status(program, "shop.test", 503), /stopped/i);
      await docker(["start", "shop"]);
      await answeredBy(program, "shop.test", "shop");
    }
    await docker(["rename", "shop", "store"]);
    await found(program, "store", ({ became }) => became.length === 1);
    await answeredBy(program, "shop.test", "shop");
    await docker(["pause", "store"]);
    // Before that, a request would be taken, and not answered.
    await found(program, "store", ({ state }) => state === "paused");
    await status(program, "shop.test", 503);
    await docker(["unpause", "store"]);
    await answeredBy(program, "shop.test", "shop");
    const before = await ipOf(podman, "store");
    await docker(["network", "create", "other"]);
    await docker(["network", "connect", "other", "store"]);
    await docker(["network", "disconnect", "podman", "store"]);
    assert.notEqual(await ipOf(podman, "store"), before);
    await answeredBy(program, "shop.test", "shop");
    await docker(["rm", "--force", "--time", "0", "store"]);
    await status(program, "shop.test", 404);
  });

  await context.test("replicas share the requests, and one that ends costs none", async () => {
    for (const name of ["front-1", "front-2"]) {
      await web.run({ name, project: "app", role: "front", labels: host("app.test") });
    }
    await answeredBy(program, "app.test", "front-1");
    await answeredBy(program, "app.test", "front-2");
    const load = askedOnAndOn(port, "app.test");
    await docker(["stop", "--time", "1", "front-1"]);
    await docker(["start", "front-1"]);
    await answeredBy(program, "app.test", "front-1");
    await load.stop();
  });

  await context.test("the service may die: nobody notices, and then all is known", async () => {
    const load = askedOnAndOn(port, "app.test");
    await podman.kill();
    await providerIs(program, "failing");
    const { providers } = await discoveryOf(program);
    assert.match(providers[0]?.trouble ?? "", /^cannot ask Podman at \/|ended its stream/);
    // Podman needs no service for this, and nobody is told.
    await web.run({ name: "unheard", labels: host("unheard.test") });
    await answeredBy(program, "app.test", "front-2");
    await podman.startAgain();
    await answeredBy(program, "unheard.test", "unheard");
    await providerIs(program, "ok");
    await load.stop();
  });

  await context.test("a request starts one that was stopped", async () => {
    const labels = { ...host("sleepy.test"), "tidegate.onDemand.wait": "hold" };
    await web.run({ name: "sleepy", labels });
    await answeredBy(program, "sleepy.test", "sleepy");
    await docker(["kill", "sleepy"]);
    await found(program, "sleepy", ({ state }) => state === "stopped");
    assert.deepEqual(await asked(port, "sleepy.test"), { status: 200, body: "sleepy" });
  });

  await context.test("nobody asks for it any more, so it is stopped", async () => {
    const labels = { ...host("idle.test"), "tidegate.onDemand.idleStop": "1s" };
    await web.run({ name: "idle", labels, args: ["--stop-signal", "KILL"] });
    await answeredBy(program, "idle.test", "idle");
    const format = ["--format", "{{.State.Status}}"];
    const isStopped = async () => {
      const { stdout } = await docker(["inspect", ...format, "idle"]);
      return stdout.trim() === "exited" || undefined;
    };
    await eventually("it to be stopped", isStopped, 20_000);
  });

  await context.test("thirty at once are all routed", async () => {
    const { waits, took, rebuilds, text } = await burst(podman, web, { program, count: 30 });
    context.diagnostic(text);
    assert.equal(waits.length, 30);
    assert.ok((waits.at(-1) ?? Infinity) < 3000, text);
    assert.ok(rebuilds <= took / 100 + 1, text);
  });
});
