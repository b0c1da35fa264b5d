import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, afterEach, before, describe, test } from "node:test";
import { createLogger } from "../../src/lib/log.ts";
import { IncusSource, type IncusSourceSettings } from "../../src/providers/incus/incus-source.ts";
import type { Workload } from "../../src/providers/workload.ts";
import { eventually } from "../harness/barrier.ts";
import { follow, type Followed } from "../harness/followed.ts";
import { type LxdDaemon, lxdNeeds, startLxd } from "../harness/lxd-daemon.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { needs } from "../harness/needs.ts";
import { tempFolder } from "../harness/temp-folder.ts";

const log = createLogger({ level: "silent", pretty: false });
const skip = needsRoot() || needs(...lxdNeeds);

type List = readonly Workload[];

const named = (list: List, name: string) => list.find((each) => each.name === name);
const isReady = (list: List, name: string) =>
  (named(list, name)?.addresses.some(({ ip }) => ip.startsWith("172.28.")) ?? false) &&
  named(list, name)?.state === "running";

describe("LXD as a source", { skip, timeout: 240_000 }, () => {
  let lxd: LxdDaemon;
  afterEach(async () => {
    const { stdout } = await lxd.lxc(["list", "--all-projects", "-c", "en", "-f", "csv"]);
    for (const line of stdout.split("\n").filter((each) => each !== "")) {
      const [project = "", name = ""] = line.split(",");
      await lxd.lxc(["delete", "-f", "--project", project, name], { mayFail: true });
    }
  });
  before(async () => {
    lxd = await startLxd();
  });
  after(() => lxd?.[Symbol.asyncDispose]());

  const listen = (settings: Partial<IncusSourceSettings> = {}): Followed<List> => {
    const all = { name: "lxd", kind: "lxd", projects: undefined, socket: lxd.socket } as const;
    const source = new IncusSource({ ...all, ...settings }, log);
    return follow((signal) => source.workloads(signal));
  };

  test("an instance is found with its address and labels, and followed through its life", async () => {
    await using seen = listen();
    await lxd.launch("web", ["-c", "user.tidegate.host=web.test", "-c", "user.other=1"]);
    const first = named(await seen.until("web", (list) => isReady(list, "web")), "web");
    assert.ok(first !== undefined);
    assert.deepEqual(first.labels, { "tidegate.host": "web.test" });
    assert.equal(first.platform, "lxd");
    assert.equal(first.project, undefined);
    assert.equal(first.addresses[0]?.network, lxd.bridge);
    assert.ok(!first.addresses[0]?.ip.includes(":"), "IPv4 first");
    assert.ok(Math.abs(first.createdAt - Date.now()) < 60_000);
    const page = await fetch(`http://${first.addresses[0]?.ip}/cgi-bin/name`);
    assert.equal(await page.text(), "web\n", "we get there");

    await lxd.lxc(["pause", "web"]);
    await seen.until("it is paused", (list) => named(list, "web")?.state === "paused");
    await lxd.lxc(["start", "web"]);
    await seen.until("it runs", (list) => isReady(list, "web"));
    await lxd.lxc(["restart", "-f", "web"]);
    await seen.until("it runs again", (list) => isReady(list, "web"));
    await lxd.lxc(["config", "set", "web", "user.tidegate.port=8080"]);
    await seen.until(
      "its new label",
      (list) => named(list, "web")?.labels["tidegate.port"] === "8080",
    );
    await lxd.lxc(["stop", "-f", "web"]);
    const stopped = await seen.until("its end", (list) => named(list, "web")?.state === "stopped");
    assert.deepEqual(named(stopped, "web")?.addresses, []);
    await lxd.lxc(["rename", "web", "shop"]);
    const renamed = await seen.until("its name", (list) => named(list, "shop") !== undefined);
    assert.equal(named(renamed, "shop")?.id, first.id);
    assert.equal(named(renamed, "web"), undefined);
    await lxd.lxc(["delete", "shop"]);
    await seen.until("that it is gone", (list) => named(list, "shop") === undefined);
  });

  test("an instance that ends by itself, and one with another address, are seen", async () => {
    await using seen = listen();
    await lxd.launch("own");
    await seen.until("own", (list) => isReady(list, "own"));
    await lxd.lxc(["exec", "own", "--", "poweroff", "-f"], { mayFail: true });
    await seen.until("its end", (list) => named(list, "own")?.state === "stopped");
    const address = `${await networkOf(lxd)}77`;
    const words = ["config", "device", "override", "own", "eth0", `ipv4.address=${address}`];
    // The daemon is busy with the end for a moment.
    const isDone = async () => (await lxd.lxc(words, { mayFail: true })).code === 0 || undefined;
    await eventually("the new address to be taken", isDone, 20_000);
    await lxd.lxc(["start", "own"]);
    await seen.until(address, (list) => named(list, "own")?.addresses[0]?.ip === address);
    await lxd.lxc(["delete", "-f", "own"]);
  });

  test("what did not change is the same object, so nothing is done again for it", async () => {
    await using seen = listen();
    await lxd.launch("same");
    // Its IPv6 address comes by itself some moments after the other.
    const hasBoth = (list: List) => named(list, "same")?.addresses.length === 2;
    await seen.until("both addresses", hasBoth, 60_000);
    const before = named(seen.words.at(-1) ?? [], "same");
    await lxd.launch("other");
    const later = await seen.until("other", (list) => isReady(list, "other"));
    assert.equal(named(later, "same"), before);
    await lxd.lxc(["delete", "-f", "same", "other"]);
  });

  test("projects are all listened to, or those that are named", async () => {
    await using all = listen();
    await using some = listen({ projects: ["shop", "nowhere"] });
    await lxd.lxc([
      ...["project", "create", "shop"],
      ...["-c", "features.profiles=false", "-c", "features.images=false"],
    ]);
    await lxd.launch("a");
    await lxd.launch("b", ["--project", "shop"]);
    const both = await all.until("both", (list) => isReady(list, "a") && isReady(list, "b"));
    assert.equal(named(both, "b")?.project, "shop");
    const one = await some.until("b", (list) => isReady(list, "b"));
    assert.deepEqual(
      one.map(({ name }) => name),
      ["b"],
    );
    await lxd.lxc(["delete", "-f", "a"]);
    await lxd.lxc(["delete", "-f", "b", "--project", "shop"]);
    await some.until("b to be gone", (list) => list.length === 0);
    await lxd.lxc(["project", "delete", "shop"]);
  });

  test("twenty that start at once are all found, in few listings", async () => {
    await using seen = listen();
    const names = Array.from({ length: 20 }, (_, index) => `many${index}`);
    await seen.until("a first word", () => true);
    await Promise.all(names.map((name) => lxd.launch(name)));
    await seen.until("all of them", (list) => names.every((name) => isReady(list, name)), 60_000);
    assert.ok(seen.words.length < 200, `${seen.words.length} listings`);
    await lxd.lxc(["delete", "-f", ...names]);
    await seen.until("that they are gone", (list) => list.length === 0, 30_000);
  });

  test("a daemon that is killed ends the source with a sentence, and all is there afterwards", async () => {
    await lxd.launch("stays");
    await using seen = listen();
    await seen.until("stays", (list) => isReady(list, "stays"));
    await lxd.kill();
    assert.match(String(await seen.ended), /cannot ask LXD at .*unix.socket: /);
    await using refused = listen();
    assert.match(String(await refused.ended), /nobody listens there; start the daemon/);
    await lxd.startAgain();
    await using again = listen();
    await again.until("stays", (list) => isReady(list, "stays"));
    await lxd.lxc(["delete", "-f", "stays"]);
  });

  test("it starts and stops instances, and says why it cannot", async () => {
    await lxd.launch("sleepy");
    const settings = { name: "lxd", kind: "lxd", projects: undefined, socket: lxd.socket } as const;
    const source = new IncusSource(settings, log);
    await using seen = follow((signal) => source.workloads(signal));
    const ready = await seen.until("it runs", (list) => isReady(list, "sleepy"));
    const workload = named(ready, "sleepy");
    assert.ok(workload !== undefined);
    // It does not listen to being asked, as many small containers, and is not asked for ever.
    await source.power(workload, "stop");
    await seen.until("its end", (list) => named(list, "sleepy")?.state === "stopped");
    await source.power(workload, "start");
    await seen.until("it runs again", (list) => isReady(list, "sleepy"));
    await lxd.lxc(["delete", "-f", "sleepy"]);
    await assert.rejects(source.power(workload, "start"), /cannot ask LXD at .*not found/i);
  });

  test("one whose init does not listen is stopped all the same, after a while", async () => {
    await lxd.launch("deaf", ["-c", "raw.lxc=lxc.signal.halt = SIGCONT"]);
    const settings = { name: "lxd", kind: "lxd", projects: undefined, socket: lxd.socket } as const;
    const source = new IncusSource(settings, log);
    await using seen = follow((signal) => source.workloads(signal));
    const ready = await seen.until("it runs", (list) => isReady(list, "deaf"));
    const workload = named(ready, "deaf");
    assert.ok(workload !== undefined);
    await source.power(workload, "stop");
    await seen.until("its end", (list) => named(list, "deaf")?.state === "stopped");
  });

  test("an address that an older instance has is not taken from it", async () => {
    await using seen = listen();
    await lxd.launch("victim");
    const ready = await seen.until("victim", (list) => isReady(list, "victim"));
    const ip = named(ready, "victim")?.addresses[0]?.ip ?? "";
    await lxd.launch("thief");
    await seen.until("thief", (list) => isReady(list, "thief"));
    const script = `ip addr flush dev eth0; ip addr add ${ip}/24 dev eth0; ip addr add 8.8.8.8/32 dev eth0`;
    await lxd.lxc(["exec", "thief", "--", "sh", "-c", script]);
    await lxd.lxc(["config", "set", "thief", "user.hint=1"]);
    const after = await seen.until(
      "that it is told",
      (list) => named(list, "thief")?.trouble?.includes("victim") ?? false,
    );
    assert.deepEqual(named(after, "thief")?.addresses, []);
    assert.equal(named(after, "victim")?.addresses[0]?.ip, ip);
    await lxd.lxc(["delete", "-f", "thief", "victim"]);
  });
});

