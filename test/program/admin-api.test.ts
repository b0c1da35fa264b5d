// The admin API of a running program with two workers: real processes, real sockets, a real store. Its client is made
// from the document that the program serves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { adminConfig as config, clientOf, statuses } from "../harness/admin-program.ts";
import { ask } from "../harness/ask.ts";
import { LiveOrigin } from "../harness/live-origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

interface Change {
  readonly revision: number;
  readonly version: number | null;
  readonly dryRun: boolean;
  readonly changed: readonly { readonly name: string }[];
  readonly notes: readonly string[];
}

interface Items {
  readonly items: readonly {
    readonly name: string;
    readonly source: string;
    readonly place: string;
  }[];
  readonly total: number;
  readonly next: string | null;
}

test(
  "a route is made, changed, taken away and brought back, and every worker knows at once",
  bounded,
  async () => {
    await using one = await LiveOrigin.start("one");
    await using two = await LiveOrigin.start("two");
    await using program = await startTidegate({ config, workers: 2 });
    const api = await clientOf(program);
    assert.deepEqual(await statuses(program, "shop.test"), [404]);

    const changes = [
      { section: "services", name: "shop", value: one.url },
      { section: "routes", name: "shop.test/a", value: { service: "shop" } },
    ];
    const dry = await api.call("transact", { body: { changes }, dryRun: true });
    assert.deepEqual(
      [dry.status, (dry.body as Change).dryRun, (dry.body as Change).version],
      [200, true, null],
    );
    assert.equal((dry.body as Change).changed.length, 2);
    assert.deepEqual(await statuses(program, "shop.test", "/a"), [404], "that was a dry run");
    await api.call("transact", { body: { changes, note: "the shop opens" } });
    assert.deepEqual(await statuses(program, "shop.test", "/a"), [200]);
    assert.equal(one.requests.length, 12);

    const place = { name: "shop.test/a" };
    const got = await api.call("get_routes", place);
    const etag = got.headers.get("etag") ?? "";
    assert.match(etag, /^"\d+"$/);
    const same = await api.call("get_routes", { ...place, "If-None-Match": etag });
    assert.equal(same.status, 304);
    const patched = await api.call("patch_routes", {
      ...place,
      "If-Match": etag,
      body: { service: two.url },
    });
    assert.equal(patched.status, 200);
    assert.notEqual(patched.headers.get("etag"), etag);
    assert.deepEqual(await statuses(program, "shop.test", "/a"), [200]);
    assert.equal(two.requests.length, 12);

    const stale = await api.call("put_routes", { ...place, "If-Match": etag, body: one.url });
    assert.equal(stale.status, 412);
    const twice = await api.call("put_routes", { ...place, "If-None-Match": "*", body: one.url });
    assert.equal(twice.status, 412);
    const fresh = await api.call("put_routes", {
      name: "new.test",
      "If-None-Match": "*",
      body: one.url,
    });
    assert.deepEqual([fresh.status, fresh.headers.get("location")], [201, "/v1/routes/new.test"]);
    assert.deepEqual(await statuses(program, "new.test"), [200]);

    const before = (fresh.body as Change).revision;
    assert.equal((await api.call("delete_routes", { ...place, "If-Match": etag })).status, 412);
    assert.equal((await api.call("delete_routes", place)).status, 200);
    assert.deepEqual(await statuses(program, "shop.test", "/a"), [404]);
    assert.equal((await api.call("get_routes", place)).status, 404);
    assert.equal((await api.call("delete_routes", place)).status, 404);
    const back = await api.call("rollback", { body: { to: before, note: "too early" } });
    assert.equal(back.status, 200);
    assert.deepEqual(await statuses(program, "shop.test", "/a"), [200]);
    assert.equal((await api.call("rollback", { body: { to: 1000 } })).status, 404);

    const history = (await api.call("list_history")).body as {
      revisions: { number: number; by: string; note: string | null }[];
    };
    assert.equal(history.revisions[0]?.note, "too early");
    assert.match(history.revisions[0]?.by ?? "", /^admin from 127\.0\.0\.1$/);
    assert.equal(history.revisions.at(-1)?.note, "the shop opens");
    assert.equal((await api.call("get_history", { number: 1 })).status, 200);
    assert.equal((await api.call("get_history", { number: 99 })).status, 404);
    const diff = (await api.call("diff", { from: 1 })).body as Change;
    assert.deepEqual(diff.changed.map(({ name }) => name).toSorted(), ["new.test", "shop.test/a"]);
    const audit = (await api.call("audit")).body as {
      entries: { what: string; by: string; revision: number | null }[];
    };
    assert.ok(
      audit.entries.some(
        ({ what, revision }) => what === "delete routes shop.test/a" && revision !== null,
      ),
    );
    assert.ok(audit.entries.every(({ by }) => by === "admin" || by === "first start"));
  },
);

