import assert from "node:assert/strict";
import { test } from "node:test";
import type { GuestPlace } from "../../config/guest.ts";
import { placeOf } from "./container-place.ts";
import { readLxcConfig } from "./lxc-config.ts";

async function stopped(lines: string, isTrusted = true): Promise<GuestPlace> {
  const config = await readLxcConfig("/c", async () => ({ kind: "text", text: lines }));
  const folder = { folder: "/l", name: "blog", path: "/l/blog", inode: 1, createdAt: 1, isTrusted };
  return placeOf({ config, folder, life: undefined });
}

const folders: readonly [lines: string, rootfs: string][] = [
  ["lxc.rootfs.path = /var/lib/lxc/blog/rootfs", "/var/lib/lxc/blog/rootfs"],
  ["lxc.rootfs.path = dir:/srv/blog", "/srv/blog"],
  ["lxc.rootfs.path = btrfs:/srv/blog", "/srv/blog"],
  ["lxc.rootfs = /srv/old", "/srv/old"],
  ["lxc.rootfs.path = /a\nlxc.rootfs.path = /b", "/b"],
];

for (const [lines, rootfs] of folders) {
  test(`a stopped container has its folder: ${JSON.stringify(lines)}`, async () => {
    const place = await stopped(lines);
    assert.deepEqual(place, { rootfs, init: undefined, why: "it does not run" });
  });
}

const none: readonly [lines: string, why: RegExp][] = [
  ["", /no root file system of its own/],
  ["lxc.rootfs.path = /a\nlxc.rootfs.path =", /no root file system of its own/],
  ["lxc.rootfs.path = /", /no folder of its own/],
  ["lxc.rootfs.path = dir://", /no folder of its own/],
  ["lxc.rootfs.path = rootfs", /no folder of its own/],
  ["lxc.rootfs.path = dir:../blog", /no folder of its own/],
  ["lxc.rootfs.path = overlay:/lower:/upper", /overlay\) is only there while it runs/],
  ["lxc.rootfs.path = overlayfs:/lower:/upper", /only there while it runs/],
  ["lxc.rootfs.path = zfs:tank/blog", /zfs\) is only there/],
  ["lxc.rootfs.path = lvm:/dev/vg/blog", /lvm\) is only there/],
  ["lxc.rootfs.path = loop:/srv/blog.img", /loop\) is only there/],
];

for (const [lines, why] of none) {
  test(`a stopped container has no folder to look into: ${JSON.stringify(lines)}`, async () => {
    const place = await stopped(lines);
    assert.equal(place.rootfs, undefined);
    assert.match(place.why, why);
  });
}

test("a folder that somebody else may have written into the configuration does not count", async () => {
  const place = await stopped("lxc.rootfs.path = /etc", false);
  assert.equal(place.rootfs, undefined);
  assert.match(place.why, /can be written by others/);
});
