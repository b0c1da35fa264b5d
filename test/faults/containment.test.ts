// Our own parts fail: a middleware throws at each of its moments, or cannot even be made; a provider dies.
// Whatever it is costs one exchange at most, never the process, and never fills the log.

import { noDocuments } from "../../src/config/documents.ts";
import { noGuests } from "../../src/config/guest.ts";
import { noCredentials } from "../../src/config/certificate.ts";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import type { Log } from "../../src/lib/log.ts";
import { fixedProvider } from "../../src/providers/fixed.ts";
import { kept } from "../../src/providers/kept.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { eventually, within } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { httpOrigin, origin } from "../harness/origin.ts";
import { addMiddlewares } from "./hooks.ts";
import { type Plane, startPlane } from "./plane.ts";

const bounded = { timeout: 30_000 };
const routes = (url: string) => ({ "a.test/bad": url, "a.test": url });

const thrower = () => {
  throw new TypeError("a bug of ours");
};

async function statusOf(proxy: Plane, path: string): Promise<number> {
  await using client = await connect(proxy.port);
  await client.send(`GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
  const { status } = await client.readResponse();
  await client.waitClose();
  return status;
}

const descriptors = () => readdirSync("/proc/self/fd").length;

/** What the log was told of middlewares. */
const told: string[] = [];
const tell = (message: string, fields = {}) =>
  void told.push(`warn: ${message} ${JSON.stringify(fields)}`);

/** Asks often enough for a flood; whatever is left over is found. */
async function floods(proxy: Plane, moment: string, status: number): Promise<void> {
  told.length = 0;
  for (let count = 0; count < 50; count++) assert.equal(await statusOf(proxy, "/bad"), status);
  await proxy.assertServes();
  await proxy.assertNothingLeft();
  assert.equal(told.length, 1, told.join("\n"));
  assert.match(told[0] ?? "", /^warn: .*"route":"a\.test\/bad"/);
  assert.match(told[0] ?? "", new RegExp(`"moment":"${moment}".*TypeError: a bug of ours`));
  assert.match(told[0] ?? "", /"place":"at .*thrower .*containment\.test\.ts/);
}

test("a request hook that throws costs its exchange and one line of the log", bounded, async () => {
  await using back = await httpOrigin((_request, response) => response.end("ok"));
  using _ = addMiddlewares("a.test/bad", [{ onRequest: thrower }], tell);
  await using proxy = await startPlane({ routes: routes(back.url) });
  await floods(proxy, "request", 500);
  const lines = await proxy.end();
  assert.equal(lines.filter(({ failure }) => failure === "INTERNAL").length, 50);
});

test(
  "a response hook that throws costs its exchange and one line of the log",
  bounded,
  async () => {
    await using back = await httpOrigin((_request, response) => response.end("ok"));
    using _ = addMiddlewares("a.test/bad", [{ onResponse: thrower }, { onResponse() {} }], tell);
    await using proxy = await startPlane({ routes: routes(back.url) });
    await floods(proxy, "response", 500);
    const lines = await proxy.end();
    assert.equal(lines.filter(({ failure }) => failure === "INTERNAL").length, 50);
  },
);

test(
  "a response hook that throws stops an answer with a body and an upgrade",
  bounded,
  async () => {
    await using back = await origin();
    using _ = addMiddlewares("a.test/bad", [{ onResponse: thrower }], tell);
    await using proxy = await startPlane({ routes: routes(back.url) });
    const upgrade =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi";
    const endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    for (const answer of [upgrade, endless]) {
      await using client = await connect(proxy.port);
      const wish = "Connection: Upgrade\r\nUpgrade: x\r\n";
      await client.send(`GET /bad HTTP/1.1\r\nHost: a.test\r\n${wish}\r\n`);
      const connection = await back.accept();
      await connection.readRequest();
      await connection.send(answer);
      assert.equal((await client.readResponse()).status, 500);
      await client.waitClose();
      await connection.waitClose();
      connection.socket.destroy();
    }
    await proxy.assertNothingLeft();
  },
);

test(
  "a done hook that throws harms neither the answer, nor other hooks, nor the access log",
  bounded,
  async () => {
    await using back = await httpOrigin((_request, response) => response.end("ok"));
    let done = 0;
    using _ = addMiddlewares(
      "a.test/bad",
      [{ onDone: () => void done++ }, { onDone: thrower }],
      tell,
    );
    await using proxy = await startPlane({ routes: routes(back.url) });
    await floods(proxy, "done", 200);
    assert.equal(done, 50);
    const lines = await proxy.end();
    assert.equal(
      lines.filter(({ target, status }) => target === "/bad" && status === 200).length,
      50,
    );
  },
);

test("a middleware that cannot be made keeps the last good configuration", bounded, async () => {
  await using back = await httpOrigin((_request, response) => response.end("ok"));
  await using proxy = await startPlane({ routes: routes(back.url) });
  const { snapshot } = proxy.plane;
  const [bad, ...others] = snapshot.routes;
  assert.ok(bad);
  // What no reading lets through: a body that is no text. Another service and log are opened before it.
  const broken = { kind: "respond", status: 200, body: null, contentType: "x" } as never;
  const services = [...snapshot.services.values()].map((each) => {
    assert.ok(each.kind === "backends");
    return { ...each, pool: { ...each.pool, maxIdle: 7 } };
  });
  const next = {
    ...snapshot,
    version: 2,
    routes: [{ ...bad, middlewares: [broken] }, ...others],
    services: new Map(services.map((each) => [each.name, each])),
    accessLog: { ...snapshot.accessLog, format: "combined" },
  };
  await proxy.assertServes();
  await proxy.assertNothingLeft();
  const opened = descriptors();
  for (let count = 0; count < 5; count++) {
    await assert.rejects(
      proxy.plane.apply(next),
      /^Error: the middleware respond of the route a\.test\/bad cannot be made: .*null/s,
    );
  }
  assert.equal(proxy.plane.snapshot, snapshot);
  await eventually("files to be closed", () => (descriptors() === opened ? true : undefined));
  assert.equal(await statusOf(proxy, "/bad"), 200);
  await proxy.assertNothingLeft();
});

test(
  "a provider that dies is started again, and what it said last serves meanwhile",
  bounded,
  async () => {
    await using back = await httpOrigin((_request, response) => response.end("ok"));
    await using proxy = await startPlane({ routes: { "a.test": back.url } });
    const { version: _version, secret: _secret, ...catalog } = proxy.plane.snapshot;
    const route = {
      ...catalog.routes[0]!,
      name: "new",
      rule: { kind: "host", host: "b.test" },
    } as const;
    let starts = 0;
    const revived = Promise.withResolvers<void>();
    const provider: Provider = {
      name: "shaky",
      async *catalogs(signal) {
        starts++;
        yield* fixedProvider(catalog).catalogs(AbortSignal.abort());
        if (starts < 4) throw new Error("the daemon is gone");
        await revived.promise;
        const routes = [...catalog.routes, route];
        yield* fixedProvider({ ...catalog, routes }).catalogs(signal);
      },
    };
    const told: string[] = [];
    const tell = (text: string) => void told.push(text);
    const log: Log = { debug: tell, info: tell, warn: tell, error: tell };
    const ending = new AbortController();
    const restart = { first: 5, longest: 20, forgottenAfter: 60_000 };
    let version = 1;
    const following = (async () => {
      for await (const update of kept(provider, { log, restart }).catalogs(ending.signal)) {
        assert.equal(update.kind, "catalog");
        if (update.kind === "catalog")
          await proxy.plane.apply({
            ...update.catalog,
            version: ++version,
            secret: "",
            credentials: noCredentials,
            guests: noGuests,
            documents: noDocuments,
          });
      }
    })();
    await eventually("three deaths", async () => {
      await proxy.assertServes();
      return starts === 4 ? true : undefined;
    });
    const round = ["a provider failed; what it said last stays", "a provider works again"];
    assert.deepEqual(told, [...round, ...round, ...round]);
    revived.resolve();
    await eventually("the new route", () =>
      proxy.plane.snapshot.routes.length === 2 ? true : undefined,
    );
    ending.abort();
    await within(following, 5000, "the provider to end");
    await proxy.assertNothingLeft();
  },
);