test("what the file has is shown with its place, and is changed there", bounded, async () => {
  await using program = await startTidegate({ config, workers: 2 });
  const api = await clientOf(program);
  const { items } = (await api.call("list_routes", { source: "file" })).body as Items;
  assert.deepEqual(
    items.map(({ name, source }) => [name, source]),
    [["file.test", "file"]],
  );
  for (const id of ["put_routes", "delete_routes"]) {
    const given = id === "put_routes" ? { body: "http://127.0.0.1:1" } : {};
    const found = await api.call(id, { name: "file.test", ...given });
    assert.equal(found.status, 409, id);
    assert.match(JSON.stringify(found.body), /tidegate\.yaml:\d+:\d+: change it there/);
  }
  const changes = [{ section: "routes", name: "file.test", value: "http://127.0.0.1:1" }];
  assert.equal((await api.call("transact", { body: { changes } })).status, 409);
  const overlay = await api.call("put_overlays", {
    name: "file.test",
    body: { addPrefix: "/laid/over" },
  });
  assert.equal(overlay.status, 201);
  const shown = await ask(program.port(), { name: "file.test" });
  assert.equal(shown.status, 200);
  const dump = await api.call("dump");
  assert.match(String(dump.body), /file\.test/);
});

test("many items come in pages, and go out and in again as they are", bounded, async () => {
  await using program = await startTidegate({ config, workers: 2 });
  const api = await clientOf(program);
  const names = Array.from({ length: 25 }, (_, at) => `r${String(at).padStart(2, "0")}.test`);
  const changes = names.map((name) => ({ section: "routes", name, value: { whoami: true } }));
  assert.equal((await api.call("transact", { body: { changes } })).status, 200);
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Items = (
      await api.call("list_routes", {
        limit: 10,
        source: "store",
        ...(cursor === null ? {} : { cursor }),
      })
    ).body as Items;
    assert.equal(page.total, 25);
    seen.push(...page.items.map(({ name }) => name));
    cursor = page.next;
  } while (cursor !== null);
  assert.deepEqual(
    seen,
    names.map((name) => `${name}@store`),
  );
  const all = (await api.call("export")).body as { items: unknown[] };
  assert.equal(all.items.length, 25);
  const emptied = await api.call("import", { body: { format: "tidegate-items-1", items: [] } });
  assert.equal((emptied.body as Change).changed.length, 25);
  assert.deepEqual(await statuses(program, "r07.test"), [404]);
  assert.equal((await api.call("import", { body: all })).status, 200);
  assert.deepEqual(await statuses(program, "r07.test"), [200]);
});

