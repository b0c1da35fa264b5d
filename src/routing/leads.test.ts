import assert from "node:assert/strict";
import { test } from "node:test";
import { routeOf } from "../../test/harness/routes-sample.ts";
import { emptyService } from "../config/empty-service.ts";
import { maxServiceDepth } from "../config/limits.ts";
import { readBackend } from "../config/read-backend.ts";
import type { Service } from "../config/service.ts";
import type { Route, StreamRoute } from "../config/snapshot.ts";
import { unsoundOf } from "./leads.ts";

/** Of the file when its name is in capitals. */
function originOf(name: string) {
  return { provider: /^[A-Z]/.test(name) ? "file" : "redis", place: name };
}

function leading(name: string, ...services: readonly string[]): Service {
  const common = { name, origin: originOf(name), maintenance: undefined };
  return { ...common, kind: "failover", services, statuses: [] };
}

function serving(name: string, url: string): Service {
  const read = readBackend(url);
  assert.ok(read.kind === "backend");
  return { ...emptyService(name, originOf(name)), backends: [read.backend] };
}

function unsound(
  services: readonly Service[],
  { routes = [], streamRoutes = [] }: { routes?: Route[]; streamRoutes?: StreamRoute[] } = {},
): Record<string, string> {
  const found = unsoundOf({
    services: new Map(services.map((each) => [each.name, each])),
    routes,
    streamRoutes,
  });
  return Object.fromEntries([...found].map(([{ name }, why]) => [name, why]));
}

const chain = (length: number, name = (at: number) => `s${at}`) =>
  Array.from({ length }, (_, at) =>
    at === length - 1 ? serving(name(at), "http://h:1") : leading(name(at), name(at + 1)),
  );

test("services that lead to others, to nobody, and to one of them twice are sound", () => {
  const services = [
    leading("a", "b", "c"),
    leading("b", "d", "missing"),
    leading("c", "d"),
    serving("d", "http://h:1"),
  ];
  assert.deepEqual(unsound(services), {});
  assert.deepEqual(unsound(chain(maxServiceDepth)), {});
});

test("of a circle one is left out, which is never the file's", () => {
  assert.deepEqual(unsound([leading("a", "a")]), {
    a: "the services lead in a circle: a → a",
  });
  const whys = unsound([leading("A", "b"), leading("b", "C"), leading("C", "A")]);
  assert.deepEqual(Object.keys(whys), ["b"]);
  assert.match(whys["b"] ?? "", /circle: A → b → C → A/);
  // Whoever leads into the circle from outside is not part of it.
  const outside = unsound([leading("x", "a"), leading("a", "b"), leading("b", "a")]);
  assert.deepEqual(Object.keys(outside), ["b"]);
  // Two circles through one service are both opened.
  const two = [leading("M", "a", "b"), leading("a", "M"), leading("b", "M")];
  assert.deepEqual(Object.keys(unsound(two)).sort(), ["a", "b"]);
});

test("a chain that is too long is cut where it is not the file's", () => {
  const length = maxServiceDepth + 1;
  for (const services of [chain(length), chain(length).reverse()]) {
    const whys = unsound(services);
    assert.equal(Object.keys(whys).length, 1);
    assert.match(Object.values(whys)[0] ?? "", /more than 16 services lead to one another/);
    // What is left after that is sound.
    assert.deepEqual(unsound(services.filter(({ name }) => !(name in whys))), {});
  }
  const mixed = chain(length, (at) => (at === 3 ? "s3" : `F${at}`));
  assert.deepEqual(Object.keys(unsound(mixed)), ["s3"]);
});

test("many that lead to many are looked at once each", () => {
  const layers = 12;
  const width = 20;
  const names = (layer: number) => Array.from({ length: width }, (_, at) => `l${layer}-${at}`);
  const services = Array.from({ length: layers }, (_, layer) =>
    names(layer).map((name) =>
      layer === layers - 1 ? serving(name, "http://h:1") : leading(name, ...names(layer + 1)),
    ),
  ).flat();
  const startedAt = performance.now();
  assert.deepEqual(unsound(services), {});
  assert.ok(performance.now() - startedAt < 2000);
});

test("a route whose service speaks something else is left out, unless it is the file's", () => {
  const services = [
    serving("web", "http://h:1"),
    serving("db", "tcp://h:1"),
    leading("group", "db"),
    emptyService("nobody", originOf("nobody")),
  ];
  const route = (name: string, service: string): Route => ({
    ...routeOf(name, "Host(`a`)"),
    origin: originOf(name),
    service,
  });
  const stream = (name: string, service: string): StreamRoute => ({
    name,
    origin: originOf(name),
    listeners: undefined,
    rule: { kind: "hostSni", host: "a.test" },
    priority: undefined,
    service,
    tls: undefined,
    timeouts: { connect: 0, idle: 0 },
  });
  const whys = unsound(services, {
    routes: [
      route("good", "web"),
      route("bad", "db"),
      route("deep", "group"),
      route("File", "db"),
      route("empty", "nobody"),
      route("missing", "missing"),
    ],
    streamRoutes: [stream("fine", "group"), stream("wrong", "web"), stream("none", "nobody")],
  });
  assert.deepEqual(whys, {
    bad: "db has tcp backends, and this route needs http ones",
    deep: "group has tcp backends, and this route needs http ones",
    wrong: "web has http backends, and this route needs tcp ones",
  });
});

function filing(name: string, fallback?: string): Service {
  const path = { kind: "path", path: "$path", query: undefined } as const;
  const last = fallback === undefined ? [] : [{ kind: "service", service: fallback } as const];
  return {
    ...{ kind: "files", name, origin: originOf(name), maintenance: undefined },
    ...{ guest: undefined, root: "/srv", index: [], try: [path, ...last], listing: false },
    ...{ precompressed: [], hidden: [], shown: [], cacheControl: [], types: {}, charset: "" },
    scripts: undefined,
  };
}

test("files answer by themselves: they are no part of others, and carry no streams", () => {
  const part = (name: string) => `${name} answers with files, and cannot be a part of another`;
  const whole = { why: `${part("f")} service` };
  assert.deepEqual(unsound([filing("f"), leading("a", "f")]), { a: whole.why });
  // What the file says is not the one that is left out.
  assert.deepEqual(unsound([filing("f"), leading("A", "f")]), { f: whole.why });
  assert.deepEqual(unsound([filing("f"), filing("g", "f")]), { g: whole.why });
  assert.deepEqual(unsound([filing("f", "web"), serving("web", "http://h:1")]), {});
  const stream: StreamRoute = {
    name: "s",
    origin: originOf("s"),
    listeners: undefined,
    rule: { kind: "hostSni", host: "*" },
    priority: undefined,
    service: "f",
    tls: undefined,
    timeouts: { connect: 0, idle: 0 },
  };
  assert.deepEqual(unsound([filing("f")], { streamRoutes: [stream] }), {
    s: "f answers requests with files, and this route needs tcp ones",
  });
});
