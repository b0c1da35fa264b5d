import assert from "node:assert/strict";
import { test } from "node:test";
import type { GuestPlace, Guests } from "../config/guest.ts";
import { readConfig } from "../config/read.ts";
import type { Log } from "../lib/log.ts";
import { GuestPlaces } from "./guest-places.ts";

const away = { rootfs: undefined, init: undefined };

function placeOf(pid: number): GuestPlace {
  return { rootfs: undefined, init: { pid, startedAt: "7" }, why: "" };
}

function stand(found: Record<string, ReadonlyMap<string, GuestPlace>>) {
  const lines: string[] = [];
  const line = (text: string, fields = {}) => void lines.push(`${text} ${JSON.stringify(fields)}`);
  const log: Log = { debug: () => {}, info: line, warn: line, error: line };
  let live: Guests = {};
  const places = new GuestPlaces({ log, found: (name) => found[name], live: () => live });
  return { places, lines, found, go: (guests: Guests) => (live = guests) };
}

function servicesOf(services: Record<string, unknown>) {
  const text = JSON.stringify({
    listeners: { web: "127.0.0.1:0" },
    providers: { lxc: {}, docker: {} },
    routes: { "app.test": { service: Object.keys(services)[0] } },
    services,
  });
  const { snapshot, problems } = readConfig(text, { file: "test.json", baseFolder: "/" });
  assert.ok(snapshot, JSON.stringify(problems));
  return snapshot.services;
}

test("only containers that services name are told of", () => {
  const lxc = new Map([
    ["blog", placeOf(11)],
    ["other", placeOf(12)],
  ]);
  const { places } = stand({ lxc, docker: new Map([["blog", placeOf(21)]]) });
  const services = servicesOf({
    files: { container: "lxc/blog", files: "/srv" },
    program: { container: "docker/blog", fastcgi: "unix:/run/php.sock" },
    socket: { container: "lxc/gone", backends: ["http://unix:/run/app.sock"] },
    plain: { backends: ["http://127.0.0.1:1"] },
  });
  assert.deepEqual(places.of(services), {
    "docker/blog": placeOf(21),
    "lxc/blog": placeOf(11),
    "lxc/gone": { ...away, why: "there is no container gone of lxc" },
  });
  const none = servicesOf({ plain: { backends: ["http://127.0.0.1:1"] } });
  assert.deepEqual(places.of(none), {});
});

test("a provider that has not spoken is told of so", () => {
  const { places } = stand({});
  const services = servicesOf({ files: { container: "lxc/blog", files: "/srv" } });
  assert.match(places.of(services)["lxc/blog"]?.why ?? "", /lxc has not said yet/);
});

test("another place is news when it is live otherwise, and of no other container", () => {
  const lxc = new Map([
    ["blog", placeOf(11)],
    ["other", placeOf(12)],
  ]);
  const { places, go } = stand({ lxc });
  assert.equal(places.isNews("lxc"), false);
  go({ "lxc/blog": placeOf(11) });
  assert.equal(places.isNews("lxc"), false);
  lxc.set("other", placeOf(13));
  assert.equal(places.isNews("lxc"), false);
  lxc.set("blog", placeOf(14));
  assert.equal(places.isNews("docker"), false);
  assert.equal(places.isNews("lxc"), true);
  lxc.delete("blog");
  assert.equal(places.isNews("lxc"), true);
});

test("why files cannot be reached is said once", async () => {
  const { places, lines } = stand({});
  const guests = { "lxc/blog": { ...away, why: "it does not run" } };
  await places.settled(guests);
  await places.settled({ ...guests });
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /it does not run/);
  await places.settled({ "lxc/blog": { ...placeOf(process.pid) } });
  assert.equal(lines.length, 1, "our own root may be looked into");
  await places.settled(guests);
  assert.equal(lines.length, 2);
});
