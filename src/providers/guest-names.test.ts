import assert from "node:assert/strict";
import { test } from "node:test";
import { workloadOf } from "../../test/harness/workload.ts";
import type { GuestPlace } from "../config/guest.ts";
import { guestsOf, namesakesMarked } from "./guest-names.ts";

function placeOf(pid: number): GuestPlace {
  return { rootfs: undefined, init: { pid, startedAt: "1" }, why: "" };
}

test("a container is found by its name, also one that does not run", () => {
  const all = [
    workloadOf({ name: "a", guest: placeOf(11) }),
    workloadOf({ name: "b", state: "stopped" }),
  ];
  assert.equal(namesakesMarked(all), all, "nothing is copied where nobody shares a name");
  const guests = guestsOf(all);
  assert.deepEqual(guests.get("a"), placeOf(11));
  assert.match(guests.get("b")?.why ?? "", /does not run/);
  assert.equal(guests.get("c"), undefined);
});

test("in projects of Incus the default one is meant by a name, and nobody where it has none", () => {
  const [own, other, third] = [undefined, "guests", "more"].map((project, at) =>
    workloadOf({ name: "blog", platform: "incus", id: `${at}`, project, guest: placeOf(at) }),
  );
  assert.ok(own !== undefined && other !== undefined && third !== undefined);
  const marked = namesakesMarked([other, own]);
  assert.deepEqual(
    marked.map(({ isNamesake }) => isNamesake),
    [true, undefined],
  );
  assert.deepEqual(guestsOf(marked).get("blog"), placeOf(0));
  assert.equal(namesakesMarked([other, own])[0], marked[0], "the same object as before");
  const unclear = guestsOf(namesakesMarked([other, third])).get("blog");
  assert.equal(unclear?.init, undefined);
  assert.match(unclear?.why ?? "", /2 containers have this name \(in guests, more\)/);
});

test("in folders of LXC the first one is meant by a name", () => {
  const all = namesakesMarked([
    workloadOf({ name: "blog", platform: "lxc", id: "/a/blog", guest: placeOf(1) }),
    workloadOf({ name: "blog", platform: "lxc", id: "/b/blog", guest: placeOf(2) }),
  ]);
  assert.deepEqual(guestsOf(all).get("blog"), placeOf(1));
  assert.equal(all[1]?.isNamesake, true);
});

test("an engine that tells of two containers of one name is believed in neither", () => {
  const all = namesakesMarked([
    workloadOf({ name: "blog", id: "1", guest: placeOf(1) }),
    workloadOf({ name: "blog", id: "2", guest: placeOf(2) }),
  ]);
  assert.equal(guestsOf(all).get("blog")?.init, undefined);
});

test("what libvirt runs has no files that are looked into", () => {
  const why = guestsOf([workloadOf({ name: "vm", platform: "libvirt" })]).get("vm")?.why;
  assert.match(why ?? "", /disks/);
});
