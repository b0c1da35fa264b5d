// `tidegate install` and `uninstall` below a prefix, which touches nothing else of the machine; with
// real users and a real systemd they are tested in test/parts.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Terminal } from "./host.ts";
import { type InstallOptions, install } from "./install.ts";
import { uninstall } from "./uninstall.ts";
import { faultOfPath, launcher, packaged, unitText } from "./unit.ts";

const folder = mkdtempSync(join(tmpdir(), "tidegate-install-"));
after(() => rmSync(folder, { recursive: true }));

let count = 0;

function options(changes: Partial<InstallOptions> = {}): InstallOptions {
  const prefix = join(folder, String(++count));
  mkdirSync(prefix);
  const config = "/etc/tidegate/tidegate.yaml";
  return { user: "nobody", config, prefix, dryRun: false, start: true, guests: false, ...changes };
}

function filesBelow(prefix: string): string[] {
  return readdirSync(prefix, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(prefix.length))
    .toSorted();
}

async function quietly(
  work: (output: Terminal) => Promise<number>,
): Promise<{ code: number; said: string }> {
  let said = "";
  const add = (line: string) => void (said += `${line}\n`);
  const code = await work({ say: add, complain: add });
  return { code, said };
}

test("the rights that files of containers take are a file of their own, and go with the unit", async () => {
  const chosen = options({ guests: true });
  const { prefix } = chosen;
  const { said } = await quietly((to) => install(chosen, to));
  assert.match(said, /may read every file and process of this machine/);
  const rights = join(prefix, "/etc/systemd/system/tidegate.service.d/guests.conf");
  assert.match(readFileSync(rights, "utf8"), /^AmbientCapabilities=.*CAP_DAC_READ_SEARCH$/m);
  const unit = readFileSync(join(prefix, "/etc/systemd/system/tidegate.service"), "utf8");
  assert.doesNotMatch(unit, /CAP_SYS_PTRACE/);
  await quietly((to) => uninstall({ purge: false, prefix, dryRun: false }, to));
  assert.equal(existsSync(join(prefix, "/etc/systemd/system/tidegate.service.d")), false);
});

test("install lays out unit, configuration and folders, and uninstall takes the unit away", async () => {
  const chosen = options();
  const { prefix } = chosen;
  const { code } = await quietly((to) => install(chosen, to));
  assert.equal(code, 0);
  assert.deepEqual(filesBelow(prefix), [
    "/etc/systemd/system/tidegate.service",
    "/etc/tidegate/.installed",
    "/etc/tidegate/tidegate.yaml",
  ]);
  assert.equal(statSync(join(prefix, "/etc/tidegate/tidegate.yaml")).mode & 0o777, 0o640);
  assert.equal(statSync(join(prefix, "/var/log/tidegate")).mode & 0o777, 0o750);
  const left = await quietly((to) => uninstall({ purge: false, prefix, dryRun: false }, to));
  assert.equal(left.code, 0);
  assert.match(left.said, /keeps .*tidegate\.yaml/);
  assert.equal(existsSync(join(prefix, "/etc/systemd/system/tidegate.service")), false);
  assert.equal(existsSync(join(prefix, "/etc/tidegate/tidegate.yaml")), true);
});

test("purge removes all that install made, also after an uninstall without it", async () => {
  const chosen = options();
  const { prefix } = chosen;
  await quietly((to) => install(chosen, to));
  await quietly((to) => uninstall({ purge: false, prefix, dryRun: false }, to));
  const { code } = await quietly((to) => uninstall({ purge: true, prefix, dryRun: false }, to));
  assert.equal(code, 0);
  assert.deepEqual(filesBelow(prefix), []);
  for (const gone of ["/etc/tidegate", "/var/log/tidegate", "/var/lib/tidegate"]) {
    assert.equal(existsSync(join(prefix, gone)), false, gone);
  }
  const again = await quietly((to) => uninstall({ purge: true, prefix, dryRun: false }, to));
  assert.equal(again.code, 1);
  assert.match(again.said, /nothing to remove/);
});

