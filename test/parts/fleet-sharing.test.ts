// What nodes of a fleet tell each other, with a real etcd: nodes that obey and note what they hear, without the
// rest of a program around them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fleetLimits as limits } from "../../src/config/fleet-limits.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import { type Order, orderKey } from "../../src/fleet/fleet-keys.ts";
import type { SharedMark, ShownMark } from "../../src/fleet/mark-book.ts";
import { eventually } from "../harness/barrier.ts";
import { type Etcd, etcdNeeds, startEtcd } from "../harness/etcd.ts";
import { needs } from "../harness/needs.ts";
import { silentLog } from "../harness/watched-source.ts";

const bounded = { skip: needs(...etcdNeeds), timeout: 60_000 };

const maintenance = (service: string): Order => {
  return { kind: "maintenance", service, backend: undefined };
};
const drain = (service: string, backend: string): Order => ({ kind: "drain", service, backend });
const dead = (service: string, backend: string, ms = 60_000): ShownMark => ({
  ...{ kind: "dead", service, backend, for: ms, why: "It said so.", isUnreachable: true },
});
const alive = (service: string, backend: string): ShownMark => {
  return { kind: "alive", service, backend };
};

interface User {
  readonly username: string;
  readonly password: string;
}

/** A node that has every service there is. */
class Node implements AsyncDisposable {
  readonly orders = new Map<string, Order>();
  /** Orders of others, as they came. */
  readonly heard: string[] = [];
  /** Of others. */
  marks: readonly SharedMark[] = [];
  readonly takenBack: string[] = [];
  secrets: string[] = [];
  own: string | undefined;
  /** As it serves. */
  snapshot = 3;
  readonly name: string;
  readonly fleet: Fleet;

  constructor(name: string, etcd: Etcd, given: readonly Order[] = [], user: Partial<User> = {}) {
    this.name = name;
    for (const each of given) this.orders.set(orderKey(each), each);
    const server = {
      ...{ place: "test", endpoints: etcd.endpoints, tls: undefined },
      ...{ username: undefined, password: undefined, ...user, prefix: "fleet/" },
    };
    this.fleet = new Fleet({
      settings: { server, node: name, ttl: 3000 },
      log: silentLog,
      obeying: {
        orders: () => [...this.orders.values()],
        obey: (order, isOn) => {
          this.heard.push(`${orderKey(order)} ${isOn ? "on" : "off"}`);
          this.#set(order, isOn);
        },
      },
      facts: () => ({
        ...{ program: `program of ${name}`, version: "1.0.0", pid: 7, since: "2026-11-21" },
        ...{ snapshot: this.snapshot, listeners: ["web 0.0.0.0:80"], admin: [] },
      }),
      onMarks: (marks) => (this.marks = marks),
      onTakenBack: (service, backend) => this.takenBack.push(`${service} ${backend}`),
      onSecret: (secret) => this.secrets.push(secret),
      secret: () => this.own,
    });
  }

  #set(order: Order, isOn: boolean): void {
    if (isOn) this.orders.set(orderKey(order), order);
    else this.orders.delete(orderKey(order));
  }

  /** As an operator does. */
  order(order: Order, isOn: boolean): void {
    this.#set(order, isOn);
    this.fleet.ordered(order, isOn);
  }

  is(state: "joined" | "away" | "alone"): Promise<unknown> {
    return eventually(
      `${this.name} to be ${state}`,
      () => (this.fleet.state.state === state ? true : undefined),
      15_000,
    );
  }

  has(order: Order, isOn = true): Promise<unknown> {
    return eventually(
      `${orderKey(order)} ${isOn ? "at" : "no more at"} ${this.name}`,
      () => (this.orders.has(orderKey(order)) === isOn ? true : undefined),
      15_000,
    );
  }

  knows(count: number): Promise<unknown> {
    return eventually(
      `${count} marks at ${this.name}`,
      () => (this.marks.length === count ? true : undefined),
      15_000,
    );
  }

  hears(takenBack: string): Promise<unknown> {
    return eventually(`${takenBack} to be taken back at ${this.name}`, () =>
      this.takenBack.includes(takenBack) ? true : undefined,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
  }
}

