import assert from "node:assert/strict";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { runCommand } from "../../test/harness/command.ts";
import { initNeeds, startInit } from "../../test/harness/guest-init.ts";
import { makeWorld, publicText, type World } from "../../test/harness/guest-world.ts";
import { needsRoot } from "../../test/harness/needs-root.ts";
import { needs } from "../../test/harness/needs.ts";

const skip = needsRoot() || needs("setpriv", ...initNeeds);

/** What somebody without root finds; each with its kind, and a file with its size. */
const looking = `
const [module, rootfs, pid, startedAt] = process.argv.slice(1);
const { Guests } = await import(module);
const guests = new Guests();
const init = { pid: Number(pid), startedAt };
guests.update({
  "lxc/folder": { rootfs, init: undefined, why: "" },
  "lxc/both": { rootfs, init, why: "" },
  "lxc/init": { rootfs: undefined, init, why: "" },
});
const said = ({ kind, why, file }) => ({ kind, why, size: file?.size });
const told = {};
for (const name of ["folder", "both", "init"]) {
  const premises = guests.of("lxc/" + name);
  for (const path of ["/www/index.html", "/www/link", "/www/closed/file"]) {
    told[name + path] = said(await premises.find(path));
  }
  told[name + "/run/php.sock"] = said(await premises.socket("/run/php.sock"));
}
console.log(JSON.stringify(told));`;

type Told = Readonly<Record<string, { kind: string; why?: string; size?: number }>>;

async function lookAs(world: World, capabilities: readonly string[]): Promise<Told> {
  await mkdir(world.inside("/www/closed"), { mode: 0o700 });
  await writeFile(world.inside("/www/closed/file"), "closed", { mode: 0o600 });
  await writeFile(world.inside("/www/private"), "private", { mode: 0o600 });
  await symlink("private", world.inside("/www/link"));
  const mounts = 'mkdir "$1/run"; mount -t tmpfs tmpfs "$1/run"';
  await using guest = await startInit(world.root, mounts);
  await world.socket("/run/php.sock", publicText, guest.root);
  await chmod(world.inside("/.."), 0o755);
  const granted = capabilities.map((each) => `+${each}`).join();
  const { stdout, stderr } = await runCommand("setpriv", [
    ...["--reuid", "65534", "--regid", "65534", "--clear-groups"],
    ...(granted === "" ? [] : ["--inh-caps", granted, "--ambient-caps", granted]),
    ...[process.execPath, "--input-type=module", "-e", looking],
    ...[`${import.meta.dirname}/guests.ts`, world.root],
    ...[String(guest.init.pid), guest.init.startedAt],
  ]);
  assert.ok(stdout.startsWith("{"), stderr);
  return JSON.parse(stdout);
}

describe("without root", { skip, timeout: 60_000 }, () => {
  test("what may not be read is refused with a sentence that helps", async () => {
    await using world = await makeWorld();
    const told = await lookAs(world, []);
    assert.equal(told["folder/www/index.html"]?.size, publicText.length);
    for (const path of ["folder/www/link", "folder/www/closed/file"]) {
      assert.equal(told[path]?.kind, "refused");
      const why = told[path].why ?? "";
      assert.match(why, /^\/www\/\S+ may not be read by user 65534.*CAP_DAC_READ_SEARCH/);
    }
    assert.equal(told["init/www/index.html"]?.kind, "away");
    const ptrace = /user 65534.*CAP_SYS_PTRACE.*tidegate install --guests/;
    assert.match(told["init/www/index.html"].why ?? "", ptrace);
    // Its folder is there to be seen; what it mounted in it is not.
    assert.equal(told["both/www/index.html"]?.size, publicText.length);
    assert.equal(told["both/run/php.sock"]?.kind, "away");
    assert.match(told["both/run/php.sock"].why ?? "", ptrace);
  });

  test("the two capabilities that are advised are enough", async () => {
    await using world = await makeWorld();
    const told = await lookAs(world, ["sys_ptrace", "dac_read_search"]);
    for (const name of ["folder", "both", "init"]) {
      assert.equal(told[`${name}/www/index.html`]?.size, publicText.length, name);
      assert.equal(told[`${name}/www/link`]?.size, "private".length, name);
      assert.equal(told[`${name}/www/closed/file`]?.size, "closed".length, name);
    }
    assert.equal(told["both/run/php.sock"]?.kind, "socket");
    assert.equal(told["folder/run/php.sock"]?.kind, "nothing");
  });
});
