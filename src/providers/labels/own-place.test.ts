import assert from "node:assert/strict";
import { test } from "node:test";
import { noteLines, routeLines, type Given, translated } from "../../../test/harness/translated.ts";
import type { BackendService, Service } from "../../config/service.ts";
import { namesakesMarked } from "../guest-names.ts";
import { discoverySettings, workloadOf } from "../../../test/harness/workload.ts";
import { translate } from "./translate.ts";

const host = { "tidegate.host": "a.test" };

function of(labels: Record<string, string>, given: Partial<Given> = {}) {
  return translated([{ name: "blog", labels: { ...host, ...labels }, ...given }]);
}

function servicesOf(found: ReturnType<typeof of>): readonly Service[] {
  return Object.values(found.discovery.services);
}

function onlyOf(found: ReturnType<typeof of>): Service {
  const [service, ...others] = servicesOf(found);
  assert.ok(service !== undefined && others.length === 0, JSON.stringify(noteLines(found)));
  return service;
}

function programOf(found: ReturnType<typeof of>): BackendService {
  const all = servicesOf(found);
  const program = all.find(({ kind }) => kind === "backends");
  assert.ok(program?.kind === "backends", JSON.stringify([all, noteLines(found)]));
  return program;
}

test("files of a label are the container's own, whatever path it says", () => {
  const service = onlyOf(of({ "tidegate.files": "/etc" }));
  assert.ok(service.kind === "files");
  assert.equal(service.guest, "docker/blog");
  assert.equal(service.root, "/etc");
  const more = onlyOf(of({ "tidegate.files.root": "/srv", "tidegate.files.listing": "true" }));
  assert.ok(more.kind === "files");
  assert.deepEqual([more.guest, more.root, more.listing], ["docker/blog", "/srv", true]);
});

test("a bare port of a program is one of the container's own address", () => {
  for (const kind of ["fastcgi", "scgi", "uwsgi"] as const) {
    const service = programOf(of({ [`tidegate.${kind}`]: "9000" }));
    const [backend] = service.backends;
    assert.equal(backend?.url, `${kind}://172.18.0.2:9000`);
    assert.equal(backend?.speaks, kind);
    assert.ok(service.gateway !== undefined);
  }
});

test("a socket of a program is one in the container", () => {
  const service = programOf(of({ "tidegate.fastcgi": "unix:/run/php/php-fpm.sock" }));
  const [backend] = service.backends;
  assert.deepEqual(backend?.address, {
    ...{ kind: "unix", path: "/run/php/php-fpm.sock" },
    guest: "docker/blog",
  });
  const stopped = of({ "tidegate.fastcgi": "unix:/run/php/php-fpm.sock" }, { state: "stopped" });
  const away = programOf(stopped);
  assert.deepEqual(away.backends, []);
  assert.equal(away.absent[0]?.state, "stopped");
});

test("files and a program beside them are two services of the provider", () => {
  const labels = { "tidegate.files": "/var/www/html", "tidegate.fastcgi": "9000" };
  const found = of(labels);
  const names = Object.keys(found.discovery.services).toSorted();
  assert.deepEqual(names, ["blog@docker", "blog@scripts@docker"]);
  const main = found.discovery.services["blog@docker"];
  assert.ok(main?.kind === "files");
  assert.equal(main.scripts?.service, "blog@scripts@docker");
  const program = programOf(found);
  assert.equal(program.name, "blog@scripts@docker");
  assert.equal(program.backends[0]?.url, "fastcgi://172.18.0.2:9000");
  assert.deepEqual(found.members.get("blog@scripts@docker"), found.members.get("blog@docker"));
});

test("a preset says the rest", () => {
  const labels = { "tidegate.preset": "wordpress", "tidegate.fastcgi": "9000" };
  const found = of(labels);
  const main = found.discovery.services["blog@docker"];
  assert.ok(main?.kind === "files", JSON.stringify(noteLines(found)));
  assert.equal(main.guest, "docker/blog");
  assert.equal(programOf(found).backends[0]?.url, "fastcgi://172.18.0.2:9000");
});

