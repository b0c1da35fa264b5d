import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, copyFile, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { existsSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ask } from "../harness/ask.ts";
import { eventually, within } from "../harness/barrier.ts";
import { built } from "../harness/built.ts";
import { runCommand } from "../harness/command.ts";
import {
  chrootWords,
  type DebianRoot,
  debianRoot,
  debianRootNeeds,
} from "../harness/debian-root.ts";
import { type LoadElsewhere, startLoadElsewhere } from "../harness/load-elsewhere.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { bootSystemd, type Systemd, systemdNeeds } from "../harness/systemd.ts";
import { tempFolder } from "../harness/temp-folder.ts";

// One Debian root for all: making it takes most of a minute. First nothing runs in it, as while an image is
// built; then systemd boots it and the same package meets a machine that lives.

const skip =
  needsRoot() || needs(...debianRootNeeds, ...systemdNeeds, "dpkg-deb", "systemd-analyze", "curl");

const unit = "tidegate.service";
const configFile = "/etc/tidegate/tidegate.yaml";

test(
  "the Debian package and `tidegate install`, in a fresh Debian",
  {
    skip,
    timeout: 380_000,
  },
  async (context) => {
    await using folder = await tempFolder();
    const version = await versionHere();
    const [first, second] = [`${version}~first`, `${version}~second`];
    // Both at once, and the root is removed also when the packages fail.
    const making = debianRoot();
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(async () => (await making)[Symbol.asyncDispose]());
    const debs = await bothPackages(folder.path, first, second);
    const root = await making;
    await copyFile(debs[0], join(root.path, "root/first.deb"));
    await copyFile(debs[1], join(root.path, "root/second.deb"));

    await context.test("the same sources give the same files, whatever the version is called", () =>
      haveSameFiles(debs),
    );
    await context.test("installed where nothing runs, it is complete and enabled", () =>
      isComplete(root),
    );
    await context.test("installed where nothing runs, it checks and serves", () => serves(root));
    await context.test("purged, it leaves nothing behind", async () => {
      await root.run("dpkg", ["--purge", "tidegate"]);
      await leavesNothing(root.path);
    });

    await using systemd = await bootSystemd(root.path);
    await systemd.run("dpkg", ["--install", "/root/first.deb"]);
    // For later, when the package is gone again.
    await cp(join(root.path, "usr/lib/tidegate"), join(root.path, "opt/tide"), { recursive: true });
    const examples = join(root.path, "usr/share/doc/tidegate/examples");
    await copyFile(join(examples, "tidegate.socket"), join(root.path, "root/tidegate.socket"));
    await underSystemd(context, systemd, root.path);
    await context.test("`tidegate install` makes a service, and uninstall removes all of it", () =>
      installs(systemd, root.path),
    );
  },
);

