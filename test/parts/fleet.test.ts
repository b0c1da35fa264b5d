// Two programs on hosts of their own that share what they know over an etcd on a third one, through the loss of
// a node, of etcd and of the cable; with traffic on both all the time, every answer of which is looked at.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import {
  fleetNeeds,
  type FleetNode,
  type FleetStand,
  nodeOf,
  service,
  startFleet,
  ttl,
} from "../harness/fleet.ts";
import { valuesOf } from "../harness/message.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { needs } from "../harness/needs.ts";
import { summaryOf } from "../harness/steady-load.ts";

const skip = needsRoot() || needs(...fleetNeeds);

const modest = { kept: 2, pauseMs: 40, newPerSecond: 20, slow: 1 };

async function originsOf(node: FleetNode, count = 8): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let at = 0; at < count; at++) {
    const { status, headers } = await node.ask();
    assert.equal(status, 200);
    for (const each of valuesOf(headers, "X-Origin")) seen.add(each);
  }
  return seen;
}

async function order(node: FleetNode, ...words: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await node.control.command(...words);
  assert.equal(code, 0, `${stdout}${stderr}`);
}

/** Both loads run, and nobody of them missed an answer when `work` is done. */
async function underLoad({ one, two }: FleetStand, work: () => Promise<void>): Promise<void> {
  for (const each of [one, two]) await each.load.begin(each.program.port(), modest);
  await work();
  for (const each of [one, two]) {
    await each.load.lap();
    const report = await each.load.stop();
    assert.equal(report.failed, 0, `${each.name}: ${summaryOf(report)}`);
    assert.ok(report.answered > 20, String(report.answered));
  }
}

test(
  "nodes share marks, drain and maintenance, and believe each other's cookies",
  { skip, timeout: 120_000 },
  async (context) => {
    await using stand = await startFleet({ sticky: true, passive: { deadFor: "60s" } });
    const { one, two, a, etcd } = stand;

    await context.test("a cookie of one leads to the same backend at the other", async () => {
      const { headers } = await one.ask();
      const [line = ""] = valuesOf(headers, "Set-Cookie");
      const cookie = /^[^;]+/.exec(line)?.[0] ?? "";
      assert.match(cookie, /^tidegate=./);
      const [origin = ""] = valuesOf(headers, "X-Origin");
      await eventually("the other to know the cookie", async () => {
        const again = await two.ask({ Cookie: cookie });
        return valuesOf(again.headers, "Set-Cookie").length === 0 ? true : undefined;
      });
      for (let times = 0; times < 6; times++) {
        for (const each of [one, two]) {
          const again = await each.ask({ Cookie: cookie });
          assert.deepEqual(valuesOf(again.headers, "X-Origin"), [origin], each.name);
        }
      }
    });

    await context.test(
      "a drained backend gets nothing from either, until it is resumed",
      async () => {
        await order(one, "drain", service, a.url);
        await two.shows("draining", a);
        assert.deepEqual(await originsOf(two), new Set(["b"]));
        await order(two, "resume", service, a.url);
        await one.shows("up", a);
        assert.deepEqual(await originsOf(one), new Set(["a", "b"]));
      },
    );

    await context.test("maintenance is of all, and a pause is of one", async () => {
      await order(two, "maintenance", service, "on");
      await one.shows("maintenance");
      assert.equal((await one.ask()).status, 503);
      await order(one, "maintenance", service, "off");
      await two.shows("up");
      await order(one, "pause", service);
      await one.shows("paused");
      await order(two, "maintenance", service, "on");
      await order(two, "maintenance", service, "off");
      assert.equal(await two.stateOf(), "up");
      // Both orders are on their way to it, and change nothing in the end.
      await one.shows("paused");
      await order(one, "resume", service);
    });

    await context.test(
      "what is dead for one is dead for the other, and lives for both",
      async () => {
        await a.kill();
        // Its own traffic has to find it out; the other one has none.
        await eventually("the mark", async () => {
          await one.ask();
          return (await one.stateOf(a)) === "dead" ? true : undefined;
        });
        await two.shows("dead", a);
        const before = two.program.stderr();
        assert.match(before, /seen by one\).*backend dead/);
        // As if the node itself had found it alive: its time would last for a minute.
        await a.revive();
        const [key = ""] = (
          await etcd.ctl(["get", "--prefix", "--keys-only", "tidegate-fleet/dead/"])
        )
          .trim()
          .split("\n");
        await etcd.remove(key);
        await Promise.all([one.shows("up", a), two.shows("up", a)]);
        assert.deepEqual(await originsOf(two), new Set(["a", "b"]));
      },
    );

    await context.test("`tidegate nodes` says who is there", async () => {
      const { code, stdout } = await one.control.command("nodes");
      assert.equal(code, 0);
      assert.match(stdout, /^etcd +http:\/\/\S+, keys tidegate-fleet\/$/m);
      assert.match(stdout, /^state +joined, for .*; last answer \S+ ago, within \d+ ms$/m);
      assert.match(stdout, /^one \(this\) +up .*web 0\.0\.0\.0:\d+/m);
      assert.match(stdout, /^two +up .*web 0\.0\.0\.0:\d+/m);
      const { fleet } = JSON.parse((await two.control.command("nodes", "--json")).stdout);
      assert.deepEqual(
        fleet.nodes.map(({ name, state }: { name: string; state: string }) => [name, state]),
        [
          ["two", "up"],
          ["one", "up"],
        ],
      );
    });
  },
);

