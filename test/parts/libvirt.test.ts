import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { createLogger } from "../../src/lib/log.ts";
import { LibvirtSource } from "../../src/providers/libvirt/libvirt-source.ts";
import { Virsh } from "../../src/providers/libvirt/virsh.ts";
import type { Workload } from "../../src/providers/workload.ts";
import { eventually } from "../harness/barrier.ts";
import { follow, type Followed } from "../harness/followed.ts";
import { type LibvirtDaemon, libvirtNeeds, startLibvirt } from "../harness/libvirt-daemon.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { needs } from "../harness/needs.ts";
import { tempFolder } from "../harness/temp-folder.ts";

const log = createLogger({ level: "silent", pretty: false });
const skip = needsRoot() || needs(...libvirtNeeds);

type List = readonly Workload[];

const named = (list: List, name: string) => list.find((each) => each.name === name);
const isReady = (list: List, name: string) => {
  const found = named(list, name);
  return found?.state === "running" && found.addresses.length > 0;
};

describe("libvirt as a source", { skip, timeout: 240_000 }, () => {
  let libvirt: LibvirtDaemon;
  before(async () => {
    libvirt = await startLibvirt();
  });
  after(() => libvirt?.[Symbol.asyncDispose]());

  const listen = (...further: string[]): Followed<List> => {
    const source = new LibvirtSource({ name: "libvirt", uris: [libvirt.uri, ...further] }, log);
    return follow((signal) => source.workloads(signal));
  };

  test("a domain is found with its address and labels, and followed through its life", async () => {
    await using seen = listen();
    await libvirt.launch("web", {
      metadata: `<tidegate:app xmlns:tidegate="https://tidegate.dev/libvirt" host="web.test"/>`,
    });
    const first = named(await seen.until("web", (list) => isReady(list, "web")), "web");
    assert.ok(first !== undefined);
    assert.deepEqual(first.labels, { "tidegate.host": "web.test" });
    assert.equal(first.platform, "libvirt");
    assert.equal(first.addresses[0]?.network, "tidegate");
    const answer = async () =>
      fetch(`http://${first.addresses[0]?.ip}/cgi-bin/name`).catch(() => undefined);
    const page = await eventually("its web server", answer);
    assert.equal(await page.text(), "web\n", "we get there");

    await libvirt.virsh(["suspend", "web"]);
    await seen.until("it is paused", (list) => named(list, "web")?.state === "paused");
    await libvirt.virsh(["resume", "web"]);
    await seen.until("it runs", (list) => isReady(list, "web"));
    await libvirt.virsh(["destroy", "web"]);
    const stopped = await seen.until("its end", (list) => named(list, "web")?.state === "stopped");
    assert.deepEqual(named(stopped, "web")?.addresses, [], "its lease is still there");
    await libvirt.virsh(["start", "web"]);
    await seen.until("it runs again", (list) => isReady(list, "web"));
    await libvirt.virsh(["destroy", "web"]);
    await libvirt.virsh(["undefine", "web"]);
    await seen.until("that it is gone", (list) => named(list, "web") === undefined);
  });

  test("labels may stand in the description, and be changed while it runs", async () => {
    await using seen = listen();
    await libvirt.launch("words", { description: "A shop\ntidegate.host=shop.test" });
    const ready = await seen.until("words", (list) => isReady(list, "words"));
    assert.deepEqual(named(ready, "words")?.labels, { "tidegate.host": "shop.test" });
    const text = ["tidegate.host=store.test", "tidegate.port=8080"].join("\n");
    await libvirt.virsh(["desc", "words", "--config", "--live", text]);
    const later = await seen.until(
      "the other labels",
      (list) => named(list, "words")?.labels["tidegate.port"] === "8080",
    );
    assert.equal(named(later, "words")?.labels["tidegate.host"], "store.test");
    const xml = `<app host="meta.test" port="9090"/>`;
    const words = ["--live", "--config", "--key", "tidegate", "--set", xml];
    await libvirt.virsh(["metadata", "words", "https://tidegate.dev/libvirt", ...words]);
    const last = await seen.until(
      "those of its metadata",
      (list) => named(list, "words")?.labels["tidegate.port"] === "9090",
    );
    assert.equal(named(last, "words")?.labels["tidegate.host"], "meta.test");
    await libvirt.virsh(["destroy", "words"]);
    await libvirt.virsh(["undefine", "words"]);
  });

  test("ten that start at once are all found", async () => {
    await using seen = listen();
    const names = Array.from({ length: 10 }, (_, index) => `many${index}`);
    await Promise.all(names.map((name) => libvirt.launch(name)));
    await seen.until("all", (list) => names.every((name) => isReady(list, name)), 30_000);
    const remove = async (name: string) => {
      await libvirt.virsh(["destroy", name]);
      await libvirt.virsh(["undefine", name]);
    };
    await Promise.all(names.map(remove));
    await seen.until("their end", (list) => names.every((name) => named(list, name) === undefined));
  });

  test("names and descriptions that look like commands do nothing", async () => {
    await using seen = listen();
    const name = "a; destroy --all; echo 'b\\";
    await libvirt.launch(name.replaceAll("/", ""), { description: "x &#10;; list &amp; `id`" });
    const list = await seen.until("it", (all) => isReady(all, name));
    assert.equal(list.length, 1);
    await libvirt.virsh(["destroy", "--domain", named(list, name)?.id ?? ""]);
    await libvirt.virsh(["undefine", "--domain", named(list, name)?.id ?? ""]);
  });

  test("a daemon that is killed ends the source with a sentence, and all is there afterwards", async () => {
    await libvirt.launch("stays");
    await using seen = listen();
    await seen.until("stays", (list) => isReady(list, "stays"));
    await libvirt.kill();
    assert.match(String(await seen.ended), /cannot ask libvirt at .*: .+/);
    await libvirt.startAgain();
    await using again = listen();
    await again.until("stays", (list) => isReady(list, "stays"));
  });

  test("one URI that cannot be asked does not hide the others, whose domains stay", async () => {
    const source = new LibvirtSource({ name: "v", uris: ["test:///default", libvirt.uri] }, log);
    await using seen = follow((signal) => source.workloads(signal));
    await seen.until("both", (list) => isReady(list, "stays") && named(list, "test") !== undefined);
    assert.deepEqual(source.findings(), []);
    await libvirt.kill();
    await eventually("that it is told", () => source.findings()[0], 10_000);
    const [trouble] = source.findings();
    assert.equal(trouble?.state, "failing");
    assert.match(trouble.notes[0]?.message ?? "", /cannot ask libvirt at .*; its domains stay/);
    assert.ok(isReady(seen.words.at(-1) ?? [], "stays"));
    await libvirt.startAgain();
    await eventually("that it is well", () => source.findings().length === 0 || undefined, 15_000);
  });

  test("it starts and stops domains, and says why it cannot", async () => {
    const source = new LibvirtSource({ name: "v", uris: [libvirt.uri] }, log);
    await using seen = follow((signal) => source.workloads(signal));
    const ready = await seen.until("stays", (list) => isReady(list, "stays"));
    const workload = named(ready, "stays");
    assert.ok(workload !== undefined);
    await assert.rejects(source.power(workload, "start"), /already/);
    await libvirt.virsh(["destroy", "stays"]);
    await seen.until("its end", (list) => named(list, "stays")?.state === "stopped");
    await source.power(workload, "start");
    await seen.until("it runs again", (list) => isReady(list, "stays"));
  });
});

