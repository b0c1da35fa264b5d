// Files and programs as the file says them, and what becomes of it.

import { deepStrictEqual, ok, partialDeepStrictEqual, strictEqual } from "node:assert";
import { test } from "node:test";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { hiddenWithoutPhp } from "./files.ts";
import { withoutPreset } from "./preset-words.ts";
import { presetNames } from "./presets.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";
import type { Service } from "./service.ts";
import type { Snapshot } from "./snapshot.ts";

function read(text: string, baseFolder = "/usr"): Snapshot {
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder });
  const told = problems.filter(({ message }) => message !== "there are no routes");
  deepStrictEqual(told.map(formatProblem), []);
  ok(snapshot);
  return snapshot;
}

/** Of one called s, and its program. */
function serviceOf(words: string, baseFolder?: string) {
  const { services } = read(`providers: { lxc: true }\nservices:\n  s: ${words}`, baseFolder);
  return { service: services.get("s"), program: services.get("s@scripts"), services };
}

const path = (text: string) => ({ kind: "path", path: text, query: undefined }) as const;

test("a folder alone is files with what is usual, and no program", () => {
  const { service, services } = serviceOf("{ files: share }");
  ok(service?.kind === "files");
  const { origin, ...rest } = service;
  strictEqual(origin.place, "t.yaml:3:3");
  deepStrictEqual(rest, {
    kind: "files",
    name: "s",
    maintenance: undefined,
    guest: undefined,
    root: "/usr/share",
    index: ["index.html"],
    try: [path("$path"), path("$path/")],
    listing: false,
    precompressed: [],
    hidden: hiddenWithoutPhp,
    shown: [".well-known"],
    cacheControl: [],
    types: {},
    charset: "utf-8",
    scripts: undefined,
  });
  strictEqual(services.size, 1);
});

test("every key of files is read, in its short form and in its long one", () => {
  const { service } = serviceOf(`
    files:
      root: /usr/share/
      index: [a.html, b.html]
      try: [$path, $path.html, /x//y.html, "=410"]
      listing: true
      precompressed: true
      hidden: []
      shown: [.a]
      cacheControl: { "/assets/*": "max-age=60, immutable", "*.html": "" }
      types: { .WASM: application/wasm, md: "text/markdown; charset=x" }
      charset: ""
`);
  partialDeepStrictEqual(service, {
    root: "/usr/share",
    index: ["a.html", "b.html"],
    try: [path("$path"), path("$path.html"), path("/x/y.html"), { kind: "status", status: 410 }],
    listing: true,
    precompressed: ["br", "zstd", "gzip"],
    hidden: [],
    shown: [".a"],
    cacheControl: [
      { pattern: "/assets/*", value: "max-age=60, immutable" },
      { pattern: "*.html", value: "" },
    ],
    types: { wasm: "application/wasm", md: "text/markdown; charset=x" },
    charset: "",
  });
  const { service: short } = serviceOf(
    "{ files: { root: share, spa: true, cacheControl: no-cache, index: x.html } }",
  );
  partialDeepStrictEqual(short, {
    try: [path("$path"), path("$path/"), path("/index.html")],
    cacheControl: [{ pattern: "*", value: "no-cache" }],
    index: ["x.html"],
  });
});

test("a container's paths are its own: they are not looked at, and its sockets name it", () => {
  const { service, program } = serviceOf(
    "{ container: lxc/blog, files: /srv//www/, fastcgi: [unix:/run/a.sock, 10.0.0.9:9000] }",
  );
  partialDeepStrictEqual(service, {
    guest: "lxc/blog",
    root: "/srv/www",
    index: ["index.php", "index.html"],
    scripts: { service: "s@scripts", extensions: [".php"], neverIn: [] },
  });
  ok(program?.kind === "backends");
  strictEqual(program.guest, "lxc/blog");
  deepStrictEqual(
    program.backends.map(({ address, speaks, protocol }) => [address, speaks, protocol]),
    [
      [{ kind: "unix", path: "/run/a.sock", guest: "lxc/blog" }, "fastcgi", "http"],
      [{ kind: "tcp", host: "10.0.0.9", port: 9000 }, "fastcgi", "http"],
    ],
  );
  deepStrictEqual(program.gateway, {
    root: "/srv/www",
    index: "index.php",
    extensions: [".php"],
    script: undefined,
    params: {},
    streamsUnknownLength: false,
    multiplex: false,
    sendFiles: undefined,
  });
});

