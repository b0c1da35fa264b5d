// Where the files of a container of LXC are: seen through its first process while it runs, with all that is mounted
// in it, and in its folder as well, where that is one that can be looked into from here.

import { isAbsolute } from "node:path";
import type { GuestPlace } from "../../config/guest.ts";
import type { Container } from "./container.ts";

export function placeOf({
  config,
  folder,
  life,
}: Pick<Container, "config" | "folder" | "life">): GuestPlace {
  const init = life?.init;
  const found = rootOf(config.rootfs, folder.isTrusted);
  const rootfs = "path" in found ? found.path : undefined;
  if (init !== undefined) return { rootfs, init, why: "" };
  const why =
    life === undefined
      ? "it does not run"
      : life.state === "starting"
        ? "it is starting"
        : `it runs, but which process is its first one cannot be told (${life.why ?? "the one that LXC names is no child of LXC for this container"}): run Tidegate as a user who may ask LXC`;
  return { rootfs, init, why: "path" in found ? why : `${why}; ${found.why}` };
}

/** Kinds of storage that are a folder when nothing runs, too. */
const folders = new Set(["dir", "btrfs"]);

/** `/var/lib/lxc/blog/rootfs`, `dir:/…`, `overlay:/…:/…`, `loop:/…` … */
function rootOf(
  text: string,
  isTrusted: boolean,
): { readonly path: string } | { readonly why: string } {
  const [, kind = "dir", path = ""] = /^(?:([a-z]+):)?(.*)$/.exec(text) ?? [];
  if (text === "") return { why: "it has no root file system of its own" };
  if (!folders.has(kind)) {
    return { why: `its root file system (${kind}) is only there while it runs` };
  }
  if (!isAbsolute(path) || /^\/+$/.test(path)) {
    return { why: `its root file system ${path} is no folder of its own` };
  }
  if (!isTrusted) {
    return {
      why: "its configuration, or the folder it is in, can be written by others than root and Tidegate, so where it says that its root is does not count; while it runs it is asked of the system",
    };
  }
  return { path };
}