async function networkOf(lxd: LxdDaemon): Promise<string> {
  const { stdout } = await lxd.lxc(["network", "get", lxd.bridge, "ipv4.address"]);
  return stdout.trim().replace(/\.1\/24$/, ".");
}

test("a socket that is not there is told of with what to do", async () => {
  await using folder = await tempFolder();
  const socket = folder.file("unix.socket");
  const source = new IncusSource({ name: "x", kind: "incus", socket, projects: undefined }, log);
  await using seen = follow((signal) => source.workloads(signal));
  assert.match(
    String(await seen.ended),
    /cannot ask Incus at .*: there is no such socket; is Incus/,
  );
});

test("whoever else listens on the socket does no harm", async (t) => {
  await using folder = await tempFolder();
  const answers: readonly (readonly [string, RegExp])[] = [
    ["rubbish", /no JSON/],
    ["[1]", /no JSON/],
    ['{"error":"go away"}', /go away/],
    ["x".repeat(70 * 1024 * 1024), /too long/],
  ];
  for (const [index, [text, message]] of answers.entries()) {
    await t.test(text.slice(0, 20), async () => {
      const socket = folder.file(`${index}.socket`);
      const server = createServer((_, response) => {
        response.writeHead(text.includes("error") ? 403 : 200);
        response.end(text);
      });
      await once(server.listen(socket), "listening");
      try {
        const settings = { name: "x", kind: "lxd", socket, projects: undefined } as const;
        const source = new IncusSource(settings, log);
        await using seen = follow((signal) => source.workloads(signal));
        assert.match(String(await seen.ended), message);
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });
  }
});
