import assert from "node:assert/strict";
import {
  appendFile,
  chmod,
  chown,
  mkdir,
  readdir,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
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

/** A user who may nothing. */
const nobody = 65_534;

type List = readonly Workload[];

const named = (list: List, name: string) => list.find((each) => each.name === name);
const isReady = (list: List, name: string) =>
  named(list, name)?.state === "running" && (named(list, name)?.addresses.length ?? 0) > 0;
const nameAt = async (ip: string) => {
  const page = await fetch(`http://${ip}/`);
  return (await page.text()).trim();
};
const firstOf = (list: List, name: string) => named(list, name)?.addresses[0]?.ip;

/** A second is promised; a slow machine that does other things as well may need longer. The figure is printed. */
const soon = 3000;

/** Afterwards nothing that was heard before is still being looked at. */
const quiet = () => pause(500);

async function timed<T>(context: TestContext, what: string, work: Promise<T>): Promise<T> {
  const beganAt = performance.now();
  const result = await work;
  context.diagnostic(`${what}: ${Math.round(performance.now() - beganAt)} ms`);
  return result;
}

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

  test("a container is found with address, name and labels, and followed through its life", async (context) => {
    await host.make("web", [
      ...fixed(11),
      "lxc.uts.name = shop.example.test",
      "# tidegate.host = web.test",
    ]);
    await using seen = listen();
    const first = named(await seen.until("web", (list) => named(list, "web") !== undefined), "web");
    assert.equal(first?.state, "stopped");
    assert.deepEqual(first?.addresses, []);
    const is = (state: Workload["state"]) => (list: List) =>
      state === "running" ? isReady(list, "web") : named(list, "web")?.state === state;
    const soonSeen = (what: string, fits: (list: List) => boolean) =>
      timed(context, what, seen.until(what, fits, soon));
    await host.start("web");
    const running = named(await soonSeen("its start", is("running")), "web");
    assert.deepEqual(running?.addresses, [
      { ip: `${host.v4}11`, network: host.bridge },
      { ip: `${host.v6}11`, network: host.bridge },
    ]);
    assert.equal(running?.hostName, "shop.example.test");
    assert.deepEqual(running?.labels, { "tidegate.host": "web.test" });
    assert.ok(Math.abs((running?.createdAt ?? 0) - Date.now()) < 60_000);
    assert.equal(await nameAt(`${host.v4}11`), "shop.example.test", "we get there");
    assert.equal(await nameAt(`[${host.v6}11]`), "shop.example.test", "by IPv6 as well");

    await host.lxc("freeze", "web");
    await soonSeen("that it is paused", is("paused"));
    await host.lxc("unfreeze", "web");
    await soonSeen("that it goes on", is("running"));
    process.kill(await host.pidOf("web"), "SIGKILL");
    const stopped = await soonSeen("that it was killed", is("stopped"));
    assert.deepEqual(named(stopped, "web")?.addresses, []);
    await host.start("web");
    await soonSeen("that it runs again", is("running"));
    await host.lxc("stop", "web", ["-t", "10"]);
    await soonSeen("its orderly end", is("stopped"));
    await rename(join(host.path, "web"), join(host.path, "shop"));
    const renamed = await soonSeen("its other name", (list) => named(list, "shop") !== undefined);
    assert.equal(named(renamed, "web"), undefined);
    await host.remove("shop");
    await soonSeen("that it is gone", (list) => named(list, "shop") === undefined);
  });

  test("an address by DHCP is found when it is there, and another one after a restart", async (context) => {
    const askForAddress = async () => {
      const words = ["udhcpc", "-i", "eth0", "-s", "/etc/udhcpc.sh", "-q", "-n"];
      await host.lxc("attach", "dyn", ["--", "/bin/busybox", ...words]);
    };
    await host.make("dyn", ["lxc.net.0.hwaddr = 00:16:3e:00:00:01"]);
    await using seen = listen();
    await seen.until("dyn", (list) => named(list, "dyn") !== undefined);
    await host.start("dyn");
    const isAboutTo = (list: List) => named(list, "dyn")?.state === "starting";
    await seen.until("that it is about to have one", isAboutTo, soon);
    await askForAddress();
    const ready = (list: List) => isReady(list, "dyn");
    const first = await timed(context, "its address", seen.until("its address", ready, soon));
    assert.match(firstOf(first, "dyn") ?? "", new RegExp(`^${host.v4}1[0-5][0-9]$`));
    const lines = ["lxc.net.0.hwaddr = 00:16:3e:00:00:02"];
    await host.kill("dyn");
    await writeFile(join(host.path, "dyn/config"), host.configOf("dyn", lines));
    await host.start("dyn");
    await askForAddress();
    const isOther = (list: List) => ready(list) && firstOf(list, "dyn") !== firstOf(first, "dyn");
    await timed(context, "another", seen.until("another address", isOther, soon));
    const own = ["lxc.net.0.hwaddr = 00:16:3e:00:00:03", byDhcp];
    await host.make("alone", own);
    await host.start("alone");
    const isAlone = (list: List) => isReady(list, "alone");
    await timed(context, "one that asks by itself", seen.until("alone", isAlone, 15_000));
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

  test("an address that comes later than the first one is found as well", async (context) => {
    await host.make("web", [`lxc.net.0.ipv4.address = ${host.v4}25/24`]);
    await host.start("web");
    await using seen = listen();
    await seen.until("its first address", (list) => isReady(list, "web"));
    const words = ["ip", "address", "add", `${host.v6}25/64`, "dev", "eth0"];
    await host.lxc("attach", "web", ["--", "/bin/busybox", ...words]);
    const hasBoth = (list: List) => named(list, "web")?.addresses.at(-1)?.ip === `${host.v6}25`;
    await timed(context, "its second", seen.until("its second address", hasBoth, 2 * soon));
  });

  test("a reboot tears nothing down", async () => {
    await host.make("again", fixed(31));
    await host.start("again");
    await using seen = listen();
    await seen.until("it runs", (list) => isReady(list, "again"));
    const before = await host.pidOf("again");
    const count = seen.words.length;
    await host.lxc("attach", "again", ["--", "/bin/reboot", "-f"]);
    await eventually("another first process", async () => {
      const now = await host.pidOf("again").catch(() => before); // it has none at the moment
      return now !== before || undefined;
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

  test("a changed configuration counts at once, a half-written one when it is whole", async (context) => {
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
    const isA = (list: List) => hostOf(list) === "a.test";
    await timed(context, "its label", seen.until("the label", isA, soon));
    // As a shell writes: emptied, then filled in steps.
    const count = seen.words.length;
    await truncate(file);
    for (const line of host.configOf("app", fixed(41)).split("\n"))
      await appendFile(file, `${line}\n`);
    await appendFile(file, "# tidegate.host = b.test\n");
    await seen.until("the other label", (list) => hostOf(list) === "b.test", soon);
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

  test("many that start at once are all found, among two hundred", async (context) => {
    for (let at = 0; at < 180; at += 1) await host.make(`other${at}`);
    const names = Array.from({ length: 20 }, (_, at) => `burst${at}`);
    for (const [at, name] of names.entries()) await host.make(name, fixed(60 + at));
    await using seen = listen();
    await seen.until("all of them", (list) =>
      names.every((name) => named(list, name) !== undefined),
    );
    await Promise.all([host.start(...names.slice(0, 10)), host.start(...names.slice(10))]);
    const allRun = (list: List) => names.every((name) => isReady(list, name));
    await timed(context, "that all run", seen.until("all run", allRun, 3 * soon));
    await Promise.all(names.map((name) => host.kill(name)));
    const isStopped = (list: List) => list.every(({ state }) => state === "stopped");
    await timed(context, "that all ended", seen.until("all ended", isStopped, 3 * soon));
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

  test("a folder that comes later is looked at", async () => {
    const other = host.beside("later");
    await host.make("here");
    await using seen = listen(other);
    await seen.until("here", (list) => named(list, "here") !== undefined);
    await mkdir(join(other, "there"), { recursive: true });
    await writeFile(join(other, "there/config"), "lxc.uts.name = there\n");
    await seen.until("there", (list) => named(list, "there") !== undefined, soon);
    await rm(other, { recursive: true });
    await seen.until("that it is gone", (list) => named(list, "there") === undefined, soon);
  });

  test("containers of another user's folder are followed without lxc-monitor", async (context) => {
    await host.make("web", fixed(15));
    await chown(host.path, nobody, nobody);
    try {
      await using seen = listen();
      await seen.until("web", (list) => named(list, "web") !== undefined);
      assert.deepEqual(await host.monitors(), []);
      await quiet();
      await host.start("web");
      const ready = (list: List) => isReady(list, "web");
      await timed(context, "its start", seen.until("its start", ready, soon));
      // Between two looks: it is not the same one.
      await host.kill("web");
      await writeFile(join(host.path, "web/config"), host.configOf("web", fixed(16)));
      await host.start("web");
      const isMoved = (list: List) => firstOf(list, "web") === `${host.v4}16`;
      await timed(context, "its restart", seen.until("its restart", isMoved, soon));
      await quiet();
      await host.kill("web");
      const isStopped = (list: List) => named(list, "web")?.state === "stopped";
      await timed(context, "its end", seen.until("its end", isStopped, soon));
    } finally {
      await chown(host.path, 0, 0);
    }
  });

  test("without the right to ask LXC its processes are found all the same, and what cannot be read is said", async () => {
    await host.make("open", fixed(17));
    await host.make("closed", fixed(18));
    await host.make("dyn");
    await host.start("open", "closed", "dyn");
    await chmod(join(host.path, "closed"), 0o700);
    process.seteuid?.(nobody);
    try {
      const source = new LxcSource({ name: "lxc", paths: [host.path] }, log);
      await using seen = follow((signal) => source.workloads(signal));
      const areSeen = (each: List) =>
        firstOf(each, "closed") === `${host.v4}18` &&
        named(each, "dyn")?.trouble?.startsWith("it has no address") === true;
      const list = await seen.until("what they have", areSeen);
      assert.equal(firstOf(list, "open"), `${host.v4}17`);
      // Nobody says which container there is behind a folder that is closed.
      assert.deepEqual(source.containers.get("closed")?.config.notes, [
        {
          severity: "error",
          about: join(host.path, "closed/config"),
          message: "cannot be read: permission denied",
          remedy: "run Tidegate as a user who may read it",
        },
      ]);
      assert.equal(named(list, "closed")?.state, "running");
      const shut = new LxcSource({ name: "lxc", paths: [join(host.path, "closed")] }, log);
      await using failing = follow((signal) => shut.workloads(signal));
      assert.match(String(await failing.ended), /permission denied; run Tidegate as root, or as/);
    } finally {
      process.seteuid?.(0);
    }
  });

  test("without LXC's programs what is written counts", async () => {
    await host.make("web", fixed(19));
    await host.start("web");
    const pid = await host.pidOf("web");
    const before = process.env["PATH"];
    process.env["PATH"] = host.beside("nothing");
    try {
      await using seen = listen();
      await seen.until("it runs", (list) => firstOf(list, "web") === `${host.v4}19`);
      await quiet();
      process.kill(pid, "SIGKILL");
      await seen.until("its end", (list) => named(list, "web")?.state === "stopped", soon);
    } finally {
      process.env["PATH"] = before;
    }
  });

  test("what is no file is not opened, and no file is read for ever", async () => {
    const strange = ["device", "pipe", "huge", "loop"];
    for (const name of [...strange, "web"]) await host.make(name);
    const config = (name: string) => join(host.path, name, "config");
    for (const name of strange) await rm(config(name));
    await writeFile(config("huge"), "");
    await symlink("/dev/zero", config("device"));
    await runCommand("mkfifo", [config("pipe")]);
    await symlink(config("loop"), config("loop"));
    await truncate(config("huge"), 1024 * 1024 * 1024);
    const source = new LxcSource({ name: "lxc", paths: [host.path] }, log);
    await using seen = follow((signal) => source.workloads(signal));
    await seen.until("web", (list) => named(list, "web") !== undefined);
    const said = (name: string) => source.containers.get(name)?.config.notes[0]?.message;
    assert.equal(said("device"), "cannot be read: it is no file");
    assert.equal(said("pipe"), "cannot be read: it is no file");
    assert.equal(said("huge"), "cannot be read: it has more than 256 KiB");
    assert.match(said("loop") ?? "", /cannot be read: .*symbolic links/);
    assert.equal(said("web"), undefined);
    // LXC itself would read them.
    for (const name of strange) await host.remove(name);
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
    const states = new Map(list.map(({ id, state }) => [id, state]));
    assert.equal(states.get(join(host.path, "twin")), "running");
    assert.equal(states.get(`${other}/twin`), "stopped");
  });

  test("it starts and stops containers", async () => {
    await host.make("lazy", fixed(81));
    const source = new LxcSource({ name: "lxc", paths: [host.path] }, log);
    await using seen = follow((signal) => source.workloads(signal));
    const list = await seen.until("lazy", (all) => named(all, "lazy") !== undefined);
    const lazy = named(list, "lazy");
    assert.ok(lazy !== undefined);
    await source.power(lazy, "start");
    await seen.until("it runs", (all) => isReady(all, "lazy"), soon);
    await source.power(lazy, "start");
    await source.power(lazy, "stop");
    await seen.until("its end", (all) => named(all, "lazy")?.state === "stopped", soon);
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
    assert.notDeepEqual(await host.monitors(), []);
    await seen[Symbol.asyncDispose]();
    assert.deepEqual(await host.monitors(), []);
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
    await seen.until("it runs", (list) => isReady(list, "far"), soon);
  },
);