test("a program keeps no idle connection, since a worker of PHP belongs to one; unless it is said", () => {
  const { program } = serviceOf("{ files: share, fastcgi: 127.0.0.1:1 }");
  strictEqual(program?.kind === "backends" && program.pool.maxIdle, 0);
  const { program: other } = serviceOf(
    "{ files: share, fastcgi: 127.0.0.1:1, pool: { maxIdle: 3 }, retry: { attempts: 0 } }",
  );
  ok(other?.kind === "backends");
  strictEqual(other.pool.maxIdle, 3);
  strictEqual(other.retry.attempts, 0);
});

test("a program without scripts gets all that is no file, and sources beside it are hidden", () => {
  for (const words of [
    "uwsgi: 127.0.0.1:1",
    "fastcgi: { backends: 127.0.0.1:1, extensions: [] }",
  ]) {
    const { service, program } = serviceOf(`{ files: share, ${words} }`);
    ok(service?.kind === "files");
    deepStrictEqual(service.try, [path("$path"), { kind: "service", service: "s@scripts" }]);
    ok(service.hidden.includes("*.py"));
    ok(program?.kind === "backends");
    strictEqual(program.gateway?.root, "");
    strictEqual(program.gateway.index, "");
  }
});

test("beside the one script that answers everything no other is given away", () => {
  const { service, program } = serviceOf(
    "{ files: share, fastcgi: { backends: 127.0.0.1:1, script: /public/Index.PHP } }",
  );
  ok(service?.kind === "files" && program?.kind === "backends");
  deepStrictEqual(service.scripts?.extensions, [".php"]);
  deepStrictEqual(program.gateway?.extensions, []);
  strictEqual(program.gateway.script, "/public/Index.PHP");
  strictEqual(program.gateway.root, "/usr/share");
  strictEqual(service.hidden.includes("*.php"), false);
});

test("a program stands alone, with its scheme among backends or by its own key", () => {
  for (const words of [
    "fastcgi://127.0.0.1:9000",
    "{ fastcgi: 127.0.0.1:9000 }",
    "{ fastcgi: { backends: [{ url: FastCGI://127.0.0.1:9000, weight: 1 }] } }",
  ]) {
    const { service } = serviceOf(words);
    ok(service?.kind === "backends");
    strictEqual(service.backends[0]?.speaks, "fastcgi");
    deepStrictEqual(service.gateway?.extensions, []);
  }
  const { service } = serviceOf("{ container: lxc/a, backends: [unix:/run/app.sock] }");
  ok(service?.kind === "backends");
  strictEqual(service.gateway, undefined);
  deepStrictEqual(service.backends[0]?.address, {
    kind: "unix",
    path: "/run/app.sock",
    guest: "lxc/a",
  });
});

test("a route says files and programs beside its own keys, and they are a service of its own", () => {
  const { services, routes } = read(`
providers: { lxc: { name: here } }
services: { app: http://a }
routes:
  a.test: { container: here/a, files: /srv, fastcgi: unix:/run/x.sock, maxBody: 0, spool: true }
  b.test: { files: { root: share, try: [$path, "@app"] } }
  c.test: { container: here/a, service: [unix:/run/y.sock] }
  app: { host: d.test, preset: django, scgi: 127.0.0.1:1 }
`);
  deepStrictEqual([...services.keys()].toSorted(), [
    "a.test",
    "a.test@scripts",
    "app",
    "app@route",
    "b.test",
    "c.test",
  ]);
  deepStrictEqual(
    routes.map(({ service }) => service),
    ["a.test", "b.test", "c.test", "app@route"],
  );
  deepStrictEqual(routes[0]?.spool, { memory: 65_536 });
  const b = services.get("b.test");
  deepStrictEqual(b?.kind === "files" && b.try.at(-1), { kind: "service", service: "app" });
  const c = services.get("c.test");
  strictEqual(c?.kind === "backends" && c.guest, "here/a");
});