test(
  "the driver that libvirt has for tests is listed without any daemon",
  { skip: needs("virsh") },
  async () => {
    const source = new LibvirtSource({ name: "v", uris: ["test:///default"] }, log);
    await using seen = follow((signal) => source.workloads(signal));
    const list = await seen.until("its domain", (all) => all.length === 1);
    assert.equal(list[0]?.name, "test");
    assert.equal(list[0]?.state, "running");
    // It says an address that is on none of our networks.
    assert.deepEqual(list[0]?.addresses, []);
    assert.match(list[0]?.trouble ?? "", /no address/);
  },
);

test("a batch tells answers apart, whatever is in them", { skip: needs("virsh") }, async () => {
  const virsh = new Virsh("test:///default");
  const signal = AbortSignal.timeout(10_000);
  const commands = [
    "list --all --name",
    "dumpxml nobody",
    "domifaddr test --full",
    "domstate test",
  ];
  const [names, none, addresses, state] = await virsh.batch(commands, signal);
  assert.equal(names, "test");
  assert.equal(none, "");
  assert.match(addresses ?? "", /aa:bb:cc:dd:ee:ff\s+ipv4\s+192\.168\.122\.3\/24/);
  assert.equal(state, "running");
  await assert.rejects(
    new Virsh("nosuch:///").batch(["list"], signal),
    /cannot ask libvirt at nosuch/,
  );
});

test("without virsh it is said what to install", async () => {
  await using folder = await tempFolder();
  const path = process.env["PATH"];
  process.env["PATH"] = folder.path;
  try {
    const virsh = new Virsh("test:///default");
    await assert.rejects(virsh.batch(["list"], AbortSignal.timeout(10_000)), /libvirt-clients/);
    // Whoever stands in its place, and says nothing or too much, is not waited for.
    const script = "#!/bin/sh\nexec /bin/sleep 1000\n";
    await writeFile(folder.file("next"), script, { mode: 0o755 });
    await rename(folder.file("next"), folder.file("virsh"));
    const asked = virsh.command("list", new AbortController().signal, { timeout: 200 });
    await assert.rejects(asked, /no answer within 0.2 s/);
    const ending = new AbortController();
    const watched = virsh.events(() => {}, ending.signal);
    ending.abort();
    await watched;
  } finally {
    process.env["PATH"] = path;
  }
});
