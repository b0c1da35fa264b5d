import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { issued } from "../../test/harness/issued.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { silentLog } from "../../test/harness/watched-source.ts";
import type { CertificatePlace } from "../config/tls-settings.ts";
import { WatchedPlaces } from "./watched-places.ts";

test("places are in the order of the configuration, and what is in two of them is there once", async () => {
  await using folder = await tempFolder();
  const [one, two] = [issued(["one.test"], { days: 10 }), issued(["two.test"], { days: 90 })];
  const places = ["a", "b"].map((name): CertificatePlace => ({
    kind: "folder",
    path: folder.file(name),
  }));
  for (const name of ["a", "b"]) await mkdir(folder.file(name));
  await writeFile(folder.file("a/one.pem"), one.cert + one.key);
  await writeFile(folder.file("b/one.pem"), one.cert + one.key);
  await writeFile(folder.file("b/two.pem"), two.cert + two.key);
  let changes = 0;
  using watched = new WatchedPlaces(silentLog, () => changes++);
  await watched.prepare(places);
  const shown = (of = places) => watched.held(of).map(({ certificate }) => certificate.names[0]);
  assert.deepEqual(shown(), ["one.test", "two.test"]);
  assert.deepEqual(shown(places.toReversed()), ["two.test", "one.test"]);
  const before = watched.held(places);
  assert.equal(watched.held(places), before, "the same list");
  await watched.prepare(places);
  assert.equal(watched.held(places), before, "also after it was read again");

  const next = issued(["next.test"]);
  await writeFile(folder.file("a/one.pem"), next.cert + next.key);
  await eventually("the change", () => shown()[0] === "next.test" || undefined);
  assert.ok(changes >= 2);
  assert.deepEqual(shown(), ["next.test", "two.test", "one.test"]);

  await writeFile(folder.file("b/two.pem"), "");
  await watched.prepare(places);
  assert.deepEqual(
    watched.faults(places).map(({ path }) => path),
    [folder.file("b/two.pem")],
  );
  watched.settle(places.slice(0, 1));
  assert.deepEqual(shown(), ["next.test"], "the other one is not watched any more");
  assert.deepEqual(watched.faults(places), []);
});
