// The real program in front of containers of a real Docker Engine: what clients notice, and what they do not,
// while containers come, go and move, and while the daemon dies.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { answeredBy, asked, discoveryOf, found } from "../harness/discovered.ts";
import { dockerEngineNeeds, startDockerEngine } from "../harness/docker-engine.ts";
import { questionsOnly, relayTo } from "../harness/docker-relay.ts";
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
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { webContainers, webImageNeeds } from "../harness/web-image.ts";

const skip = needsRoot() || needs(...dockerEngineNeeds, ...webImageNeeds);

test("containers behind the program", { skip, timeout: 300_000 }, async (context) => {
  await using engine = await startDockerEngine({ liveRestore: true });
  const { docker } = engine;
  const web = await webContainers(engine);
  await using program = await startBefore("docker", engine);
  const port = program.port();

  await context.test("a new one is routed within a second of its listening", async () => {
    for (const name of ["fresh1", "fresh2", "fresh3"]) {
      await web.run({ name, labels: host(`${name}.test`) });
      await listens(await ipOf(engine, name));
      const listeningSince = performance.now();
      await answeredBy(program, `${name}.test`, name);
      const took = performance.now() - listeningSince;
      context.diagnostic(`answered ${Math.round(took)} ms after it listened`);
      assert.ok(took < 3000, `${took} ms`);
    }
    await docker(["rm", "--force", "fresh1", "fresh2", "fresh3"]);
    await status(program, "fresh1.test", 404);
  });

  await context.test("stopped, its route says so; started, it serves again", async () => {
    await web.run({ name: "shop", labels: host("shop.test") });
    await answeredBy(program, "shop.test", "shop");
    await docker(["kill", "shop"]);
    const page = await status(program, "shop.test", 503);
    assert.match(page, /stopped/i);
    await docker(["start", "shop"]);
    await answeredBy(program, "shop.test", "shop");
  });

  await context.test("it is left alone from the moment that it is asked to end", async () => {
    // It does not notice the signal, and would serve for three seconds more.
    const ended = docker(["stop", "--time", "3", "shop"]);
    const beganAt = performance.now();
    await status(program, "shop.test", 503);
    const took = performance.now() - beganAt;
    assert.ok(took < 2500, `${took} ms: not before it had ended`);
    await ended;
    await docker(["start", "shop"]);
    await answeredBy(program, "shop.test", "shop");
  });

  await context.test("renamed, paused and moved, it is found", async () => {
    await docker(["rename", "shop", "store"]);
    await found(program, "store", ({ became }) => became.length === 1);
    await answeredBy(program, "shop.test", "shop");
    await docker(["pause", "store"]);
    // Before that, a request would be taken, and not answered.
    await found(program, "store", ({ state }) => state === "paused");
    await status(program, "shop.test", 503);
    await docker(["unpause", "store"]);
    await answeredBy(program, "shop.test", "shop");
    const before = await ipOf(engine, "store");
    await docker(["kill", "store"]);
    await web.run({ name: "squatter" });
    await docker(["start", "store"]);
    assert.notEqual(await ipOf(engine, "store"), before);
    await answeredBy(program, "shop.test", "shop");
    await docker(["rm", "--force", "squatter"]);
  });

  await context.test("it is not asked before its own check has passed", async () => {
    const check = ["--health-cmd", "/bin/busybox test -e /tmp/well", "--health-retries", "1"];
    const args = [...check, "--health-interval", "300ms", "--health-start-period", "1m"];
    await web.run({ name: "checked", labels: host("checked.test"), args });
    await listens(await ipOf(engine, "checked"));
    await status(program, "checked.test", 503);
    await docker(["exec", "checked", "/bin/busybox", "touch", "/tmp/well"]);
    await answeredBy(program, "checked.test", "checked");
    await docker(["exec", "checked", "/bin/busybox", "rm", "/tmp/well"]);
    await status(program, "checked.test", 503);
    await docker(["rm", "--force", "checked"]);
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

  await context.test(
    "the daemon may die: nobody notices, and afterwards all is known",
    async () => {
      const load = askedOnAndOn(port, "app.test");
      await engine.kill();
      await providerIs(program, "failing");
      await answeredBy(program, "shop.test", "shop");
      await engine.startAgain();
      await providerIs(program, "ok");
      await web.run({ name: "later", labels: host("later.test") });
      await answeredBy(program, "later.test", "later");
      await answeredBy(program, "shop.test", "shop");
      await load.stop();
    },
  );

  await context.test("the daemon may hang: nobody notices, and then all is known", async () => {
    const load = askedOnAndOn(port, "shop.test");
    engine.signal("SIGSTOP");
    await pause(500);
    await answeredBy(program, "app.test", "front-1");
    engine.signal("SIGCONT");
    await docker(["kill", "later"]);
    await status(program, "later.test", 503);
    await load.stop();
  });

  await context.test("its stream of events may break off, again and again", async () => {
    await using relay = await relayTo(engine.endpoint);
    await using other = await startBefore("docker", relay);
    await answeredBy(other, "shop.test", "shop");
    const load = askedOnAndOn(other.port(), "shop.test");
    for (const name of ["cut1", "cut2", "cut3"]) {
      relay.cut();
      await web.run({ name, labels: host(`${name}.test`) });
      await answeredBy(other, `${name}.test`, name);
    }
    await load.stop();
    assert.ok(relay.cuts() >= 3, `${relay.cuts()} connections were cut`);
    await docker(["rm", "--force", "cut1", "cut2", "cut3"]);
  });

  await context.test("the right to ask questions is enough", async () => {
    await using gate = await questionsOnly(engine.endpoint);
    await using other = await startBefore("docker", gate);
    // By its own address: no port of it is published.
    await answeredBy(other, "shop.test", "shop");
    await web.run({ name: "asked", labels: host("asked.test") });
    await answeredBy(other, "asked.test", "asked");
    await docker(["kill", "asked"]);
    await status(other, "asked.test", 503);
    assert.deepEqual(gate.refused, []);
    await docker(["rm", "asked"]);
  });

  await context.test("a program that starts while the daemon is away gets along", async () => {
    await engine.kill();
    await using second = await startBefore("docker", engine);
    await status(second, "shop.test", 404);
    const trouble = await eventually("the trouble", async () => {
      const { providers } = await discoveryOf(second);
      return providers[0]?.trouble ?? undefined;
    });
    assert.match(trouble, /^cannot ask Docker at \//);
    await engine.startAgain();
    await answeredBy(second, "shop.test", "shop");
  });
});

test("containers that are started by requests", { skip, timeout: 120_000 }, async (context) => {
  await using engine = await startDockerEngine();
  const { docker } = engine;
  const web = await webContainers(engine);
  await using program = await startBefore("docker", engine, { mayStart: true });
  const port = program.port();
  const isStopped = async (name: string) =>
    (await docker(["inspect", "--format", "{{.State.Status}}", name])).stdout.trim() === "exited";

  await context.test("a request starts it and waits for its answer", async () => {
    const labels = { ...host("sleepy.test"), "tidegate.onDemand.wait": "hold" };
    await web.run({ name: "sleepy", labels });
    await answeredBy(program, "sleepy.test", "sleepy");
    await docker(["kill", "sleepy"]);
    await found(program, "sleepy", ({ state }) => state === "stopped");
    const askedAt = performance.now();
    assert.deepEqual(await asked(port, "sleepy.test"), { status: 200, body: "sleepy" });
    context.diagnostic(`started and answered in ${Math.round(performance.now() - askedAt)} ms`);
  });

  await context.test("nobody asks for it any more, so it is stopped", async () => {
    const labels = { ...host("idle.test"), "tidegate.onDemand.idleStop": "1s" };
    await web.run({ name: "idle", labels, args: ["--stop-signal", "KILL"] });
    await answeredBy(program, "idle.test", "idle");
    await eventually(
      "it to be stopped",
      async () => (await isStopped("idle")) || undefined,
      20_000,
    );
    // And started once more when somebody asks; a browser sees meanwhile what is going on.
    const page = await ask(port, { name: "idle.test", headers: { Accept: "text/html" } });
    assert.equal(page.status, 503);
    assert.match(page.body, /start/i);
    await answeredBy(program, "idle.test", "idle");
  });

  await context.test("who did not ask for that stays stopped", async () => {
    await web.run({ name: "plain", labels: host("plain.test") });
    await answeredBy(program, "plain.test", "plain");
    await docker(["kill", "plain"]);
    await status(program, "plain.test", 503);
    assert.equal(await isStopped("plain"), true);
  });
});

test("a hundred containers at once are all routed", { skip, timeout: 240_000 }, async (context) => {
  await using engine = await startDockerEngine();
  const web = await webContainers(engine);
  await using program = await startBefore("docker", engine);
  const { waits, took, rebuilds, text } = await burst(engine, web, { program, count: 100 });
  context.diagnostic(text);
  assert.equal(waits.length, 100);
  assert.ok((waits.at(-1) ?? Infinity) < 3000, text);
  // One in 100 ms at most.
  assert.ok(rebuilds <= took / 100 + 1, text);
});
