// Whole programs in a fleet: cookies when a node has to begin without etcd, and a program that is replaced while
// it runs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { controlOf } from "../harness/control.ts";
import { type Etcd, etcdNeeds, startEtcd } from "../harness/etcd.ts";
import { LiveOrigin } from "../harness/live-origin.ts";
import { valuesOf } from "../harness/message.ts";
import { needs } from "../harness/needs.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { skip: needs(...etcdNeeds), timeout: 90_000 };

function start(name: string, etcd: Etcd, backends: readonly string[], workers = 0) {
  return startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      services: { pool: { backends, sticky: true } },
      routes: { "app.test": { service: "pool" } },
      fleet: { etcd: { endpoints: etcd.endpoints }, node: name, ttl: "3s" },
    },
    workers,
  });
}

/** The origin that answered, and the cookie that was given; "" = none. */
async function visit(program: Tidegate, cookie = ""): Promise<{ origin: string; cookie: string }> {
  const headers = cookie === "" ? {} : { Cookie: cookie };
  const answer = await ask(program.port(), { name: "app.test", headers });
  assert.equal(answer.status, 200);
  const [line = ""] = valuesOf(answer.headers, "Set-Cookie");
  return {
    origin: valuesOf(answer.headers, "X-Origin").join(),
    cookie: /^[^;]*/.exec(line)?.[0] ?? "",
  };
}

const joined = (program: Tidegate) => program.waitForLog(/joined the fleet/);

test(
  "a node that begins without etcd goes over to the cookies of all, and breaks no session",
  bounded,
  async () => {
    await using etcd = await startEtcd();
    await using a = await LiveOrigin.start("a");
    await using b = await LiveOrigin.start("b");
    const urls = [a.url, b.url];
    await using one = await start("one", etcd, urls);
    await joined(one);
    // The first that joins: its own cookies are those of all.
    const ofOne = await visit(one);
    await eventually("the secret", async () =>
      (await etcd.ctl(["get", "tidegate-fleet/secret"])) === "" ? undefined : true,
    );
    await etcd.kill();
    await using two = await start("two", etcd, urls, 2);
    const alone = await visit(two);
    assert.match(alone.cookie, /^tidegate=/);
    assert.equal((await visit(two, alone.cookie)).cookie, "");
    await etcd.startAgain();
    await eventually(
      "a cookie that all know",
      async () => {
        const again = await visit(two, alone.cookie);
        // All the time it leads to where it led.
        assert.equal(again.origin, alone.origin);
        return again.cookie === "" ? undefined : true;
      },
      20_000,
    );
    const shared = (await visit(two, alone.cookie)).cookie;
    assert.notEqual(shared, alone.cookie);
    for (const each of [one, two]) {
      assert.deepEqual(await visit(each, shared), { origin: alone.origin, cookie: "" });
      assert.deepEqual(await visit(each, ofOne.cookie), { origin: ofOne.origin, cookie: "" });
    }
    // Also after a new start without etcd: it was kept.
    await etcd.kill();
    await two.stop();
    await using again = await two.startAgain();
    assert.deepEqual(await visit(again, shared), { origin: alone.origin, cookie: "" });
    assert.equal((await visit(again, alone.cookie)).origin, alone.origin);
  },
);

test(
  "a program that is replaced while it runs stays in the fleet, with its orders",
  bounded,
  async () => {
    await using etcd = await startEtcd();
    await using a = await LiveOrigin.start("a");
    await using b = await LiveOrigin.start("b");
    const urls = [a.url, b.url];
    await using one = await start("one", etcd, urls, 1);
    await using two = await start("two", etcd, urls);
    await Promise.all([joined(one), joined(two)]);
    const drained = async (program: Tidegate) => {
      const { stdout } = await controlOf(program.control).command("services", "pool");
      return stdout.includes("draining") ? true : undefined;
    };
    await controlOf(one.control).command("drain", "pool", a.url);
    await eventually("the drain", () => drained(two));
    assert.equal((await controlOf(one.control).order("upgrade")).ok, true);
    const { stdout } = await controlOf(two.control).command("nodes");
    assert.match(stdout, new RegExp(`^one +up .* ${one.pid} `, "m"));
    assert.equal(await drained(one), true);
    assert.doesNotMatch(one.stderr(), /another node is in the fleet/);
    await eventually("the successor in the fleet", async () => {
      const nodes = await controlOf(one.control).command("nodes");
      return /^state +joined/m.test(nodes.stdout) ? true : undefined;
    });
    await controlOf(one.control).command("resume", "pool", a.url);
    await eventually("the end of the drain", async () =>
      (await drained(two)) === true ? undefined : true,
    );
  },
);

test(
  "a node that hangs leaves, and obeys what was ordered meanwhile when it goes on",
  bounded,
  async () => {
    await using etcd = await startEtcd();
    await using a = await LiveOrigin.start("a");
    await using b = await LiveOrigin.start("b");
    await using one = await start("one", etcd, [a.url, b.url]);
    await using two = await start("two", etcd, [a.url, b.url]);
    await Promise.all([joined(one), joined(two)]);
    const nodes = async () => (await controlOf(one.control).command("nodes")).stdout;
    await eventually("both", async () => (/^two +up/m.test(await nodes()) ? true : undefined));
    two.signal("SIGSTOP");
    await eventually(
      "it to be gone",
      async () => (/^two +gone/m.test(await nodes()) ? true : undefined),
      10_000,
    );
    await controlOf(one.control).command("maintenance", "pool", "on");
    two.signal("SIGCONT");
    await eventually(
      "it to be back",
      async () => (/^two +up/m.test(await nodes()) ? true : undefined),
      20_000,
    );
    await eventually("its maintenance", async () =>
      (await ask(two.port(), { name: "app.test" })).status === 503 ? true : undefined,
    );
  },
);
