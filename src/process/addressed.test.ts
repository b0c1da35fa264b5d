import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { ask } from "../../test/harness/ask.ts";
import { eventually } from "../../test/harness/barrier.ts";
import { connect } from "../../test/harness/client.ts";
import { dnsmasqNeeds, startDnsmasq } from "../../test/harness/dnsmasq.ts";
import { LiveOrigin } from "../../test/harness/live-origin.ts";
import { needs } from "../../test/harness/needs.ts";
import {
  addressedService,
  foundService,
  planeStand,
  type PlaneStand,
} from "../../test/harness/plane-stand.ts";
import type { Service } from "../config/service.ts";

const withDns = { skip: needs(...dnsmasqNeeds), timeout: 30_000 };

const hosts = {
  "ready.test": "127.0.0.1",
  "a.test": "fd00:0:0::000a",
  "b.test": "fd00::b",
  "c.test": "fd00::c",
  "v4.test": "192.0.2.1",
};

/** The data plane, asking this name server. */
async function standWith(server: string, ...services: readonly Service[]): Promise<PlaneStand> {
  const before = process.env["TIDEGATE_DNS"];
  process.env["TIDEGATE_DNS"] = server;
  try {
    return await planeStand(...services);
  } finally {
    if (before === undefined) delete process.env["TIDEGATE_DNS"];
    else process.env["TIDEGATE_DNS"] = before;
  }
}

