import assert from "node:assert/strict";
import { appendFile, readdir, rename, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { createLogger } from "../../src/lib/log.ts";
import { LxcSource } from "../../src/providers/lxc/lxc-source.ts";
import type { Workload } from "../../src/providers/workload.ts";
import { eventually } from "../harness/barrier.ts";
import { runCommand } from "../harness/command.ts";
import { follow, type Followed } from "../harness/followed.ts";
import { byDhcp, type LxcHost, lxcNeeds, startLxcHost } from "../harness/lxc-host.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { needs } from "../harness/needs.ts";

const log = createLogger({ level: "silent", pretty: false });
const skip = needsRoot() || needs(...lxcNeeds);

type List = readonly Workload[];

const named = (list: List, name: string) => list.find((each) => each.name === name);
const isReady = (list: List, name: string) =>
  named(list, name)?.state === "running" && (named(list, name)?.addresses.length ?? 0) > 0;
const firstOf = (list: List, name: string) => named(list, name)?.addresses[0]?.ip;

/** What a user may wait for. */
const second = 1000;

describe("LXC as a source", { skip, timeout: 240_000 }, () => {
  let host: LxcHost;
  before(async () => {
    host = await startLxcHost();
  });
  after(() => host?.[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const name of await readdir(host.path)) {
      await host.kill(name).catch(() => undefined); // it does not run
      await host.remove(name);
    }
  });

  const listen = (...paths: readonly string[]): Followed<List> => {
    const source = new LxcSource({ name: "lxc", paths: [host.path, ...paths] }, log);
    return follow((signal) => source.workloads(signal));
  };
  const fixed = (last: number) => [
    `lxc.net.0.ipv4.address = ${host.v4}${last}/24`,
    `lxc.net.0.ipv6.address = ${host.v6}${last}/64`,
  ];

  test("a container is found with address, name and labels, and followed through its life", async () => {
    await host.make("web", [
      ...fixed(11),
      "lxc.uts.name = shop.example.test",
      "# tidegate.host = web.test",
    ]);
    await using seen = listen();
    const first = named(await seen.until("web", (list) => named(list, "web") !== undefined), "web");
    assert.equal(first?.state, "stopped");
    assert.deepEqual(first?.addresses, []);
    await host.start("web");
    const running = named(
      await seen.until("it runs", (list) => isReady(list, "web"), second),
      "web",
    );
    assert.deepEqual(running?.addresses[0], { ip: `${host.v4}11`, network: host.bridge });
    assert.equal(running?.hostName, "shop.example.test");
    assert.deepEqual(running?.labels, { "tidegate.host": "web.test" });
    assert.ok(Math.abs((running?.createdAt ?? 0) - Date.now()) < 60_000);
    const page = await fetch(`http://${host.v4}11/`);
    assert.equal(await page.text(), "shop.example.test\n", "we get there");

    await host.lxc("freeze", "web");
    await seen.until("it is paused", (list) => named(list, "web")?.state === "paused", second);
    await host.lxc("unfreeze", "web");
    await seen.until("it goes on", (list) => isReady(list, "web"), second);
    await host.kill("web");
    const stopped = await seen.until(
      "its end",
      (list) => named(list, "web")?.state === "stopped",
      second,
    );
    assert.deepEqual(named(stopped, "web")?.addresses, []);
    await host.start("web");
    await seen.until("it runs again", (list) => isReady(list, "web"), second);
    await host.lxc("stop", "web", ["-t", "10"]);
    await seen.until("its orderly end", (list) => named(list, "web")?.state === "stopped", second);
    await rename(join(host.path, "web"), join(host.path, "shop"));
    const renamed = await seen.until(
      "its name",
      (list) => named(list, "shop") !== undefined,
      second,
    );
    assert.equal(named(renamed, "web"), undefined);
    await host.remove("shop");
    await seen.until("that it is gone", (list) => named(list, "shop") === undefined, second);
  });

  test("an address by DHCP is found when it is there, and another one after a restart", async () => {
    await host.make("dyn", [byDhcp, "lxc.net.0.hwaddr = 00:16:3e:00:00:01"]);
    await using seen = listen();
    await seen.until("dyn", (list) => named(list, "dyn") !== undefined);
    await host.start("dyn");
    await seen.until(
      "that it is about to have one",
      (list) => named(list, "dyn")?.state === "starting",
    );
    const first = await seen.until("its address", (list) => isReady(list, "dyn"), 15_000);
    assert.match(firstOf(first, "dyn") ?? "", new RegExp(`^${host.v4}1[0-5][0-9]$`));
    await host.kill("dyn");
    await writeFile(
      join(host.path, "dyn/config"),
      host.configOf("dyn", [byDhcp, "lxc.net.0.hwaddr = 00:16:3e:00:00:02"]),
    );
    await host.start("dyn");
    const before = firstOf(first, "dyn");
    await seen.until(
      "another address",
      (list) => isReady(list, "dyn") && firstOf(list, "dyn") !== before,
      15_000,
    );
  });

  test("the address that a container has counts, not the configured one", async () => {
    await host.make("moved", fixed(21));
    await host.start("moved");
    await using seen = listen();
    await seen.until("its address", (list) => firstOf(list, "moved") === `${host.v4}21`);
    const change = (words: string) =>
      host.lxc("attach", "moved", ["--", "/bin/ip", ...words.split(" ")]);
    await change(`address del ${host.v4}21/24 dev eth0`);
    await change(`address add ${host.v4}22/24 dev eth0`);
    await host.lxc("freeze", "moved");
    await host.lxc("unfreeze", "moved");
    await seen.until("its other address", (list) => firstOf(list, "moved") === `${host.v4}22`);
  });

  test("a reboot tears nothing down", async () => {
    await host.make("again", fixed(31));
    await host.start("again");
    await using seen = listen();
    await seen.until("it runs", (list) => isReady(list, "again"));
    const pidOf = async () => (await host.lxc("info", "again", ["-pH"])).stdout.trim();
    const before = await pidOf();
    const count = seen.words.length;
    await host.lxc("attach", "again", ["--", "/bin/reboot", "-f"]);
    await eventually("another first process", async () => {
      const now = await pidOf().catch(() => ""); // it has none at the moment
      return (now !== "" && now !== before) || undefined;
    });
    await host.lxc("freeze", "again");
    await seen.until("a later event", (list) => named(list, "again")?.state === "paused");
    await host.lxc("unfreeze", "again");
    const during = seen.words.slice(count).map((list) => named(list, "again"));
    assert.ok(during.length > 0);
    for (const each of during) {
      assert.ok(each?.state === "running" || each?.state === "paused", JSON.stringify(each));
      assert.equal(each?.addresses[0]?.ip, `${host.v4}31`);
    }
  });

  test("a changed configuration counts at once, a half-written one when it is whole", async () => {
    await host.make("app", fixed(41));
    await host.start("app");
    await using seen = listen();
    await seen.until("it runs", (list) => isReady(list, "app"));
    const file = join(host.path, "app/config");
    const hostOf = (list: List) => named(list, "app")?.labels["tidegate.host"];
    // As an editor saves: another file in its place.
    await writeFile(
      `${file}.new`,
      host.configOf("app", [...fixed(41), "# tidegate.host = a.test"]),
    );
    await rename(`${file}.new`, file);
    await seen.until("the label", (list) => hostOf(list) === "a.test", second);
    // As a shell writes: emptied, then filled in steps.
    const count = seen.words.length;
    await truncate(file);
    for (const line of host.configOf("app", fixed(41)).split("\n"))
      await appendFile(file, `${line}\n`);
    await appendFile(file, "# tidegate.host = b.test\n");
    await seen.until("the other label", (list) => hostOf(list) === "b.test", 2 * second);
    for (const list of seen.words.slice(count)) assert.ok(hostOf(list) !== undefined);
  });

  test("what a container of LXC 2 says is read, though LXC 5 does not start it", async () => {
    await host.make("plain");
    await writeFile(
      join(host.path, "plain/config"),
      "lxc.utsname = old.example.test\nlxc.network.type = veth\nlxc.network.ipv4 = 10.0.3.5/24\n# tidegate.port = 81\n",
    );
    const source = new LxcSource({ name: "lxc", paths: [host.path] }, log);
    await using seen = follow((signal) => source.workloads(signal));
    const list = await seen.until("it is there", (all) => named(all, "plain") !== undefined);
    assert.equal(named(list, "plain")?.hostName, "old.example.test");
    assert.deepEqual(named(list, "plain")?.labels, { "tidegate.port": "81" });
    const config = source.containers.get("plain")?.config;
    assert.deepEqual(config?.nics[0]?.ipv4, ["10.0.3.5"]);
    assert.equal(config?.notes[0]?.severity, "info");
  });

  test("many that start at once are all found", async () => {
    const names = Array.from({ length: 20 }, (_, at) => `burst${at}`);
    for (const [at, name] of names.entries()) await host.make(name, fixed(60 + at));
    await using seen = listen();
    await seen.until("all of them", (list) =>
      names.every((name) => named(list, name) !== undefined),
    );
    await Promise.all([host.start(...names.slice(0, 10)), host.start(...names.slice(10))]);
    await seen.until("all run", (list) => names.every((name) => isReady(list, name)), 3 * second);
    await Promise.all(names.map((name) => host.kill(name)));
    const isStopped = (list: List) => list.every(({ state }) => state === "stopped");
    await seen.until("all ended", isStopped, 3 * second);
  });

  test("a container without an address says why", async () => {
    await host.make("none", []);
    await host.make("shared", []);
    const shared = host.configOf("shared").replace("type = veth", "type = none");
    await writeFile(
      join(host.path, "shared/config"),
      shared.replaceAll(/^lxc\.net\.0\.(?!type).*\n/gm, ""),
    );
    await host.start("none", "shared");
    await using seen = listen();
    const list = await seen.until(
      "both",
      (all) =>
        named(all, "none")?.state === "starting" && named(all, "shared")?.state === "running",
    );
    assert.deepEqual(named(list, "shared")?.addresses, []);
    assert.match(named(list, "shared")?.trouble ?? "", /network of the machine itself/);
  });

  test("an address that another container has already is not taken over", async () => {
    await host.make("first", fixed(51));
    await host.start("first");
    await using seen = listen();
    await seen.until("its address", (list) => firstOf(list, "first") === `${host.v4}51`);
    await host.make("thief", [`lxc.net.0.ipv4.address = ${host.v4}51/24`]);
    await host.start("thief");
    const list = await seen.until(
      "the other runs",
      (all) => named(all, "thief")?.state === "running",
    );
    assert.equal(firstOf(list, "first"), `${host.v4}51`);
    assert.equal(firstOf(list, "thief"), undefined);
  });

  test("a folder that cannot be read is told of, and the others count", async () => {
    const other = host.beside("other");
    await host.make("here");
    const source = new LxcSource({ name: "lxc", paths: [host.path, `${other}/missing`] }, log);
    await using seen = follow((signal) => source.workloads(signal));
    await seen.until("here", (list) => named(list, "here") !== undefined);
    assert.deepEqual(
      source.findings().map(({ name, notes }) => [name, notes[0]?.message]),
      [[`${other}/missing`, "cannot be read: it is not there"]],
    );
    const nobody = new LxcSource({ name: "lxc", paths: [`${other}/missing`] }, log);
    await using failing = follow((signal) => nobody.workloads(signal));
    assert.match(
      String(await failing.ended),
      /cannot look for LXC containers in .*missing: it is not there/,
    );
  });

  test("two folders may have containers of one name", async () => {
    const other = host.beside("other");
    await host.make("twin", fixed(71));
    await host.start("twin");
    await runCommand("mkdir", ["-p", `${other}/twin`]);
    await writeFile(`${other}/twin/config`, "lxc.uts.name = other\n");
    await using seen = listen(other);
    const list = await seen.until(
      "both",
      (all) => all.length === 2 && all.some(({ addresses }) => addresses.length > 0),
    );
    assert.deepEqual(
      list.map(({ id, state }) => [id, state]).toSorted(),
      [
        [join(host.path, "twin"), "running"],
        [`${other}/twin`, "stopped"],
      ].toSorted(),
    );
  });

  test("it starts and stops containers", async () => {
    await host.make("lazy", fixed(81));
    const source = new LxcSource({ name: "lxc", paths: [host.path] }, log);
    await using seen = follow((signal) => source.workloads(signal));
    const list = await seen.until("lazy", (all) => named(all, "lazy") !== undefined);
    const lazy = named(list, "lazy");
    assert.ok(lazy !== undefined);
    await source.power(lazy, "start");
    await seen.until("it runs", (all) => isReady(all, "lazy"), second);
    await source.power(lazy, "start");
    await source.power(lazy, "stop");
    await seen.until("its end", (all) => named(all, "lazy")?.state === "stopped", second);
    await writeFile(join(host.path, "lazy/config"), "rubbish\n");
    await assert.rejects(
      source.power(lazy, "start"),
      /^Error: cannot start lazy of .*: lxc-start says: /,
    );
  });

  test("nothing of it is left when it ends", async () => {
    await host.make("quiet", fixed(91));
    const other = host.beside("other");
    const seen = listen(other);
    await seen.until("quiet", (list) => named(list, "quiet") !== undefined);
    await seen[Symbol.asyncDispose]();
    const { stdout } = await runCommand("ps", ["-eo", "args"]);
    const left = stdout.split("\n").filter((line) => line.startsWith("lxc-monitor "));
    assert.deepEqual(
      left.filter((line) => line.includes(host.path) || line.includes(other)),
      [],
    );
  });
});

test(
  "LXC whose path is too long for a socket's name is followed as well",
  { skip, timeout: 60_000 },
  async () => {
    await using host = await startLxcHost({ below: "x".repeat(90) });
    await host.make("far", [`lxc.net.0.ipv4.address = ${host.v4}11/24`]);
    const source = new LxcSource({ name: "lxc", paths: [host.path] }, log);
    await using seen = follow((signal) => source.workloads(signal));
    await seen.until("far", (list) => named(list, "far")?.state === "stopped");
    await host.start("far");
    await seen.until("it runs", (list) => isReady(list, "far"), 2 * second);
  },
);