const elsewhere: readonly Record<string, string>[] = [
  { "tidegate.fastcgi": "10.0.0.1:9000" },
  { "tidegate.fastcgi": "127.0.0.1:9000" },
  { "tidegate.fastcgi": "192.0.2.1:9000" },
  { "tidegate.fastcgi": "fastcgi://10.0.0.1:9000" },
  { "tidegate.fastcgi": "9000, 10.0.0.1:9000" },
  { "tidegate.fastcgi": "[9000, '10.0.0.1:9000']" },
  { "tidegate.fastcgi": "{ backends: '10.0.0.1:9000' }" },
  { "tidegate.fastcgi.backends": "10.0.0.1:9000" },
  { "tidegate.FastCGI.Backends": "unix:/run/x.sock,unix:/run/y.sock" },
  { "tidegate.service.fastcgi": "10.0.0.1:9000" },
  { "tidegate.service.FastCGI.backends": "10.0.0.1:9000" },
  { "tidegate.fastcgi": "70000" },
  { "tidegate.fastcgi": "unix:run/x.sock" },
  { "tidegate.fastcgi": "unix:/run/x.sock:/base" },
  { "tidegate.container": "docker/other", "tidegate.files": "/" },
  { "tidegate.service.container": "docker/other", "tidegate.files": "/" },
  { "tidegate.service.container": "lxc/blog", "tidegate.service.files": "/" },
  { "tidegate.files": "/srv", "tidegate.files.try": "@other@docker" },
  { "tidegate.files": "/srv", "tidegate.errorLog": "/etc/passwd" },
  { "tidegate.files": "/srv", "tidegate.service.backends": "http://10.0.0.1" },
  { "tidegate.routes.api.host": "b.test", "tidegate.routes.api.container": "docker/other" },
];

for (const labels of elsewhere) {
  test(`labels lead nowhere else: ${JSON.stringify(labels)}`, () => {
    const found = of(labels);
    const texts = JSON.stringify(found.discovery);
    assert.doesNotMatch(texts, /10\.0\.0\.1|127\.0\.0\.1|192\.0\.2\.1|docker\/other|lxc\/blog/);
    assert.doesNotMatch(texts, /passwd|@other@docker|y\.sock|"\/base"/);
    assert.ok(
      noteLines(found).some((line) => line.startsWith("error")),
      noteLines(found).join(),
    );
  });
}

test("a route of its own to another port does not lead to the files of the whole container", () => {
  const found = of({
    "tidegate.files": "/var/www/html",
    "tidegate.routes.api.host": "b.test",
    "tidegate.routes.api.port": "3000",
    "tidegate.routes.more.host": "c.test",
  });
  const serviceOf = (name: string) => {
    const route = found.discovery.routes.find(({ item }) => item.name === name)?.item;
    return found.discovery.services[route?.service ?? ""];
  };
  assert.equal(serviceOf("blog@docker")?.kind, "files");
  assert.equal(serviceOf("blog-more@docker")?.kind, "files");
  const api = serviceOf("blog-api@docker");
  assert.ok(api?.kind === "backends");
  assert.equal(api.backends[0]?.url, "http://172.18.0.2:3000");
});

test("of several of one service the oldest has the files, and all answer at their ports", () => {
  const labels = { ...host, "tidegate.files": "/srv", "tidegate.fastcgi": "9000" };
  const found = translated([
    { name: "b-2", role: "b", project: "p", labels, createdAt: 2000, addresses: at("172.18.0.3") },
    { name: "b-1", role: "b", project: "p", labels, createdAt: 1000, addresses: at("172.18.0.2") },
  ]);
  const files = Object.values(found.discovery.services).find(({ kind }) => kind === "files");
  assert.ok(files?.kind === "files");
  assert.equal(files.guest, "docker/b-1");
  const urls = programOf(found).backends.map(({ url }) => url);
  assert.deepEqual(urls.toSorted(), ["fastcgi://172.18.0.2:9000", "fastcgi://172.18.0.3:9000"]);
  assert.match(noteLines(found).join("\n"), /b-1 is of the same service, and its files are served/);
});

test("one whose name means another container gets none of its files", () => {
  const labels = { ...host, "tidegate.files": "/" };
  const all = namesakesMarked([
    workloadOf({ name: "blog", platform: "incus", id: "1" }),
    workloadOf({ name: "blog", platform: "incus", id: "2", project: "guests", labels }),
  ]);
  const options = { exposedByDefault: true, withPlainServices: false };
  const found = translate(all, discoverySettings({ name: "incus" }), options);
  assert.deepEqual(found.discovery.services, {});
  assert.match(noteLines(found).join("\n"), /another container of incus is called blog/);
});

test("what libvirt runs has no files here, and says so", () => {
  const found = of({ "tidegate.files": "/srv" }, { platform: "libvirt" });
  assert.deepEqual(found.discovery.services, {});
  assert.ok(noteLines(found).some((line) => line.startsWith("error")));
});

test("programs of nginx-proxy know their folder", () => {
  const env = { VIRTUAL_HOST: "a.test", VIRTUAL_PROTO: "fastcgi", VIRTUAL_PORT: "9000" };
  const usual = programOf(translated([{ name: "blog", env }]));
  assert.equal(usual.gateway?.root, "/var/www/public");
  const said = programOf(translated([{ name: "blog", env: { ...env, VIRTUAL_ROOT: "/srv/app" } }]));
  assert.equal(said.gateway?.root, "/srv/app");
  assert.deepEqual(routeLines(translated([{ name: "blog", env }])), [
    "a.test@docker: Host(`a.test`) → fastcgi://172.18.0.2:9000",
  ]);
});

function at(ip: string) {
  return [{ ip, network: "web" }];
}
