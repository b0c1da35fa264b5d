import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { type LibvirtDaemon, libvirtNeeds, startLibvirt } from "../harness/libvirt-daemon.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { needs } from "../harness/needs.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needsRoot() || needs(...libvirtNeeds);

describe("domains of libvirt are routed", { skip, timeout: 240_000 }, () => {
  let libvirt: LibvirtDaemon;
  let program: Tidegate;
  before(async () => {
    libvirt = await startLibvirt();
    program = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        providers: { libvirt: { uris: [libvirt.uri, "test:///default"], mayStart: true } },
      },
    });
  });
  after(async () => {
    await program?.[Symbol.asyncDispose]();
    await libvirt?.[Symbol.asyncDispose]();
  });

  const statusOf = async (name: string) => {
    const { status } = await ask(program.port(), { name, path: "/cgi-bin/name" });
    return status;
  };
  const becomes = async (name: string, status: number, ms = 20_000) => {
    // A request that was under way to a domain as it ended waits for its time limit.
    const isSo = async () => (await statusOf(name).catch(() => 0)) === status || undefined;
    await eventually(`${name} to answer ${status}`, isSo, ms);
  };

  test("by metadata, by the description, and by a name with a dot", async () => {
    const metadata = `<t:app xmlns:t="https://tidegate.dev/libvirt" host="meta.test"/>`;
    await libvirt.launch("meta", { metadata });
    await libvirt.launch("desc", { description: "tidegate.host=desc.test" });
    await libvirt.launch("name.test");
    await becomes("meta.test", 200);
    await becomes("desc.test", 200);
    await becomes("name.test", 200);
    const { body } = await ask(program.port(), { name: "desc.test", path: "/cgi-bin/name" });
    assert.equal(body, "desc\n");
  });

  test("stopped it is a page that says so, started it is there again", async () => {
    await libvirt.virsh(["destroy", "desc"]);
    await becomes("desc.test", 503);
    await libvirt.virsh(["start", "desc"]);
    await becomes("desc.test", 200);
  });

  test("a killed daemon takes no route away", async () => {
    await libvirt.kill();
    await program.waitForLog(/cannot ask libvirt/);
    await becomes("meta.test", 200);
    const shown = await runCommand(tidegate, ["discover", "--control", program.control]);
    assert.match(shown.stdout, /its domains stay as they were/);
    await libvirt.startAgain();
    await libvirt.launch("late", { description: "tidegate.host=late.test" });
    await becomes("late.test", 200, 20_000);
  });

  test("it is started when a request comes", async () => {
    const description = "tidegate.host=sleepy.test\ntidegate.onDemand.wait=hold";
    await libvirt.launch("sleepy", { description });
    await becomes("sleepy.test", 200);
    await libvirt.virsh(["destroy", "sleepy"]);
    await eventually("that it is stopped", async () => {
      const { stdout } = await libvirt.virsh(["domstate", "sleepy"], { mayFail: true });
      return stdout.trim() === "shut off" || undefined;
    });
    await becomes("sleepy.test", 200, 30_000);
  });
});