/** Containers with the addresses of a.test and b.test, and a name server that knows them. */
async function setUp(settings: Parameters<typeof addressedService>[1] = {}) {
  await using stack = new AsyncDisposableStack();
  const dns = stack.use(await startDnsmasq({ hosts, domains: ["test"] }));
  const a = stack.use(await LiveOrigin.start("a"));
  const b = stack.use(await LiveOrigin.start("b"));
  // As a platform may write them.
  const members = { "fd00::A": "a@lxc", "FD00:0::000b": "b@lxc", "not an address": "b@lxc" };
  const shop = addressedService(members, settings);
  const services = [
    shop,
    foundService({ name: "a@lxc", ports: [a.port] }),
    foundService({ name: "b@lxc", ports: [b.port] }),
  ];
  const stand = stack.use(await standWith(`127.0.0.1:${dns.port}`, ...services));
  const codeOf = async (name: string, path = "/") => {
    const answer = await ask(stand.port, { name, path, headers: { Accept: "application/json" } });
    return answer.status === 200 ? answer.headers : JSON.parse(answer.body).code;
  };
  const held = stack.move();
  return {
    stand,
    dns,
    a,
    b,
    shop,
    services,
    codeOf,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

const isolated = { ...withDns, concurrency: false };

test(
  "the container that has the address of the requested host's name answers",
  isolated,
  async () => {
    await using it = await setUp();
    for (const name of ["a.test", "b.test", "A.TEST:80", "a.test."]) {
      const answer = await ask(it.stand.port, { name, path: "/x?y" });
      assert.deepEqual(
        [answer.status, JSON.parse(answer.body).origin],
        [200, name[0]?.toLowerCase()],
      );
    }
    assert.deepEqual(it.a.targets, ["/x?y", "/x?y", "/x?y"]);
    assert.equal(it.a.requests[1]?.headers["host"], "A.TEST:80");
    assert.equal(await it.codeOf("c.test"), "NO_ROUTE", "an address that nobody has");
    assert.equal(await it.codeOf("v4.test"), "NO_ROUTE", "no IPv6 address");
    assert.equal(await it.codeOf("unknown.test"), "NO_ROUTE", "no such name");
    assert.equal(await it.codeOf("[fd00::a]"), "NO_ROUTE", "no name");
    assert.equal(await it.codeOf("192.0.2.1"), "NO_ROUTE", "no name");
    // This server refuses to answer for others.
    assert.equal(await it.codeOf("unknown.example"), "NAME_NOT_FOUND");
    assert.match(it.stand.told.join("\n"), /cannot be looked up.*unknown\.example/);
  },
);

test("a name is asked for once, however many requests want it at once", isolated, async () => {
  await using it = await setUp();
  const answers = Array.from({ length: 20 }, () => ask(it.stand.port, { name: "a.test" }));
  for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
  assert.equal(it.dns.asked().filter((name) => name === "a.test").length, 1);
  const members = { "fd00::a": "b@lxc" };
  await it.stand.apply(addressedService(members), ...it.services.slice(1));
  const { body } = await ask(it.stand.port, { name: "a.test" });
  assert.equal(JSON.parse(body).origin, "b", "the address has moved, and the name is still known");
  // The record says 0 seconds, of which we make one.
  await eventually("the name to be asked for again", async () => {
    await ask(it.stand.port, { name: "a.test" });
    return it.dns.asked().filter((name) => name === "a.test").length === 2 || undefined;
  });
});

test(
  "rewrites change the name that is looked up, in order, and not the Host header",
  isolated,
  async () => {
    await using it = await setUp({
      rewrites: [
        { kind: "exact", from: "old.test", to: "x.old.test" },
        { kind: "pattern", pattern: "^(.*)\\.old\\.test$", flags: "i", to: "$1.new.test" },
        { kind: "exact", from: "x.new.test", to: "a.test" },
        { kind: "exact", from: "bad.test", to: "not a name" },
      ],
    });
    assert.equal((await ask(it.stand.port, { name: "old.test" })).status, 200);
    assert.equal(it.a.requests[0]?.headers["host"], "old.test");
    assert.equal(await it.codeOf("bad.test"), "NO_ROUTE");
  },
);

test(
  "on the host that is meant for it the first segment of the path is the name",
  isolated,
  async () => {
    await using it = await setUp({ rewrites: [], nameInPathOf: "secure.test" });
    const name = "secure.test";
    for (const path of ["/a.test/x/y?z=/b.test", "/b.test", "/A.test/", "/a.test/%41//b/"]) {
      assert.equal((await ask(it.stand.port, { name, path })).status, 200, path);
    }
    assert.deepEqual(it.a.targets.slice(0, 2), ["/x/y?z=/b.test", "/"]);
    assert.deepEqual(it.b.targets, ["/"]);
    assert.equal(it.a.requests[0]?.headers["host"], "secure.test");
    for (const path of ["/", "/c.test/x", "/a.test:80/", "/[fd00::a]/", "/fd00::a/"]) {
      assert.equal(await it.codeOf(name, path), "NO_ROUTE", path);
    }
  },
);

test("a request with a body waits for DNS, and arrives whole", isolated, async () => {
  await using it = await setUp();
  for (const [name, length] of [
    ["a.test", 10],
    ["b.test", 300_000],
  ] as const) {
    const body = "b".repeat(length);
    assert.equal((await ask(it.stand.port, { name, method: "POST", body })).status, 200);
  }
  assert.equal(it.a.requests[0]?.body.length, 10);
  assert.equal(it.b.requests[0]?.body.length, 300_000);
  await it.stand.apply(...it.services);
  await using client = await connect(it.stand.port);
  await client.send(
    "POST /1 HTTP/1.1\r\nHost: v4.test\r\nContent-Length: 5\r\n\r\n12345" +
      "POST /2 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
  );
  assert.equal((await client.readResponse()).status, 404);
  assert.equal((await client.readResponse()).status, 200);
  assert.equal(it.a.requests[1]?.body, "x");
});

test(
  "a name server that says nothing costs two seconds, and those who left nothing",
  isolated,
  async () => {
    const silent = createSocket("udp4");
    silent.bind(0, "127.0.0.1");
    await once(silent, "listening");
    const asked = once(silent, "message");
    try {
      await using stand = await standWith(
        `127.0.0.1:${silent.address().port}`,
        addressedService({}),
      );
      const begun = performance.now();
      const late = ask(stand.port, { headers: { Accept: "application/json" } });
      await using gone = await connect(stand.port);
      await gone.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\n1");
      await asked;
      await gone[Symbol.asyncDispose]();
      const answer = await late;
      assert.deepEqual([answer.status, JSON.parse(answer.body).code], [502, "NAME_NOT_FOUND"]);
      const ms = performance.now() - begun;
      assert.ok(ms > 1000 && ms < 3500, `${ms} ms`);
      const codes = await stand.end();
      assert.deepEqual(codes.toSorted(), ["CLIENT_CLOSED 499", "NAME_NOT_FOUND 502"]);
    } finally {
      silent.close();
    }
  },
);

test(
  "text in TIDEGATE_DNS that is no address fails requests, and nothing else",
  isolated,
  async () => {
    await using stand = await standWith("nonsense", addressedService({}));
    assert.equal((await ask(stand.port)).status, 502);
    assert.match(stand.told.join("\n"), /nonsense/);
  },
);

test("as a part of another service it leads nowhere", isolated, async () => {
  await using it = await setUp();
  const group: Service = {
    kind: "failover",
    name: "shop",
    origin: { provider: "file", place: "" },
    maintenance: undefined,
    services: ["inner", "b@lxc"],
    statuses: [],
  };
  const inner = { ...it.shop, name: "inner" };
  await it.stand.apply(group, inner, ...it.services.slice(1));
  assert.equal(JSON.parse((await ask(it.stand.port, { name: "a.test" })).body).origin, "b");
  await it.stand.apply({ ...group, services: ["inner"] }, inner, ...it.services.slice(1));
  assert.equal(await it.codeOf("a.test"), "BACKEND_STOPPED");
});
