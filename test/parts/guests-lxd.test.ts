// Files of real instances of LXD through the real program: unprivileged ones, whose files belong to users that this
// machine does not know, and one of a project that has the name of another one.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { discoveryOf } from "../harness/discovered.ts";
import { answered, get, refused } from "../harness/guest-answers.ts";
import { type LxdDaemon, lxdNeeds, startLxd } from "../harness/lxd-daemon.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needsRoot() || needs(...lxdNeeds);

describe("instances of LXD whose files are served", { skip, timeout: 180_000 }, () => {
  let lxd: LxdDaemon;
  let program: Tidegate;
  before(async () => {
    lxd = await startLxd();
    program = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        providers: { lxd: { socket: lxd.socket } },
        routes: {
          "files.test": { service: { container: "lxd/site", files: "/www" } },
          "memory.test": { service: { container: "lxd/site", files: "/dev/shm" } },
        },
      },
    });
  });
  after(async () => {
    await program?.[Symbol.asyncDispose]();
    await lxd?.[Symbol.asyncDispose]();
  });

  const write = (name: string, path: string, text: string, ...words: readonly string[]) => {
    const script = `mkdir -p $(dirname ${path}); echo ${text} >${path}; chmod 600 ${path}`;
    return lxd.lxc(["exec", name, ...words, "--", "/bin/sh", "-c", script]);
  };

  test("files that only users of its own may read are served, again after a restart", async () => {
    await refused(program, "files.test/page.html", /^503 .*GUEST_AWAY/);
    await lxd.launch("site");
    await write("site", "/www/page.html", "layers");
    await write("site", "/dev/shm/note.txt", "one");
    assert.equal(await answered(program, "files.test/page.html"), "layers");
    assert.equal(await answered(program, "memory.test/note.txt"), "one");
    await lxd.lxc(["restart", "-f", "site"]);
    await write("site", "/dev/shm/note.txt", "two");
    assert.equal(await answered(program, "memory.test/note.txt", /two/), "two");
    assert.equal(await answered(program, "files.test/page.html"), "layers");
  });

  test("one of the same name in another project is not taken for it", async () => {
    const own = ["-c", "features.images=false", "-c", "features.profiles=false"];
    await lxd.lxc(["project", "create", "guests", ...own]);
    const claim = ["-c", "user.tidegate.host=thief.test", "-c", "user.tidegate.files=/www"];
    // Without a network: LXD lets nobody have a name twice there.
    const bare = ["--no-profiles", "--storage", "default"];
    await lxd.launch("site", ["--project", "guests", ...bare, ...claim]);
    await lxd.launch("honest", ["-c", "user.tidegate.host=honest.test", ...claim.slice(2)]);
    await write("site", "/www/page.html", "thief", "--project", "guests");
    await write("honest", "/www/page.html", "honest");
    assert.equal(await answered(program, "honest.test/page.html"), "honest");
    assert.equal(await answered(program, "files.test/page.html"), "layers");
    assert.equal((await get(program, "thief.test/page.html")).status, 404);
    const { findings } = await discoveryOf(program);
    const thief = findings.find(({ name, project }) => name === "site" && project === "guests");
    assert.match(JSON.stringify(thief?.notes), /another container of lxd is called site/);
    await lxd.lxc(["delete", "-f", "--project", "guests", "site"]);
  });

  test("stopped and deleted its files are away", async () => {
    await lxd.lxc(["stop", "-f", "site"]);
    await refused(program, "files.test/page.html", /^503 .*GUEST_AWAY/);
    await lxd.lxc(["delete", "-f", "site"]);
    await program.waitForLog(/there is no container site of lxd/);
    await refused(program, "files.test/page.html", /^503 .*GUEST_AWAY/);
  });
});