test("who orders last is obeyed, also when both order at once", bounded, async () => {
  await using etcd = await startEtcd();
  await using one = new Node("one", etcd);
  await using two = new Node("two", etcd);
  await Promise.all([one.is("joined"), two.is("joined")]);
  const strange = drain("a/b %C3%", "http://[::1]:80/x?y=__proto__");
  one.order(strange, true);
  await two.has(strange);
  two.order(strange, false);
  await one.has(strange, false);
  for (let times = 0; times < 10; times++) {
    const order = maintenance(`service ${times}`);
    one.order(order, true);
    two.order(order, false);
  }
  // The latest of all comes after what was before it.
  one.order(maintenance("last"), true);
  await two.has(maintenance("last"));
  await eventually("both to agree", () => {
    const keys = [one, two].map((each) => [...each.orders.keys()].sort().join());
    return keys[0] === keys[1] ? true : undefined;
  });
});

test(
  "what one ordered while etcd was away is told, unless another ordered later",
  bounded,
  async () => {
    await using etcd = await startEtcd();
    await using one = new Node("one", etcd);
    await using two = new Node("two", etcd);
    await Promise.all([one.is("joined"), two.is("joined")]);
    two.order(maintenance("taken back"), true);
    await one.has(maintenance("taken back"));
    await etcd.kill();
    await Promise.all([one.is("away"), two.is("away")]);
    one.order(maintenance("by one"), true);
    one.order(maintenance("disputed"), true);
    one.order(maintenance("taken back"), false);
    await new Promise((resolve) => setTimeout(resolve, 5)); // clocks count in milliseconds
    two.order(maintenance("disputed"), false);
    two.order(maintenance("by two"), true);
    await etcd.startAgain();
    await two.has(maintenance("by one"));
    await one.has(maintenance("by two"));
    await two.has(maintenance("taken back"), false);
    await one.has(maintenance("disputed"), false);
    assert.deepEqual([...two.orders.keys()].sort(), [...one.orders.keys()].sort());
  },
);

test(
  "what was ordered before anybody shared anything is told, and not taken back",
  bounded,
  async () => {
    await using etcd = await startEtcd();
    await using one = new Node("one", etcd, [maintenance("old")]);
    await one.is("joined");
    await using two = new Node("two", etcd);
    await two.has(maintenance("old"));
    assert.deepEqual(one.heard, []);
    // By hand it can be taken back as well.
    await etcd.ctl(["del", "fleet/orders/maintenance/old"]);
    await Promise.all([one.has(maintenance("old"), false), two.has(maintenance("old"), false)]);
  },
);

test(
  "a mark is of all until its time is over, or somebody finds that the backend lives",
  bounded,
  async () => {
    await using etcd = await startEtcd();
    await using one = new Node("one", etcd);
    await using two = new Node("two", etcd);
    await Promise.all([one.is("joined"), two.is("joined")]);
    one.fleet.shown(dead("pool", "http://a"));
    await two.knows(1);
    const [mark] = two.marks;
    assert.equal(mark?.why, "It said so. (seen by one)");
    assert.equal(mark.isUnreachable, true);
    const left = mark.until - Date.now();
    assert.ok(left > 50_000 && left <= 60_000, String(left));
    // Who tells of it does not hear of it.
    assert.deepEqual(one.marks, []);
    two.fleet.shown(alive("pool", "http://a"));
    await two.knows(0);
    await one.hears("pool http://a");
    // It is dead again, for as many workers as find it out: told once.
    for (let worker = 0; worker < 8; worker++) one.fleet.shown(dead("pool", "http://a"));
    await two.knows(1);
    one.fleet.shown(alive("pool", "http://a"));
    await two.knows(0);
    // One that nobody else knows says nothing, and one at once is told in order.
    two.fleet.shown(alive("pool", "http://never"));
    two.fleet.shown(dead("pool", "http://b"));
    two.fleet.shown(alive("pool", "http://b"));
    two.fleet.shown(dead("pool", "http://c", 1500));
    await eventually("that of c", () =>
      one.marks.some(({ backend }) => backend === "http://c") ? true : undefined,
    );
    await one.knows(0);
    // That its time is over is no contradiction.
    assert.ok(!one.takenBack.includes("pool http://c"));
  },
);

test("a mark that its node withdraws goes, also one that is on its way", bounded, async () => {
  await using etcd = await startEtcd();
  await using one = new Node("one", etcd);
  await using two = new Node("two", etcd);
  await Promise.all([one.is("joined"), two.is("joined")]);
  one.fleet.shown(dead("pool", "http://a"));
  two.fleet.shown(dead("pool", "http://b"));
  await Promise.all([one.knows(1), two.knows(1)]);
  one.fleet.shown(dead("pool", "http://c"));
  one.fleet.withdraw();
  await two.knows(0);
  one.order(maintenance("after"), true);
  await two.has(maintenance("after"));
  await two.knows(0);
  // It does not contradict itself, and what others found is theirs.
  assert.deepEqual(one.takenBack, []);
  assert.equal(one.marks[0]?.backend, "http://b");
  one.fleet.shown(dead("pool", "http://a"));
  await two.knows(1);
});