test("what was there before is neither changed nor removed", async () => {
  const chosen = options();
  const { prefix } = chosen;
  mkdirSync(join(prefix, "/etc/tidegate"), { recursive: true, mode: 0o755 });
  mkdirSync(join(prefix, "/var/log/tidegate"), { recursive: true });
  writeFileSync(join(prefix, "/etc/tidegate/tidegate.yaml"), "routes: {}\n", { mode: 0o644 });
  const { said } = await quietly((to) => install(chosen, to));
  assert.match(said, /keeps .*tidegate\.yaml/);
  assert.equal(statSync(join(prefix, "/etc/tidegate")).mode & 0o777, 0o755);
  await quietly((to) => uninstall({ purge: true, prefix, dryRun: false }, to));
  assert.deepEqual(filesBelow(prefix), ["/etc/tidegate/tidegate.yaml"]);
  const text = readFileSync(join(prefix, "/etc/tidegate/tidegate.yaml"), "utf8");
  assert.equal(text, "routes: {}\n");
  assert.equal(existsSync(join(prefix, "/var/log/tidegate")), true);
});

test("a second install writes the unit anew and keeps an edited configuration", async () => {
  const chosen = options();
  const { prefix } = chosen;
  const unit = join(prefix, "/etc/systemd/system/tidegate.service");
  await quietly((to) => install(chosen, to));
  writeFileSync(unit, "old");
  writeFileSync(join(prefix, "/etc/tidegate/tidegate.yaml"), "routes: {}\n");
  const { code } = await quietly((to) => install(chosen, to));
  assert.equal(code, 0);
  assert.match(readFileSync(unit, "utf8"), /ExecStart=/);
  assert.equal(readFileSync(join(prefix, chosen.config), "utf8"), "routes: {}\n");
  await quietly((to) => uninstall({ purge: true, prefix, dryRun: false }, to));
  assert.deepEqual(filesBelow(prefix), [], "the first run's record was kept");
});

test("a dry run says everything and does nothing", async () => {
  const chosen = options({ dryRun: true });
  const { code, said } = await quietly((to) => install(chosen, to));
  assert.equal(code, 0);
  for (const path of ["tidegate.service", "tidegate.yaml", "/var/log/tidegate"]) {
    assert.ok(said.includes(`${path}\n`), path);
  }
  assert.match(said, /^(would: .*\n)+$/);
  assert.deepEqual(readdirSync(chosen.prefix), []);
});

test("a relative configuration and an odd user name are refused, and nothing is made", async () => {
  for (const wrong of [{ config: "tidegate.yaml" }, { user: "x; rm" }, { user: "-x" }]) {
    const chosen = options(wrong);
    const { code, said } = await quietly((to) => install(chosen, to));
    assert.equal(code, 1);
    assert.match(said, /--config must be a full path|is not a name for a system user/);
    assert.deepEqual(readdirSync(chosen.prefix), []);
  }
});

test("the unit starts this program with this configuration, as the user it is told", () => {
  const unit = unitText({
    program: "/opt/tide gate/bin/tidegate",
    config: "/etc/100%/t.yaml",
    user: "proxy",
    group: "web",
  });
  assert.match(unit, /^ExecStart="\/opt\/tide gate\/bin\/tidegate" run --config \/etc\/100%%\/t/m);
  assert.match(unit, /^User=proxy\nGroup=web$/m);
  assert.equal(/@(program|config|user|group)@/.test(unit), false);
  assert.match(launcher, /\/bin\/tidegate$/);
});

test("paths that the sandbox of the unit hides are told", () => {
  assert.match(packaged("tidegate.service"), /^ProtectHome=yes$/m);
  assert.match(packaged("tidegate.service"), /^PrivateTmp=yes$/m);
  assert.match(faultOfPath("/home/x/tidegate") ?? "", /below \/home/);
  assert.equal(faultOfPath("/opt/tidegate/bin/tidegate"), undefined);
});
