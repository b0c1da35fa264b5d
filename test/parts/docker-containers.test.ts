// What the provider sees of containers of a real Docker Engine, as they come, go, move and get well. Traffic
// is elsewhere; here it is who is said to be where, and how soon.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type DockerEngine,
  dockerEngineNeeds,
  startDockerEngine,
} from "../harness/docker-engine.ts";
import { dockerSettings, watchDocker } from "../harness/docker-watch.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { webContainers, webImageNeeds } from "../harness/web-image.ts";
import type { Workload } from "../../src/providers/workload.ts";

const skip = needsRoot() || needs(...dockerEngineNeeds, ...webImageNeeds);

const isRunning = ({ state }: Workload) => state === "running";
const isStopped = ({ state }: Workload) => state === "stopped";
const ipsOf = ({ addresses }: Workload) => addresses.map(({ ip }) => ip);
const networksOf = ({ addresses }: Workload) => addresses.map(({ network }) => network);

/** Removes all containers when the test ends, so that the next one begins with none. */
function emptied({ docker }: DockerEngine): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      const { stdout } = await docker(["ps", "--all", "--quiet"]);
      const ids = stdout.split("\n").filter((id) => id !== "");
      if (ids.length > 0) await docker(["rm", "--force", ...ids]);
    },
  };
}

