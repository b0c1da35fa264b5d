// Podman's service, where it differs from Docker's engine: other events, no health in the list, pods, and a
// service that may come and go while containers run.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dockerSettings, watchDocker } from "../harness/docker-watch.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { podmanNeeds, startPodman } from "../harness/podman-service.ts";
import { webContainers, webImageNeeds } from "../harness/web-image.ts";
import type { Workload } from "../../src/providers/workload.ts";

const skip = needsRoot() || needs(...podmanNeeds, ...webImageNeeds, "curl");

const isRunning = ({ state }: Workload) => state === "running";
const isStopped = ({ state }: Workload) => state === "stopped";
const networksOf = ({ addresses }: Workload) => addresses.map(({ network }) => network);

test("containers of Podman", { skip, timeout: 180_000 }, async (context) => {
  await using podman = await startPodman();
  const { docker } = podman;
  const web = await webContainers(podman);
  const settings = dockerSettings(podman.endpoint, { kind: "podman", name: "podman" });
  await using watch = watchDocker(settings);
  await watch.untilAll("the first listing", ({ lists }) => lists.length > 0);

  await context.test("started, stopped, killed, renamed and removed, one is followed", async () => {
    await web.run({
      name: "web1",
      env: { VIRTUAL_HOST: "a.test" },
      labels: { "io.podman.compose.project": "shop", "io.podman.compose.service": "front" },
      args: ["--hostname", "web1.example.test", "--publish", "127.0.0.1::80"],
    });
    const web1 = await watch.until("web1", isRunning, 2000);
    assert.equal(web1.platform, "podman");
    assert.deepEqual([web1.project, web1.role], ["shop", "front"]);
    assert.equal(web1.hostName, "web1.example.test");
    assert.equal(web1.env["VIRTUAL_HOST"], "a.test");
    assert.deepEqual(networksOf(web1), ["podman"]);
    assert.deepEqual(web1.exposed, [{ port: 80, protocol: "tcp" }]);
    assert.deepEqual([web1.published[0]?.hostIp, web1.published.length], ["127.0.0.1", 1]);
    assert.equal(web1.health, "none");
    await docker(["stop", "--time", "0", "web1"]);
    await watch.until("web1", isStopped, 2000);
    await docker(["start", "web1"]);
    await watch.until("web1", (each) => isRunning(each) && each.addresses.length > 0, 2000);
    await docker(["kill", "web1"]);
    const killed = await watch.until("web1", isStopped, 2000);
    assert.equal(killed.published.length, 1);
    await docker(["start", "web1"]);
    await docker(["rename", "web1", "web2"]);
    await watch.until("web2", isRunning, 2000);
    await docker(["rm", "--force", "--time", "0", "web2"]);
    await watch.untilAll("web2 to be gone", ({ now }) => !now().has("web2"), 2000);
  });

  await context.test("joining and leaving networks, it is followed", async () => {
    await web.run({ name: "many" });
    assert.equal((await watch.until("many", isRunning)).hostName, "", "Podman made it up");
    for (const each of ["zeta", "alpha"]) {
      await docker(["network", "create", each]);
      await docker(["network", "connect", each, "many"]);
    }
    const many = await watch.until("many", ({ addresses }) => addresses.length === 3, 4000);
    assert.deepEqual(networksOf(many), ["alpha", "zeta", "podman"]);
    await docker(["network", "disconnect", "alpha", "many"]);
    const fewer = await watch.until("many", ({ addresses }) => addresses.length === 2, 2000);
    assert.deepEqual(networksOf(fewer), ["zeta", "podman"]);
    await docker(["rm", "--force", "--time", "0", "many"]);
  });

  await context.test("its health is known as soon as somebody has looked", async () => {
    const check = ["--health-cmd", "/bin/busybox test -e /tmp/well"];
    await web.run({ name: "checked", args: [...check, "--health-retries", "1"] });
    await watch.until("checked", ({ health }) => health === "starting");
    // Timers of systemd do this where there is one.
    await docker(["exec", "checked", "/bin/busybox", "touch", "/tmp/well"]);
    await docker(["healthcheck", "run", "checked"]);
    await watch.until("checked", ({ health }) => health === "healthy", 4000);
    await docker(["exec", "checked", "/bin/busybox", "rm", "/tmp/well"]);
    await docker(["healthcheck", "run", "checked"], { mayFail: true });
    await watch.until("checked", ({ health }) => health === "unhealthy", 4000);
    await docker(["rm", "--force", "--time", "0", "checked"]);
  });

  await context.test(
    "without a network, or with the machine's, it is where it can be",
    async () => {
      await web.run({ name: "nowhere", args: ["--network", "none"] });
      await web.run({
        name: "on-host",
        env: { LISTEN: "127.0.0.1:0" },
        args: ["--network", "host"],
      });
      const nowhere = await watch.until("nowhere", isRunning);
      assert.deepEqual(nowhere.addresses, []);
      assert.match(nowhere.trouble ?? "", /it is in no network/);
      const host = await watch.until("on-host", ({ addresses }) => addresses.length > 0);
      assert.deepEqual(host.addresses, [{ ip: "127.0.0.1", network: "host" }]);
      assert.equal(host.hostName, "");
      await docker(["rm", "--force", "--time", "0", "nowhere", "on-host"]);
    },
  );

  await context.test(
    "members of a pod are where the pod is",
    { skip: needs("catatonit") },
    async () => {
      const words = [
        "--name",
        "pod1",
        "--hostname",
        "pod1.example.test",
        "--publish",
        "127.0.0.1::80",
      ];
      await docker(["pod", "create", ...words]);
      await web.run({ name: "member", args: ["--pod", "pod1"] });
      const member = await watch.until("member", ({ addresses }) => addresses.length > 0);
      assert.equal(member.hostName, "pod1.example.test");
      assert.equal(member.published[0]?.port, 80);
      assert.deepEqual([...watch.now().keys()], ["member"], "what holds the pod is not shown");
      await docker(["pod", "rm", "--force", "--time", "0", "pod1"]);
    },
  );

  await context.test("the service may die and come back, containers stay", async () => {
    await web.run({ name: "steady" });
    await watch.until("steady", isRunning);
    const before = watch.lists.length;
    await podman.kill();
    await watch.untilAll("the trouble", ({ troubles }) => troubles.at(-1) !== undefined, 2000);
    assert.ok(watch.now().has("steady"));
    // Nobody is told of this.
    await docker(["kill", "steady"]);
    await podman.startAgain();
    await watch.until("steady", isStopped);
    const since = watch.lists.slice(before);
    assert.ok(since.every((list) => list.some(({ name }) => name === "steady")));
    await docker(["start", "steady"]);
    await watch.until("steady", isRunning, 2000);
  });
});
