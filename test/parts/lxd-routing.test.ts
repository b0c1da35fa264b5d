import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { type LxdDaemon, lxdNeeds, startLxd } from "../harness/lxd-daemon.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { needs } from "../harness/needs.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needsRoot() || needs(...lxdNeeds);

describe("instances of LXD are routed", { skip, timeout: 240_000 }, () => {
  let lxd: LxdDaemon;
  let program: Tidegate;
  before(async () => {
    lxd = await startLxd();
    program = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        providers: {
          lxd: { socket: lxd.socket, mayStart: true, defaultHost: "{name}.any.test" },
        },
      },
    });
  });
  after(async () => {
    await program?.[Symbol.asyncDispose]();
    await lxd?.[Symbol.asyncDispose]();
  });

  const statusOf = async (name: string) => {
    const { status } = await ask(program.port(), { name, path: "/cgi-bin/name" });
    return status;
  };
  const becomes = async (name: string, status: number, ms = 20_000) => {
    // A request that was under way to an instance as it ended waits for its time limit.
    const isSo = async () => (await statusOf(name).catch(() => 0)) === status || undefined;
    await eventually(`${name} to answer ${status}`, isSo, ms);
  };
  const set = (name: string, ...words: string[]) => lxd.lxc(["config", "set", name, ...words]);

  test("by its keys or by the default host, from the moment it listens", async () => {
    await lxd.launch("web", ["-c", "user.tidegate.host=web.test"]);
    await lxd.launch("plain");
    await becomes("web.test", 200);
    await becomes("plain.any.test", 200);
    const { body } = await ask(program.port(), { name: "web.test", path: "/cgi-bin/name" });
    assert.equal(body, "web\n");
    assert.equal(await statusOf("web.any.test"), 404);
  });

  test("other keys are other routes, without a restart", async () => {
    await set("web", "user.tidegate.host", "other.test");
    await becomes("other.test", 200);
    assert.equal(await statusOf("web.test"), 404);
    await set("web", "user.tidegate.host", "web.test");
    await becomes("web.test", 200);
  });

  test("stopped it is a page that says so, started it is there again", async () => {
    await lxd.lxc(["stop", "-f", "web"]);
    await becomes("web.test", 503);
    const { body } = await ask(program.port(), { name: "web.test" });
    assert.match(body, /BACKEND_STOPPED|stopped/);
    await lxd.lxc(["start", "web"]);
    await becomes("web.test", 200);
  });

  test("a killed daemon takes no route away", async () => {
    await lxd.kill();
    await program.waitForLog(/cannot ask LXD/);
    assert.equal(await statusOf("web.test"), 200);
    await lxd.startAgain();
    await lxd.launch("late", ["-c", "user.tidegate.host=late.test"]);
    await becomes("late.test", 200, 20_000);
    assert.equal(await statusOf("web.test"), 200);
  });

  test("a project of somebody else does not take a host, and is told", async () => {
    const own = ["-c", "features.profiles=false", "-c", "features.images=false"];
    await lxd.lxc(["project", "create", "shop", ...own]);
    const claim = ["-c", "user.tidegate.host=web.test"];
    await lxd.launch("thief", ["--project", "shop", ...claim]);
    await program.waitForLog(/web\.test/);
    const { body } = await ask(program.port(), { name: "web.test", path: "/cgi-bin/name" });
    assert.equal(body, "web\n");
    const words = ["discover", "--control", program.control];
    const shown = await runCommand(tidegate, words);
    assert.match(shown.stdout, /thief/);
    assert.match(shown.stdout, /web\.test/);
    await lxd.lxc(["delete", "-f", "--project", "shop", "thief"]);
  });

  test("it is started when a request comes", async () => {
    await set("late", "user.tidegate.onDemand.wait", "hold");
    await lxd.lxc(["stop", "-f", "late"]);
    // Started by the very first request that finds nobody, which waits for it.
    await eventually("that it is stopped", async () => {
      const { stdout } = await lxd.lxc(["list", "late", "-c", "s", "-f", "csv"]);
      return stdout.trim() === "STOPPED" || undefined;
    });
    await becomes("late.test", 200, 30_000);
  });
});