test(
  "a node that alone has lost its way to the backends takes them from nobody else",
  { skip, timeout: 120_000 },
  async () => {
    await using stand = await startFleet(
      { passive: { deadFor: "60s" }, whenAllDown: "refuse" },
      { timeouts: { connect: "500ms", response: "1s" } },
    );
    const { one, two, a, b, origins, etcd } = stand;
    const marks = () => etcd.ctl(["get", "--prefix", "--keys-only", "tidegate-fleet/dead/"]);
    const answers = new Map<number, number>();
    await two.host.lose(origins);
    const ending = new AbortController();
    const visitors = (async () => {
      while (!ending.signal.aborted) {
        const { status } = await one.ask();
        answers.set(status, (answers.get(status) ?? 0) + 1);
      }
    })();
    try {
      // No answer on connections that were open, and no new ones.
      await eventually(
        "both to be dead for it",
        async () => {
          await two.ask();
          const states = await Promise.all([two.stateOf(a), two.stateOf(b)]);
          return states.every((each) => each === "dead") ? true : undefined;
        },
        30_000,
      );
      // It is joined all the time: it is not etcd that it has lost.
      await two.joined(2);
      assert.match(two.program.stderr(), /it may be cut off, so other nodes are told of none/);
      await eventually("no mark", async () => ((await marks()) === "" ? true : undefined));
      await Promise.all([one.shows("up", a), one.shows("up", b)]);
      assert.equal((await two.ask()).status, 503);
    } finally {
      ending.abort();
      await visitors;
    }
    assert.deepEqual([...answers.keys()], [200]);
    assert.ok((answers.get(200) ?? 0) > 50);
  },
);

