import { strictEqual } from "node:assert";
import { test } from "node:test";
import { commandSocketOf } from "./command-socket.ts";

test("the command socket is named for the folder and the container", () => {
  strictEqual(commandSocketOf("/var/lib/lxc", "web1"), "/var/lib/lxc/web1/command");
});

test("a name that does not fit is a hash", () => {
  // As LXC 5.0.2 made them.
  const folder = (length: number) => `/tmp/dlxc/${"x".repeat(length)}`;
  strictEqual(commandSocketOf(folder(100), "web1"), "lxc/ef9d14c1ec3d7186/command");
  strictEqual(commandSocketOf(folder(82), "web1"), `${folder(82)}/web1/command`);
  strictEqual(commandSocketOf(folder(83), "web1").slice(0, 4), "lxc/");
});