test("the marks of a node go with it, and are back when it is", bounded, async () => {
  await using etcd = await startEtcd();
  await using one = new Node("one", etcd);
  {
    await using two = new Node("two", etcd);
    await Promise.all([one.is("joined"), two.is("joined")]);
    two.fleet.shown(dead("pool", "http://a"));
    await one.knows(1);
  }
  await one.knows(0);
  // Whoever comes later does not believe it either.
  await using three = new Node("three", etcd);
  await three.is("joined");
  assert.deepEqual(three.marks, []);
  await using again = new Node("two", etcd);
  await Promise.all([again.is("joined"), one.knows(1), three.knows(1)]);
});

test(
  "while etcd is away marks wait, the latest of them, and what ran out is not told",
  bounded,
  async () => {
    await using etcd = await startEtcd();
    await using one = new Node("one", etcd);
    await one.is("joined");
    await etcd.kill();
    await one.is("away");
    one.fleet.shown(dead("pool", "http://over", 1));
    for (let at = 0; at < limits.marks + 500; at++) one.fleet.shown(dead("pool", `http://${at}`));
    await etcd.startAgain();
    await using two = new Node("two", etcd);
    await two.knows(limits.marks);
    assert.ok(two.marks.some(({ backend }) => backend === `http://${limits.marks + 499}`));
    assert.ok(!two.marks.some(({ backend }) => backend === "http://0"));
  },
);

test("an etcd that lost its data is told everything again", bounded, async () => {
  await using etcd = await startEtcd();
  await using one = new Node("one", etcd);
  await using two = new Node("two", etcd);
  one.own = "1".repeat(64);
  await Promise.all([one.is("joined"), two.is("joined")]);
  one.order(maintenance("kept"), true);
  one.fleet.shown(dead("pool", "http://a"));
  await Promise.all([two.has(maintenance("kept")), two.knows(1)]);
  await etcd.kill();
  await etcd.startEmpty();
  const keys = async () => await etcd.ctl(["get", "--prefix", "--keys-only", "fleet/"]);
  await eventually(
    "all of it",
    async () => {
      const all = await keys();
      const wanted = ["nodes/one", "nodes/two", "orders/maintenance/kept", "secret"];
      return wanted.every((each) => all.includes(`fleet/${each}`)) ? true : undefined;
    },
    15_000,
  );
  assert.deepEqual([...one.orders.keys()], [...two.orders.keys()]);
  assert.equal(one.orders.size, 1);
  two.order(maintenance("kept"), false);
  await one.has(maintenance("kept"), false);
});

test("the first who needs a secret shares its own, and the others take it", bounded, async () => {
  await using etcd = await startEtcd();
  await using one = new Node("one", etcd);
  await one.is("joined");
  const [first, second] = ["1".repeat(64), "2".repeat(64)];
  await using two = new Node("two", etcd);
  two.own = second;
  const of = (node: Node) =>
    eventually(`a secret at ${node.name}`, () => node.secrets.at(-1) ?? undefined);
  assert.equal(await of(two), second);
  one.own = first;
  one.fleet.settle();
  assert.equal(await of(one), second);
  // What is none, or is removed, changes nothing.
  await etcd.ctl(["put", "fleet/secret", "s3cret"]);
  await etcd.ctl(["del", "fleet/secret"]);
  one.order(maintenance("after"), true);
  await two.has(maintenance("after"));
  assert.equal(two.secrets.at(-1), second);
});

