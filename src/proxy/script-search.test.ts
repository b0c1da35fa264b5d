import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Guests } from "../guest/guests.ts";
import { searchScript } from "./script-search.ts";

test("a script of a container is looked for in its own terms, and believed for a moment", async () => {
  const rootfs = await mkdtemp(join(tmpdir(), "tidegate-script-"));
  try {
    await mkdir(join(rootfs, "var/www/sub.php"), { recursive: true });
    await writeFile(join(rootfs, "var/www/index.php"), "<?php");
    await writeFile(join(rootfs, "var/www/photo"), "<?php");
    await symlink("/var/www/index.php", join(rootfs, "var/www/linked.php"));
    await symlink("/etc/passwd", join(rootfs, "var/www/out.php"));
    const guests = new Guests();
    guests.update({ "lxc/a": { rootfs, init: undefined, why: "" } });
    const premises = guests.of("lxc/a");
    const cases = [
      ["/var/www/index.php", undefined],
      ["/var/www/linked.php", undefined],
      ["/var/www/photo/x.php", "NO_FILE"],
      ["/var/www/none.php", "NO_FILE"],
      ["/var/www/sub.php", "NO_FILE"],
      ["/var/www/out.php", "NO_FILE"],
    ] as const;
    for (const [path, fault] of cases)
      assert.equal(await searchScript(premises, path), fault, path);
    assert.equal(searchScript(premises, "/var/www/index.php"), undefined, "it is known");
    assert.notEqual(searchScript(premises, "/var/www/none.php"), undefined, "it may come");
    guests.update({ "lxc/a": { rootfs: undefined, init: undefined, why: "it is gone" } });
    assert.equal(await searchScript(premises, "/var/www/other.php"), "GUEST_AWAY");
  } finally {
    await rm(rootfs, { recursive: true });
  }
});