test("what a preset stands for can be written out, and is read as the same", () => {
  const shown = (service: Service | undefined) => ({ ...service, origin: undefined });
  for (const said of [
    ...presetNames.map((each) => ({ container: "lxc/a", preset: each, fastcgi: "unix:/run/x" })),
    ...presetNames.map((each) => ({
      container: "lxc/a",
      preset: each,
      uwsgi: ["unix:/run/x", "10.0.0.1:1"],
      files: { root: "/srv", hidden: ["x"] },
    })),
    { container: "lxc/a", preset: "wordpress", files: "/blog", timeouts: { body: "1s" } },
    { container: "lxc/a", preset: "wordpress", files: { spa: true } },
    {
      ...{ container: "lxc/a", preset: "wordpress" },
      fastcgi: { backends: "unix:/run/x", params: { WP_ENV: "test" } },
    },
    { preset: "seafile", fastcgi: "10.0.0.1:1", timeouts: { response: "1s" } },
  ]) {
    const written = withoutPreset(said);
    ok(!JSON.stringify(written).includes("preset"));
    const one = serviceOf(JSON.stringify(said));
    const other = serviceOf(JSON.stringify(written));
    deepStrictEqual(shown(one.service), shown(other.service));
    deepStrictEqual(shown(one.program), shown(other.program));
    const route = (words: unknown) =>
      read(`providers: { lxc: true }\nroutes: { a.test: ${JSON.stringify(words)} }`).routes[0];
    deepStrictEqual(route(said)?.timeouts, route(written)?.timeouts);
    deepStrictEqual(withoutPreset({ service: said }), { service: written });
  }
});

test("params beside a preset are added to its own, and one of the same name wins", () => {
  const params = (said: string) => {
    const { program } = serviceOf(`{ container: lxc/a, preset: wordpress, fastcgi: ${said} }`);
    return program?.kind === "backends" ? program.gateway?.params : undefined;
  };
  const SERVER_SOFTWARE = "tidegate, as nginx";
  const added = params("{ backends: 'unix:/run/x', params: { WP_ENV: test } }");
  deepStrictEqual(added, { SERVER_SOFTWARE, WP_ENV: "test" });
  const taken = params("{ params: { SERVER_SOFTWARE: '' } }");
  deepStrictEqual(taken, { SERVER_SOFTWARE: "" });
});

test("what is said beside a preset wins, and a preset that knows all needs a container at most", () => {
  const { service, program } = serviceOf("{ container: lxc/a, preset: wordpress }");
  partialDeepStrictEqual(service, {
    root: "/usr/share/wordpress",
    try: [path("$path"), path("$path/"), { kind: "path", path: "/index.php", query: "$query" }],
    scripts: { neverIn: ["/wp-content/uploads", "/wp-content/files"] },
  });
  ok(program?.kind === "backends");
  strictEqual(program.backends[0]?.url, "fastcgi://unix:/run/php/php-fpm.sock");
  const { service: own, program: ownProgram } = serviceOf(
    "{ container: lxc/a, preset: wordpress, files: { root: /blog, index: i.php }, fastcgi: { neverIn: /up } }",
  );
  partialDeepStrictEqual(own, {
    root: "/blog",
    index: ["i.php"],
    scripts: { neverIn: ["/up"], extensions: [".php"] },
  });
  ok(ownProgram?.kind === "backends");
  strictEqual(ownProgram.gateway?.root, "/blog");
});

test("`restoreUrls: true` is the opposite of what the route does to the path", () => {
  const { routes } = read(`
routes:
  a.test/app: { service: http://a, stripPrefix: true, restoreUrls: true }
  a.test/seafmedia: { service: http://a, replacePrefix: /media, restoreUrls: true }
  a.test/x: { service: http://a, stripPrefix: /x, addPrefix: /y/z, restoreUrls: true }
  a.test/root: { service: http://a, replacePrefix: /, restoreUrls: true }
  a.test/said: { service: http://a, restoreUrls: { from: /, to: /said, hosts: App.Internal:8080, cookieDomains: .App.Internal } }
  a.test/no: { service: http://a, stripPrefix: true, restoreUrls: false }
`);
  const none = { hosts: [], cookieDomains: [] };
  deepStrictEqual(
    routes.map(({ restoreUrls }) => restoreUrls),
    [
      { from: "", to: "/app", ...none },
      { from: "/media", to: "/seafmedia", ...none },
      { from: "/y/z", to: "/x", ...none },
      { from: "", to: "/root", ...none },
      { from: "", to: "/said", hosts: ["app.internal:8080"], cookieDomains: ["app.internal"] },
      undefined,
    ],
  );
});

test("files and logs of this machine begin at the folder of the configuration", async () => {
  await using folder = await tempFolder("tidegate-files-");
  const { routes, services } = read(
    "routes: { a.test: { files: ., errorLog: php.log }, b.test: { service: http://a, errorLog: stderr } }",
    folder.path,
  );
  const files = services.get("a.test");
  strictEqual(files?.kind === "files" && files.root, folder.path);
  deepStrictEqual(
    routes.map(({ errorLog }) => errorLog),
    [folder.file("php.log"), "stderr"],
  );
});