test("rubbish under the prefix is passed over, and the rest goes on", bounded, async () => {
  await using etcd = await startEtcd();
  const rubbish = [
    ["fleet/", "x"],
    ["fleet/nodes/", "{}"],
    ["fleet/nodes/__proto__", "[]"],
    ["fleet/nodes/evil", '{"id":"x","listeners":[1,{}],"pid":"no"}'],
    ["fleet/orders/drain/only", '{"on":true}'],
    ["fleet/orders/drain/%zz/b", '{"on":true}'],
    ["fleet/orders/maintenance/a", "true"],
    ["fleet/orders/maintenance/b", '{"on":"yes"}'],
    ["fleet/orders/other/b", '{"on":true}'],
    ["fleet/dead/a/b", '{"for":-1}'],
    ["fleet/dead/a/c", '{"for":1e300}'],
    ["fleet/dead/a/d", "{".repeat(limits.valueBytes * 2)],
    ["fleet/secret", "short"],
  ] as const;
  await etcd.putAll(rubbish);
  await using one = new Node("one", etcd);
  await using two = new Node("two", etcd);
  await Promise.all([one.is("joined"), two.is("joined")]);
  // The same again, as changes.
  await etcd.putAll(rubbish);
  one.order(maintenance("c"), true);
  one.fleet.shown(dead("pool", "http://a"));
  await two.has(maintenance("c"));
  await two.knows(1);
  assert.deepEqual(two.heard, ["orders/maintenance/c on"]);
  assert.deepEqual(two.secrets, []);
  const evil = two.fleet.nodes.find(({ name }) => name === "evil");
  assert.deepEqual(evil?.facts.listeners, []);
  assert.equal(evil.facts.pid, 0);
});

test("a node whose entry is removed by hand enters itself again", bounded, async () => {
  await using etcd = await startEtcd();
  await using one = new Node("one", etcd);
  await using two = new Node("two", etcd);
  const isThere = (node: Node) =>
    eventually("one to be there", () =>
      node.fleet.nodes.some((each) => each.name === "one" && each.goneSince === undefined)
        ? true
        : undefined,
    );
  await Promise.all([one.is("joined"), two.is("joined"), isThere(two)]);
  await etcd.ctl(["del", "fleet/nodes/one"]);
  const entry = () => etcd.ctl(["get", "fleet/nodes/one"]);
  await eventually(
    "its new entry",
    async () => ((await entry()) === "" ? undefined : true),
    15_000,
  );
  await Promise.all([one.is("joined"), isThere(two)]);
  one.order(maintenance("after"), true);
  await two.has(maintenance("after"));
});

test("a successor takes the place of its predecessor, and keeps it", bounded, async () => {
  await using etcd = await startEtcd();
  await using two = new Node("two", etcd);
  await using predecessor = new Node("one", etcd);
  await Promise.all([two.is("joined"), predecessor.is("joined")]);
  await using successor = new Node("one", etcd);
  await successor.is("joined");
  successor.snapshot = 7;
  successor.fleet.settle();
  const shown = () => {
    const one = two.fleet.nodes.find(({ name }) => name === "one");
    return one?.goneSince === undefined ? one?.facts.snapshot : "gone";
  };
  await eventually("what the successor serves", () => (shown() === 7 ? true : undefined));
  // Who is about to end has still something to say, but not who it is.
  predecessor.snapshot = 4;
  predecessor.order(maintenance("s"), true);
  await two.has(maintenance("s"));
  assert.equal(shown(), 7);
  await predecessor.fleet[Symbol.asyncDispose]();
  successor.order(maintenance("s"), false);
  await two.has(maintenance("s"), false);
  assert.equal(shown(), 7);
});

test("when one member of etcd is lost, the next one is asked", bounded, async () => {
  await using etcd = await startEtcd({ members: 3 });
  await using one = new Node("one", etcd);
  await using two = new Node("two", etcd);
  await Promise.all([one.is("joined"), two.is("joined")]);
  await etcd.kill(0);
  one.order(maintenance("after"), true);
  await two.has(maintenance("after"));
  await Promise.all([one.is("joined"), two.is("joined")]);
});

test("a user of etcd may do all that is needed with a role for the prefix", bounded, async () => {
  await using etcd = await startEtcd();
  for (const words of [
    ["role", "add", "fleet"],
    ["role", "grant-permission", "fleet", "--prefix=true", "readwrite", "fleet/"],
    ["user", "add", "node:s3cret"],
    ["user", "grant-role", "node", "fleet"],
    ["user", "add", "root:r00t"],
    ["user", "grant-role", "root", "root"],
    ["auth", "enable"],
  ]) {
    await etcd.ctl(words);
  }
  await using one = new Node("one", etcd, [maintenance("a")], {
    username: "node",
    password: "s3cret",
  });
  await using two = new Node("two", etcd, [], { username: "node", password: "s3cret" });
  await two.has(maintenance("a"));
  one.fleet.shown(dead("pool", "http://a"));
  await two.knows(1);
  await using nobody = new Node("nobody", etcd);
  await nobody.is("away");
  assert.match(nobody.fleet.state.trouble ?? "", /write username and password at test/);
});
