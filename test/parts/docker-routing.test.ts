// The real program in front of containers of a real Docker Engine: what clients notice, and what they do not,
// while containers come, go and move, and while the daemon dies.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
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

function start({ endpoint }: DockerEngine, docker: Record<string, unknown> = {}, rest = {}) {
  return startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      providers: { docker: { endpoint, ...docker } },
      ...rest,
    },
  });
}

const host = (name: string) => ({ "tidegate.host": name });

async function ipOf({ docker }: DockerEngine, name: string): Promise<string> {
  const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
  return (await docker(["inspect", "--format", format, name])).stdout.trim();
}

/** Once somebody accepts there, without the program's help. */
async function listens(ip: string): Promise<void> {
  await eventually(`${ip} to listen`, async () => {
    const socket = connect(80, ip);
    try {
      await once(socket, "connect");
      return true;
    } catch {
      return undefined; // not yet
    } finally {
      socket.destroy();
    }
  });
}

/** Statuses of requests, one after the other, until `stop`. */
function askedOnAndOn(port: number, name: string) {
  const statuses = new Map<number, number>();
  const over = new AbortController();
  const run = async () => {
    while (!over.signal.aborted) {
      const { status } = await asked(port, name);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      await pause(10);
    }
  };
  const running = run();
  return {
    async stop(): Promise<ReadonlyMap<number, number>> {
      over.abort();
      await running;
      return statuses;
    },
  };
}

async function status(program: Tidegate, name: string, wanted: number): Promise<string> {
  let last: unknown;
  return eventually(
    `${name} to answer ${wanted}`,
    async () => {
      const answer = await asked(program.port(), name);
      last = answer;
      return answer.status === wanted ? answer.body : undefined;
    },
    10_000,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}; last: ${JSON.stringify(last)}`, { cause: error });
  });
}

test("containers behind the program", { skip, timeout: 300_000 }, async (context) => {
  await using engine = await startDockerEngine({ liveRestore: true });
  const { docker } = engine;
  const web = await webContainers(engine);
  await using program = await start(engine);
  const port = program.port();

  await context.test("a new one is routed within a second of its listening", async () => {
    for (const name of ["fresh1", "fresh2", "fresh3"]) {
      await web.run({ name, labels: host(`${name}.test`) });
      await listens(await ipOf(engine, name));
      const listeningSince = performance.now();
      await answeredBy(program, `${name}.test`, name);
      const took = performance.now() - listeningSince;
      assert.ok(took < 1000, `${took} ms`);
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
    assert.ok(performance.now() - beganAt < 1500);
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
    assert.deepEqual([...(await load.stop()).keys()], [200]);
  });

  await context.test(
    "the daemon may die: nobody notices, and afterwards all is known",
    async () => {
      const load = askedOnAndOn(port, "app.test");
      await engine.kill();
      await eventually("the program to miss it", async () => {
        const { providers } = await discoveryOf(program);
        return providers[0]?.state === "failing" ? true : undefined;
      });
      await answeredBy(program, "shop.test", "shop");
      await engine.startAgain();
      await eventually("the program to ask it again", async () => {
        const { providers } = await discoveryOf(program);
        return providers[0]?.state === "ok" ? true : undefined;
      });
      await web.run({ name: "later", labels: host("later.test") });
      await answeredBy(program, "later.test", "later");
      await answeredBy(program, "shop.test", "shop");
      assert.deepEqual([...(await load.stop()).keys()], [200]);
    },
  );

  await context.test("a program that starts while the daemon is away gets along", async () => {
    await engine.kill();
    await using second = await start(engine);
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
  await using program = await start(engine, { mayStart: true });
  const port = program.port();
  const isStopped = async (name: string) =>
    (await docker(["inspect", "--format", "{{.State.Status}}", name])).stdout.trim() === "exited";

  await context.test("a request starts it and waits for its answer", async () => {
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
    await eventually(
      "it to be stopped",
      async () => (await isStopped("idle")) || undefined,
      20_000,
    );
  });

  await context.test("who did not ask for that stays stopped", async () => {
    await web.run({ name: "plain", labels: host("plain.test") });
    await answeredBy(program, "plain.test", "plain");
    await docker(["kill", "plain"]);
    await status(program, "plain.test", 503);
    assert.equal(await isStopped("plain"), true);
  });
});

test("a burst of containers is routed, all of it", { skip, timeout: 180_000 }, async () => {
  await using engine = await startDockerEngine();
  const web = await webContainers(engine);
  await using program = await start(engine);
  const names = Array.from({ length: 40 }, (_, at) => `burst-${at}`);
  const waiting = names.values();
  const startSome = async () => {
    for (const name of waiting)
      await web.run({ name, project: name, labels: host(`${name}.test`) });
  };
  await Promise.all(Array.from({ length: 4 }, startSome));
  for (const name of names) await answeredBy(program, `${name}.test`, name);
});