test(
  "a node that is killed leaves within its time, and nobody else notices",
  { skip, timeout: 90_000 },
  async () => {
    await using stand = await startFleet();
    const { one, two } = stand;
    await one.load.begin(one.program.port(), modest);
    for (const pid of two.program.pids()) process.kill(pid, "SIGKILL");
    const killedAt = performance.now();
    await eventually(
      "it to be gone",
      async () => {
        const { nodes } = await one.fleet();
        return nodes.find(({ name }) => name === "two")?.state === "gone" ? true : undefined;
      },
      // etcd looks every half second which leases have run out.
      ttl + 3000,
    );
    const took = performance.now() - killedAt;
    console.log(`a killed node is gone after ${took.toFixed(0)} ms, with a time of ${ttl} ms`);
    assert.match((await one.control.command("nodes")).stdout, /^two +gone/m);
    const again = await two.program.startAgain();
    try {
      const back = nodeOf("two", { ...two, program: again });
      await back.joined(2);
      await one.joined(2);
      // In an orderly end it need not be waited for.
      await again.stop();
      const stoppedAt = performance.now();
      await one.joined(1);
      assert.ok(performance.now() - stoppedAt < ttl / 2);
    } finally {
      await again[Symbol.asyncDispose]();
    }
    const report = await one.load.stop();
    assert.equal(report.failed, 0, summaryOf(report));
  },
);

test(
  "the second node of a name runs alone, says so, and joins when the first has left",
  { skip, timeout: 90_000 },
  async () => {
    await using stand = await startFleet();
    const { one, two } = stand;
    const other = await stand.start("one", two.host, two.load);
    try {
      await other.program.waitForLog(/another node is in the fleet as one .*set fleet\.node/);
      assert.equal((await other.fleet()).state, "alone");
      assert.equal((await other.ask()).status, 200);
      // What it orders stays its own.
      await order(other, "maintenance", service, "on");
      assert.equal((await other.ask()).status, 503);
      assert.equal((await one.ask()).status, 200);
      await order(other, "maintenance", service, "off");
      await one.program.stop();
      await other.joined(2);
    } finally {
      await other.program[Symbol.asyncDispose]();
    }
  },
);

test(
  "etcd killed, hung and without a cable: traffic goes on, and then all agree again",
  { skip, timeout: 240_000 },
  async (context) => {
    await using stand = await startFleet();
    const { one, two, etcd, a, b } = stand;
    await underLoad(stand, async () => {
      await context.test("killed: what was ordered meanwhile is told afterwards", async () => {
        await etcd.kill();
        await Promise.all([one.away(), two.away()]);
        await order(one, "drain", service, a.url);
        assert.equal(await one.stateOf(a), "draining");
        assert.equal(await two.stateOf(a), "up");
        assert.match((await two.control.command("nodes")).stdout, /^state +away: etcd does not/m);
        await etcd.startAgain();
        await two.shows("draining", a, 30_000);
        await order(two, "resume", service, a.url);
        await one.shows("up", a);
      });

      await context.test("hung: found out, and as if nothing had been afterwards", async () => {
        etcd.signal("SIGSTOP");
        await Promise.all([one.away(), two.away()]);
        await order(two, "maintenance", service, "on");
        await one.load.lap();
        etcd.signal("SIGCONT");
        await one.shows("maintenance", undefined, 30_000);
        await order(one, "maintenance", service, "off");
        await two.shows("up");
      });

      await context.test("cut off: who comes back takes over what the others decided", async () => {
        await order(one, "drain", service, a.url);
        await two.shows("draining", a);
        await two.host.cut();
        await two.away();
        await one.joined(1);
        // The first was ordered before the second, on the other side of the cut.
        await order(two, "drain", service, b.url);
        await order(two, "maintenance", service, "on");
        await order(one, "resume", service, a.url);
        await order(one, "maintenance", service, "on");
        await order(one, "maintenance", service, "off");
        await two.load.lap();
        assert.equal(await two.stateOf(a), "draining");
        await two.host.mend();
        await Promise.all([one.joined(2, 30_000), two.joined(2, 30_000)]);
        await two.shows("up", a);
        await one.shows("draining", b);
        // Whoever said it last is obeyed.
        await eventually("the end of maintenance", async () =>
          (await two.stateOf()) === "degraded" ? true : undefined,
        );
        assert.equal(await one.stateOf(), await two.stateOf());
        await order(one, "resume", service, b.url);
        await two.shows("up", b);
      });
    });
  },
);