async function versionHere(): Promise<string> {
  const manifest = await readFile(join(import.meta.dirname, "../../package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

async function bothPackages(folder: string, first: string, second: string) {
  return [
    await built("deb", folder, ["--version", first]),
    await built("deb", folder, ["--version", second]),
  ] as const;
}

async function haveSameFiles(debs: readonly [string, string]): Promise<void> {
  const sums = debs.map((deb) =>
    runCommand("sh", ["-c", 'dpkg-deb --fsys-tarfile "$0" | sha256sum', deb]),
  );
  const [first, second] = await Promise.all(sums);
  assert.match(first?.stdout ?? "", /^[0-9a-f]{64} /);
  assert.equal(first?.stdout, second?.stdout);
}

async function isComplete(root: DebianRoot): Promise<void> {
  await root.run("dpkg", ["--install", "/root/first.deb"]);
  const { stdout: id } = await root.run("id", ["-un", "tidegate"]);
  assert.equal(id.trim(), "tidegate");
  const mode = async (path: string) =>
    ((await stat(join(root.path, path))).mode & 0o7777).toString(8);
  assert.equal(await mode(configFile), "640");
  assert.equal(await mode("/var/log/tidegate"), "750");
  assert.equal(await mode("/usr/lib/tidegate/bin/tidegate"), "755");
  const wanted = join(root.path, "etc/systemd/system/multi-user.target.wants", unit);
  assert.equal(readlinkSync(wanted), `/lib/systemd/system/${unit}`);
  // Says nothing when every file is as it was packed.
  assert.equal((await root.run("dpkg", ["--verify", "tidegate"])).stdout, "");
  const { stdout } = await root.run("tidegate", ["check", configFile]);
  assert.match(stdout, /^ok: 1 route/);
}

/** In the root, as its user, on a port that the system chooses. */
async function serves(root: DebianRoot): Promise<void> {
  const yaml = "listeners: { web: '127.0.0.1:0' }\nroutes: { debian.test: { whoami: true } }\n";
  await writeFile(join(root.path, "tmp/tidegate.yaml"), yaml);
  const ids = ["--reuid=tidegate", "--regid=tidegate", "--clear-groups"];
  const files = ["--config", "/tmp/tidegate.yaml", "--ports-file", "/tmp/ports.json"];
  const args = [...ids, "tidegate", "run", ...files];
  const words = chrootWords(root.path, "setpriv", args);
  const child = spawn("unshare", words, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
  const exited = once(child, "exit");
  try {
    const portsFile = join(root.path, "tmp/ports.json");
    await eventually("the program to listen", () => existsSync(portsFile) || undefined, 20_000);
    const ports = JSON.parse(await readFile(portsFile, "utf8")) as { web: { port: number }[] };
    const { status } = await ask(ports.web[0]?.port ?? 0, { name: "debian.test" });
    assert.equal(status, 200);
    child.kill("SIGTERM");
    assert.deepEqual(await within(exited, 15_000, `the end of the program\n${said}`), [0, null]);
  } finally {
    child.kill("SIGKILL");
  }
}

async function leavesNothing(root: string): Promise<void> {
  const where = ["etc", "lib", "usr", "var", "run"].map((each) => join(root, each));
  const { stdout } = await runCommand("find", [...where, "-xdev", "-name", "*tidegate*"]);
  assert.equal(stdout, "");
  assert.doesNotMatch(await readFile(join(root, "etc/passwd"), "utf8"), /tidegate/);
  assert.doesNotMatch(await readFile(join(root, "etc/group"), "utf8"), /tidegate/);
}

async function underSystemd(context: TestContext, systemd: Systemd, root: string): Promise<void> {
  await context.test(
    "where systemd runs it is started, and serves port 80 without being root",
    () => isStarted(systemd, root),
  );
  await using load = await startLoadElsewhere(systemd.network);
  await context.test("a reload takes a good configuration, and refuses a bad one", () =>
    reloads(systemd, root, load),
  );
  await context.test("an upgrade of the package loses no request", () => isUpgraded(systemd, load));
  await context.test("the death of the main process loses no request", async () => {
    await migratesConnections(systemd);
    await mainIsKilled(systemd, load);
    const report = await load.stop();
    assert.ok(report.answered > 100);
    assert.deepEqual(report.failures, []);
  });
  await context.test("it stops cleanly, and no process is left", async () => {
    await systemd.run("systemctl", ["stop", unit]);
    assert.equal(await systemd.show(unit, "Result"), "success");
    assert.deepEqual(systemd.pids("tidegate"), []);
  });
  await context.test(
    "an upgrade starts nothing that was stopped, and coming back does",
    async () => {
      await systemd.run("dpkg", ["--install", "/root/first.deb"]);
      assert.equal(await systemd.show(unit, "ActiveState"), "inactive");
      await systemd.run("dpkg", ["--remove", "tidegate"]);
      await systemd.run("dpkg", ["--install", "/root/first.deb"]);
      assert.equal(await systemd.show(unit, "ActiveState"), "active", await systemd.journal(unit));
    },
  );
  await context.test("purged from a running machine, it leaves nothing behind", async () => {
    await systemd.run("dpkg", ["--purge", "tidegate"]);
    assert.deepEqual(systemd.pids("tidegate"), []);
    await leavesNothing(root);
  });
}

async function isStarted(systemd: Systemd, root: string): Promise<void> {
  assert.equal(await systemd.show(unit, "ActiveState"), "active", await systemd.journal(unit));
  assert.equal((await answer(systemd)).status, 200);
  const { stdout } = await systemd.run("id", ["-u", "tidegate"]);
  const running = systemd.pids("tidegate");
  assert.ok(running.length > 0);
  for (const pid of running) {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    assert.match(status, new RegExp(`^Uid:\\s+${stdout.trim()}\\s`, "m"));
  }
  const path = join("/lib/systemd/system", unit);
  await systemd.run("systemd-analyze", ["verify", "--recursive-errors=no", path]);
  await rotates(systemd, join(root, "var/log/tidegate/access.log"));
}

/** As logrotate does it: the file is renamed, and all workers go over to a new one. */
async function rotates(systemd: Systemd, log: string): Promise<void> {
  const isWritten = async () => (existsSync(log) && (await stat(log)).size > 0 ? true : undefined);
  await eventually("the access log", isWritten);
  await rename(log, `${log}.1`);
  await systemd.run("systemctl", ["kill", "--kill-who=main", "--signal=USR1", unit]);
  await eventually("a new access log", () => existsSync(log) || undefined);
  assert.equal((await answer(systemd)).status, 200);
  await eventually("lines in the new access log", isWritten);
}

/** The sample route, asked for from inside. */
async function answer({ network }: Systemd): Promise<{ status: number; body: string }> {
  const head = ["--silent", "--max-time", "10", "--header", "Host: whoami.localhost"];
  const url = ["--write-out", "\n%{http_code}", "http://127.0.0.1/"];
  const { stdout } = await runCommand("nsenter", [`--net=${network}`, "curl", ...head, ...url]);
  const end = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) };
}

function configFor(load: LoadElsewhere): string {
  const routes = `  load.test: ${load.url}\n  whoami.localhost: { whoami: true }\n`;
  return `listeners: { web: ':80' }\nroutes:\n${routes}`;
}

async function reloads(systemd: Systemd, root: string, load: LoadElsewhere): Promise<void> {
  const file = join(root, configFile);
  const good = configFor(load);
  await writeFile(file, good);
  await systemd.run("systemctl", ["reload", unit]);
  await load.begin(80);
  await writeFile(file, `${good}nonsense: 1\n`);
  const { code } = await systemd.run("systemctl", ["reload", unit], { mayFail: true });
  assert.notEqual(code, 0, "systemctl tells that the configuration is bad");
  await load.lap();
  await writeFile(file, good);
  await systemd.run("systemctl", ["reload", unit]);
  await load.lap();
  assert.equal(await systemd.show(unit, "ActiveState"), "active");
  assert.deepEqual((await load.report()).failures, []);
}

/** As the page on systemd advises: what waits in a socket that is closed goes to another of its address. */
async function migratesConnections({ network }: Systemd): Promise<void> {
  const script = "echo 1 > /proc/sys/net/ipv4/tcp_migrate_req";
  const { code } = await runCommand("nsenter", [`--net=${network}`, "sh", "-c", script]);
  assert.equal(code, 0);
}

async function mainIsKilled(systemd: Systemd, load: LoadElsewhere): Promise<void> {
  const main = Number(await systemd.show(unit, "MainPID"));
  const before = new Set(systemd.pids("tidegate"));
  await load.lap();
  process.kill(systemd.outsidePid(main), "SIGKILL");
  await eventually(
    "the next main process to serve",
    async () => {
      const next = Number(await systemd.show(unit, "MainPID"));
      const state = await systemd.show(unit, "ActiveState");
      return next !== 0 && next !== main && state === "active" ? true : undefined;
    },
    30_000,
  );
  await load.lap();
  await eventually("the old processes to go", () =>
    systemd.pids("tidegate").some((pid) => before.has(pid)) ? undefined : true,
  );
  await load.lap();
}

async function isUpgraded(systemd: Systemd, load: LoadElsewhere): Promise<void> {
  const main = await systemd.show(unit, "MainPID");
  const before = new Set(systemd.pids("tidegate"));
  const { stderr } = await systemd.run("dpkg", ["--install", "/root/second.deb"]);
  assert.doesNotMatch(stderr, /could not be replaced/);
  await load.lap();
  assert.equal(
    await systemd.show(unit, "MainPID"),
    main,
    "the main process stays, with its sockets",
  );
  const fresh = systemd.pids("tidegate").filter((pid) => !before.has(pid));
  assert.ok(fresh.length >= 2, "primary and workers are new ones");
  assert.deepEqual((await load.report()).failures, []);
}

async function installs(systemd: Systemd, root: string): Promise<void> {
  const { stdout } = await systemd.run("/opt/tide/bin/tidegate", ["install"]);
  assert.match(stdout, /makes user tidegate/);
  assert.equal(await systemd.show(unit, "ActiveState"), "active", await systemd.journal(unit));
  assert.equal((await answer(systemd)).status, 200);
  const path = join("/etc/systemd/system", unit);
  await systemd.run("systemd-analyze", ["verify", "--recursive-errors=no", path]);
  await isEnded(systemd, root);
  await isActivated(systemd, root);
  await systemd.run("/opt/tide/bin/tidegate", ["uninstall", "--purge"]);
  assert.deepEqual(systemd.pids("tidegate"), []);
  await leavesNothing(root);
}

/** A stop that takes too long: systemd kills the main process, and nothing of the rest may stay. */
async function isEnded(systemd: Systemd, root: string): Promise<void> {
  const folder = join(root, "etc/systemd/system", `${unit}.d`);
  await mkdir(folder);
  await writeFile(join(folder, "short.conf"), "[Service]\nTimeoutStopSec=1\n");
  await systemd.run("systemctl", ["daemon-reload"]);
  // Not the main process: systemd wakes the one that it tells to end.
  const [primary = 0] = systemd.pids("tidegate: primary");
  process.kill(primary, "SIGSTOP");
  await systemd.run("systemctl", ["stop", unit]);
  assert.equal(await systemd.show(unit, "Result"), "timeout");
  assert.deepEqual(systemd.pids("tidegate"), []);
  await systemd.run("systemctl", ["reset-failed", unit]);
  await rm(folder, { recursive: true });
}

/**
 * With the sample socket unit systemd holds the port: a connection waits for a service that is not there
 * yet, and not one is lost when the main process dies.
 */
async function isActivated(systemd: Systemd, root: string): Promise<void> {
  const socket = "/etc/systemd/system/tidegate.socket";
  await copyFile(join(root, "root/tidegate.socket"), join(root, socket));
  await systemd.run("systemd-analyze", ["verify", "--recursive-errors=no", socket]);
  await systemd.run("systemctl", ["daemon-reload"]);
  await systemd.run("systemctl", ["start", "tidegate.socket"]);
  await using load = await startLoadElsewhere(systemd.network);
  await writeFile(join(root, configFile), configFor(load));
  assert.equal(await systemd.show(unit, "ActiveState"), "inactive");
  assert.equal((await answer(systemd)).status, 200);
  await eventually("systemd to hear that it serves", async () =>
    (await systemd.show(unit, "ActiveState")) === "active" ? true : undefined,
  );
  await load.begin(80);
  await mainIsKilled(systemd, load);
  const report = await load.stop();
  assert.ok(report.answered > 100);
  assert.deepEqual(report.failures, []);
  await systemd.run("systemctl", ["stop", unit, "tidegate.socket"]);
  await rm(join(root, socket));
}