test(
  "what is wrong is refused with its place and what to write, and all of a transaction with it",
  bounded,
  async () => {
    await using program = await startTidegate({ config, workers: 2 });
    const api = await clientOf(program);
    const changes = [
      { section: "routes", name: "good.test", value: { whoami: true } },
      { section: "routes", name: "bad.test", value: { whoami: true, timeouts: { connect: "5" } } },
    ];
    const found = await api.call("transact", { body: { changes } });
    assert.equal(found.status, 422);
    const { errors } = found.body as { errors: { pointer: string; remedy: string }[] };
    assert.deepEqual(
      errors.map(({ pointer, remedy }) => [pointer, remedy]),
      [["/changes/1/value/timeouts/connect", "write 5s"]],
    );
    assert.deepEqual(await statuses(program, "good.test"), [404]);
    const stranger = await api.call("put_routes", { name: "x@docker", body: { whoami: true } });
    assert.equal(stranger.status, 422);
    const secret = await api.call("put_routes", {
      name: "x.test",
      body: { respond: { page: "/etc/passwd" } },
    });
    assert.equal(secret.status, 422, "files of the host are named in its own file alone");
    await api.call("put_routes", { name: "short.test", body: "http://127.0.0.1:1" });
    const short = await api.call("patch_routes", { name: "short.test", body: { maxBody: "1MiB" } });
    assert.equal(short.status, 422);
    assert.match(JSON.stringify(short.body), /PUT/);
  },
);

test("of many who change one route at once each is told what came of it", bounded, async () => {
  await using program = await startTidegate({ config, workers: 2 });
  const api = await clientOf(program);
  const made = await api.call("put_routes", {
    name: "a.test",
    body: { respond: { body: "first" } },
  });
  const etag = made.headers.get("etag") ?? "";
  const all = await Promise.all(
    Array.from({ length: 8 }, (_, at) =>
      api.call("put_routes", {
        name: "a.test",
        "If-Match": etag,
        body: { respond: { body: `${at}` } },
      }),
    ),
  );
  assert.equal(all.filter(({ status }) => status === 200).length, 1);
  assert.equal(all.filter(({ status }) => status === 412).length, 7);
  const keys = ["connect", "response", "body", "tunnel"];
  const patches = await Promise.all(
    keys.map((key) =>
      api.call("patch_routes", { name: "a.test", body: { timeouts: { [key]: "7s" } } }),
    ),
  );
  assert.deepEqual(new Set(patches.map(({ status }) => status)), new Set([200]));
  const { value } = (await api.call("get_routes", { name: "a.test" })).body as {
    value: { timeouts: object };
  };
  assert.deepEqual(Object.keys(value.timeouts).toSorted(), keys.toSorted(), "no patch was lost");
  const many = await Promise.all(
    Array.from({ length: 20 }, (_, at) =>
      api.call("patch_routes", { name: "a.test", body: { priority: at } }),
    ),
  );
  assert.deepEqual(
    new Set(many.map(({ status }) => status)),
    new Set([200]),
    "nobody said which version is meant",
  );
});

test("what runs can be seen and steered", bounded, async () => {
  await using origin = await LiveOrigin.start("one");
  await using program = await startTidegate({
    config: {
      ...config,
      services: { shop: origin.url },
      routes: { "shop.test": { service: "shop" } },
    },
    workers: 2,
  });
  const api = await clientOf(program);
  for (const id of [
    "status",
    "listeners",
    "providers",
    "workers",
    "health",
    "settings",
    "log",
    "whoami",
  ]) {
    assert.equal((await api.call(id)).status, 200, id);
  }
  assert.equal(((await api.call("workers")).body as unknown[]).length, 2);
  assert.equal((await api.call("pause_service", { name: "shop" })).status, 200);
  const states = async () =>
    ((await api.call("health")).body as { state: string }[]).map(({ state }) => state);
  assert.deepEqual(await states(), ["paused"]);
  assert.equal((await api.call("resume_service", { name: "shop" })).status, 200);
  assert.deepEqual(await states(), ["up"]);
  assert.equal(
    (await api.call("maintenance_service", { name: "shop", body: { on: true } })).status,
    200,
  );
  assert.deepEqual(await statuses(program, "shop.test"), [503]);
  assert.equal((await api.call("resume_service", { name: "shop" })).status, 200);
  const gone = { name: "shop", body: { backend: "http://127.0.0.1:1" } };
  assert.equal((await api.call("drain_service", gone)).status, 409);
  assert.equal((await api.call("reload")).status, 200);
  const workers = await api.call("resize", { body: { size: 1 } });
  assert.equal(workers.status, 200);
  assert.equal((await api.call("resize", { body: { size: 0 } })).status, 422);
  assert.equal((await api.call("test_alerts")).status, 409, "nobody is to be told");
});