test("containers of a Docker Engine", { skip, timeout: 240_000 }, async (context) => {
  await using engine = await startDockerEngine();
  const { docker } = engine;
  const web = await webContainers(engine);
  const settings = dockerSettings(engine.endpoint);

  await context.test("one is there when it was started, and gone when it was removed", async () => {
    await using _ = emptied(engine);
    await using watch = watchDocker(settings);
    await watch.untilAll("the first listing", ({ lists }) => lists.length > 0);
    await web.run({
      name: "web1",
      project: "shop",
      role: "front",
      env: { VIRTUAL_HOST: "a.test" },
      labels: { "tidegate.host": "b.test" },
      args: ["--hostname", "web1", "--domainname", "example.test", "--publish", "127.0.0.1::80"],
    });
    const web1 = await watch.until("web1", isRunning, 2000);
    const port = Number((await docker(["port", "web1", "80/tcp"])).stdout.trim().split(":").at(-1));
    assert.equal(web1.platform, "docker");
    assert.deepEqual([web1.project, web1.role], ["shop", "front"]);
    assert.equal(web1.hostName, "web1.example.test");
    assert.equal(web1.env["VIRTUAL_HOST"], "a.test");
    assert.equal(web1.labels["tidegate.host"], "b.test");
    assert.ok(Math.abs(web1.createdAt - Date.now()) < 60_000, String(web1.createdAt));
    assert.deepEqual(networksOf(web1), ["bridge"]);
    assert.deepEqual(web1.exposed, [{ port: 80, protocol: "tcp" }]);
    const published = { port: 80, protocol: "tcp", hostIp: "127.0.0.1", hostPort: port };
    assert.deepEqual(web1.published, [published]);
    assert.equal(web1.trouble, undefined);
    await docker(["rm", "--force", "web1"]);
    await watch.untilAll("web1 to be gone", ({ now }) => !now().has("web1"), 2000);
  });

  await context.test(
    "stopped, it keeps its place, its name and the ports it will publish",
    async () => {
      await using _ = emptied(engine);
      await using watch = watchDocker(settings);
      await web.run({ name: "web2", args: ["--publish", "127.0.0.1::80"] });
      const before = await watch.until("web2", isRunning);
      assert.equal(before.hostName, "", "Docker made its host name up");
      await docker(["kill", "web2"]);
      const stopped = await watch.until("web2", isStopped, 2000);
      assert.deepEqual(stopped.addresses, []);
      assert.equal(stopped.trouble, undefined);
      assert.deepEqual(
        stopped.published.map(({ port, hostIp }) => [port, hostIp]),
        [[80, "127.0.0.1"]],
      );
      await docker(["start", "web2"]);
      await watch.until("web2", (each) => isRunning(each) && each.addresses.length > 0, 2000);
    },
  );

  await context.test("it is stopping from the first signal on, not only at the end", async () => {
    await using _ = emptied(engine);
    await using watch = watchDocker(settings);
    // A first process without a handler does not notice SIGTERM.
    await web.run({ name: "slow-end" });
    await watch.until("slow-end", isRunning);
    const beganAt = performance.now();
    const ended = docker(["stop", "--time", "3", "slow-end"]);
    await watch.until("slow-end", ({ state }) => state === "stopping", 2000);
    assert.ok(performance.now() - beganAt < 2000);
    await watch.until("slow-end", isStopped, 8000);
    await ended;
    await docker(["start", "slow-end"]);
    await watch.until("slow-end", isRunning, 2000);
    // Sent to have it read its configuration, not to end it.
    await docker(["kill", "--signal", "HUP", "slow-end"]);
    await docker(["rename", "slow-end", "still-there"]);
    await watch.until("still-there", isRunning, 2000);
  });

  await context.test("its own stop signal is one, too", async () => {
    await using _ = emptied(engine);
    await using watch = watchDocker(settings);
    await web.run({ name: "graceful", args: ["--stop-signal", "SIGQUIT"] });
    await watch.until("graceful", isRunning);
    const ended = docker(["stop", "--time", "2", "graceful"]);
    await watch.until("graceful", ({ state }) => state === "stopping", 1500);
    await ended;
    await watch.until("graceful", isStopped);
  });

  await context.test(
    "renamed, restarted and moved to another address, it is followed",
    async () => {
      await using _ = emptied(engine);
      await using watch = watchDocker(settings);
      await web.run({ name: "old-name" });
      const before = await watch.until("old-name", isRunning);
      await docker(["rename", "old-name", "new-name"]);
      const renamed = await watch.until("new-name", isRunning, 2000);
      assert.equal(renamed.id, before.id);
      assert.equal(watch.now().has("old-name"), false);
      // Another one takes the address while it is away.
      await docker(["kill", "new-name"]);
      await web.run({ name: "squatter" });
      await docker(["start", "new-name"]);
      const moved = await watch.until(
        "new-name",
        (each) => isRunning(each) && each.addresses.length > 0,
        2000,
      );
      assert.notDeepEqual(ipsOf(moved), ipsOf(before));
      assert.deepEqual(ipsOf(await watch.until("squatter", isRunning)), ipsOf(before));
      await docker(["restart", "--time", "0", "new-name"]);
      await watch.until("new-name", isRunning, 2000);
    },
  );

  await context.test("paused, it is paused", async () => {
    await using _ = emptied(engine);
    await using watch = watchDocker(settings);
    await web.run({ name: "pausing" });
    await watch.until("pausing", isRunning);
    await docker(["pause", "pausing"]);
    await watch.until("pausing", ({ state }) => state === "paused", 2000);
    await docker(["unpause", "pausing"]);
    await watch.until("pausing", isRunning, 2000);
  });

  await context.test("its health is known as soon as it changes", async () => {
    await using _ = emptied(engine);
    await using watch = watchDocker(settings);
    await web.run({
      name: "checked",
      args: [
        ...["--health-cmd", "/bin/busybox test -e /tmp/well", "--health-interval", "300ms"],
        ...["--health-start-period", "1m", "--health-retries", "1"],
      ],
    });
    await watch.until("checked", ({ health }) => health === "starting");
    await docker(["exec", "checked", "/bin/busybox", "touch", "/tmp/well"]);
    await watch.until("checked", ({ health }) => health === "healthy", 4000);
    await docker(["exec", "checked", "/bin/busybox", "rm", "/tmp/well"]);
    await watch.until("checked", ({ health }) => health === "unhealthy", 4000);
    // Each probe is three events, which are not asked for.
    const before = watch.lists.length;
    await docker(["exec", "checked", "/bin/busybox", "sleep", "1.5"]);
    assert.ok(watch.lists.length - before < 3, `${watch.lists.length - before} listings`);
  });

  await context.test("it has the addresses of networks that we share, the best first", async () => {
    await using _ = emptied(engine);
    const networks = ["zeta", "alpha", "mid", "six"];
    for (const each of networks) {
      const words = each === "six" ? ["--ipv6", "--subnet", "fd00:29:ee::/64"] : [];
      await docker(["network", "create", ...words, each]);
    }
    await using watch = watchDocker(settings);
    await web.run({ name: "many" });
    await watch.until("many", isRunning);
    for (const each of networks) await docker(["network", "connect", each, "many"]);
    // In each of them, and in one of them twice over: IPv4 before IPv6.
    const expected = ["alpha", "mid", "six", "six", "zeta", "bridge"];
    const many = await watch.until("many", ({ addresses }) => addresses.length === 6, 4000);
    assert.deepEqual(networksOf(many), expected);
    assert.equal(ipsOf(many)[3]?.startsWith("fd00:29:ee:"), true);
    await docker(["network", "disconnect", "alpha", "many"]);
    const fewer = await watch.until("many", ({ addresses }) => addresses.length === 5, 2000);
    assert.deepEqual(networksOf(fewer), expected.slice(1));
    await using chosen = watchDocker({ ...settings, network: "zeta" });
    const first = await chosen.until("many", isRunning);
    assert.equal(first.addresses[0]?.network, "zeta");
  });

  await context.test(
    "without a network, or with another's, it is where it can be reached",
    async () => {
      await using _ = emptied(engine);
      await using watch = watchDocker(settings);
      await web.run({ name: "owner", args: ["--hostname", "owner.example.test"] });
      await web.run({ name: "guest", port: 81, args: ["--network", "container:owner"] });
      await web.run({ name: "nowhere", args: ["--network", "none"] });
      // A port that no other program on this machine has.
      await web.run({
        name: "on-host",
        env: { LISTEN: "127.0.0.1:0" },
        args: ["--network", "host"],
      });
      const owner = await watch.until("owner", isRunning);
      const guest = await watch.until("guest", isRunning);
      assert.deepEqual(guest.addresses, owner.addresses);
      assert.equal(guest.hostName, "owner.example.test");
      const nowhere = await watch.until("nowhere", isRunning);
      assert.deepEqual(nowhere.addresses, []);
      assert.match(nowhere.trouble ?? "", /it is in no network/);
      const host = await watch.until("on-host", ({ addresses }) => addresses.length > 0);
      assert.deepEqual(host.addresses, [{ ip: "127.0.0.1", network: "host" }]);
      assert.equal(host.hostName, "", "the name of the machine is not its own");
      await docker(["rm", "--force", "owner"]);
      const orphan = ({ trouble }: Workload) => trouble?.includes("which is not there") === true;
      assert.deepEqual((await watch.until("guest", orphan, 2000)).addresses, []);
    },
  );

  await context.test("what is only one command of compose is shown, and not routed", async () => {
    await using _ = emptied(engine);
    await using watch = watchDocker(settings);
    const labels = { "com.docker.compose.oneoff": "True" };
    await web.run({ name: "job", project: "shop", role: "front", labels });
    await web.run({ name: "front", project: "shop", role: "front" });
    await watch.until("front", isRunning);
    assert.equal(watch.now().has("job"), false);
    const finding = watch.findings().find(({ name }) => name === "job");
    assert.match(finding?.notes[0]?.message ?? "", /docker compose run/);
  });

  await context.test("whoever did not change is the very same object", async () => {
    await using _ = emptied(engine);
    await using watch = watchDocker(settings);
    await web.run({ name: "steady" });
    const before = await watch.until("steady", isRunning);
    await web.run({ name: "other" });
    await watch.until("other", isRunning);
    assert.equal(watch.now().get("steady"), before);
  });
});
